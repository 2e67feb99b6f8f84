//! Adopts a replication group that has no owner tags.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{ReplicationGroup, Tag};
use contract::Owner;
use contract::error::StepResult;

use crate::find::are_tags_unavailable;

/// Adds the owner tags to the group, and returns whether ElastiCache accepted them: it doesn't while the group is
/// changing. ElastiCache also adds them to the group's members
/// ([AddTagsToResource](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_AddTagsToResource.html)).
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn adopt(
    elasticache: &Client,
    owner: &Owner,
    group: &ReplicationGroup,
) -> StepResult<bool> {
    let arn = group.arn().unwrap_or_default();
    let tags = owner
        .tags()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    let answer = elasticache
        .add_tags_to_resource()
        .resource_name(arn)
        .set_tags(Some(tags.to_vec()))
        .send()
        .await;
    match answer {
        Ok(_) => Ok(true),
        Err(error) if are_tags_unavailable(step::code(&error)) => Ok(false),
        Err(error) => Err(step::failure("AddTagsToResource", arn, error)),
    }
}
