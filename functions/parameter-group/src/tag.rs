//! Converts tags, and adds them to a parameter group or removes them.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::Tag;
use contract::error::StepResult;

/// Returns tags as ElastiCache takes them.
pub fn tags<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Tag> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// Adds tags to the group with this ARN, or overwrites their values.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn add(elasticache: &Client, arn: &str, tags: Vec<Tag>) -> StepResult<()> {
    elasticache
        .add_tags_to_resource()
        .resource_name(arn)
        .set_tags(Some(tags))
        .send()
        .await
        .map(drop)
        .map_err(|error| step::failure("AddTagsToResource", arn, error))
}

/// Removes the tags with these keys from the group with this ARN.
///
/// # Errors
/// Returns `NotFound`, which the state machine retries, if the group no longer has one of them. Otherwise, returns
/// ElastiCache's error.
pub async fn remove(elasticache: &Client, arn: &str, keys: Vec<String>) -> StepResult<()> {
    elasticache
        .remove_tags_from_resource()
        .resource_name(arn)
        .set_tag_keys(Some(keys))
        .send()
        .await
        .map(drop)
        .map_err(|error| step::failure("RemoveTagsFromResource", arn, error))
}
