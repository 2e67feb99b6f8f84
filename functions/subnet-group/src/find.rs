//! Reads subnet groups and their tags.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheSubnetGroup, Tag};
use contract::error::StepResult;

/// Returns the subnet group with this name, if it exists.
pub async fn subnet_group(
    elasticache: &Client,
    name: &str,
) -> StepResult<Option<CacheSubnetGroup>> {
    let answer = elasticache
        .describe_cache_subnet_groups()
        .cache_subnet_group_name(name)
        .send()
        .await;
    match answer {
        Ok(found) => Ok(found
            .cache_subnet_groups
            .unwrap_or_default()
            .into_iter()
            .next()),
        Err(error) if step::code(&error) == Some("CacheSubnetGroupNotFoundFault") => Ok(None),
        Err(error) => Err(step::failure("DescribeCacheSubnetGroups", name, error)),
    }
}

/// Returns a subnet group's tags.
pub async fn tags(elasticache: &Client, group: &CacheSubnetGroup) -> StepResult<Vec<Tag>> {
    let name = group.cache_subnet_group_name().unwrap_or_default();
    let arn = group.arn().unwrap_or_default();
    Ok(elasticache::tag::list(elasticache, arn, name).await?)
}
