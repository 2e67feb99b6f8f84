//! Reads, adds, and removes the tags of ElastiCache's resources, and converts tags.

use std::error::Error;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_elasticache::types::Tag;
use contract::StepError;

/// The error of a call. It becomes the error of the step.
#[derive(Debug)]
pub struct CallError {
    code: Option<String>,
    error: StepError,
}

impl CallError {
    /// Returns ElastiCache's error code; none if ElastiCache didn't answer.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

impl From<CallError> for StepError {
    fn from(failed: CallError) -> Self {
        failed.error
    }
}

/// Returns tags as ElastiCache takes them.
pub fn tags<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Tag> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// Returns the keys and values of tags.
pub fn pairs(tags: &[Tag]) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

/// Returns the tags of the resource with this ARN. Errors name the resource by `name`.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn list(elasticache: &Client, arn: &str, name: &str) -> Result<Vec<Tag>, CallError> {
    let found = elasticache
        .list_tags_for_resource()
        .resource_name(arn)
        .send()
        .await
        .map_err(|error| call_error("ListTagsForResource", name, error))?;
    Ok(found.tag_list.unwrap_or_default())
}

/// Adds tags to the resource with this ARN, or overwrites their values.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn add(elasticache: &Client, arn: &str, tags: Vec<Tag>) -> Result<(), CallError> {
    elasticache
        .add_tags_to_resource()
        .resource_name(arn)
        .set_tags(Some(tags))
        .send()
        .await
        .map(drop)
        .map_err(|error| call_error("AddTagsToResource", arn, error))
}

/// Removes the tags with these keys from the resource with this ARN.
///
/// # Errors
/// Returns `NotFound`, which the state machine retries, if the resource no longer has one of them. Otherwise, returns
/// ElastiCache's error.
pub async fn remove(elasticache: &Client, arn: &str, keys: Vec<String>) -> Result<(), CallError> {
    elasticache
        .remove_tags_from_resource()
        .resource_name(arn)
        .set_tag_keys(Some(keys))
        .send()
        .await
        .map(drop)
        .map_err(|error| call_error("RemoveTagsFromResource", arn, error))
}

fn call_error<E>(operation: &str, resource: &str, error: SdkError<E>) -> CallError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    CallError {
        code: step::code(&error).map(str::to_owned),
        error: step::failure(operation, resource, error),
    }
}
