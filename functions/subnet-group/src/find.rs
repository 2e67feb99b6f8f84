//! Reads the tags of subnet groups.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheSubnetGroup, Tag};
use contract::error::StepResult;

/// Returns a subnet group's tags.
pub async fn tags(elasticache: &Client, group: &CacheSubnetGroup) -> StepResult<Vec<Tag>> {
    let name = group.cache_subnet_group_name().unwrap_or_default();
    let arn = group.arn().unwrap_or_default();
    Ok(elasticache::tag::list(elasticache, arn, name).await?)
}
