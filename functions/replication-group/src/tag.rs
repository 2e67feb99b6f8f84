//! Adds tags to the replication group, and removes them. ElastiCache does the same with its members
//! ([AddTagsToResource](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_AddTagsToResource.html)).

use std::error::Error;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::config::http::HttpResponse;
use aws_sdk_elasticache::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_elasticache::types::{ReplicationGroup, Tag};
use contract::error::StepResult;

use crate::find::are_tags_unavailable;

/// Returns tags as ElastiCache takes them.
pub fn tags<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Tag> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

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
    let call = elasticache
        .add_tags_to_resource()
        .resource_name(arn)
        .set_tags(Some(tags));
    is_accepted("AddTagsToResource", arn, call.send().await)
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
    let call = elasticache
        .remove_tags_from_resource()
        .resource_name(arn)
        .set_tag_keys(Some(keys));
    is_accepted("RemoveTagsFromResource", arn, call.send().await)
}

fn is_accepted<T, E>(
    operation: &str,
    arn: &str,
    result: Result<T, SdkError<E, HttpResponse>>,
) -> StepResult<bool>
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match result {
        Ok(_) => Ok(true),
        Err(error) if are_tags_unavailable(step::code(&error)) => Ok(false),
        Err(error) => Err(step::failure(operation, arn, error)),
    }
}
