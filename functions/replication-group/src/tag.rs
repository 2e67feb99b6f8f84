//! Adds tags to the replication group, and removes them. ElastiCache does the same with its members
//! ([AddTagsToResource](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_AddTagsToResource.html)).

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{ReplicationGroup, Tag};
use contract::error::StepResult;
use elasticache::tag::CallError;

use crate::find::are_tags_unavailable;

/// Adds tags to the group, or overwrites their values. Returns whether ElastiCache accepted them: it doesn't while the group
/// is changing.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn add(
    elasticache: &Client,
    group: &ReplicationGroup,
    tags: Vec<Tag>,
) -> StepResult<bool> {
    let arn = group.arn().unwrap_or_default();
    is_accepted(elasticache::tag::add(elasticache, arn, tags).await)
}

/// Removes the tags with these keys from the group. Returns whether ElastiCache accepted that: it doesn't while the group is
/// changing.
///
/// # Errors
/// Returns `NotFound`, which the state machine retries, if the group no longer has one of them. Otherwise, returns
/// ElastiCache's error.
pub async fn remove(
    elasticache: &Client,
    group: &ReplicationGroup,
    keys: Vec<String>,
) -> StepResult<bool> {
    let arn = group.arn().unwrap_or_default();
    is_accepted(elasticache::tag::remove(elasticache, arn, keys).await)
}

fn is_accepted(result: Result<(), CallError>) -> StepResult<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if are_tags_unavailable(error.code()) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
