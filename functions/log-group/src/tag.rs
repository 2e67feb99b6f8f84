//! Converts tags, and adds them to a log group or removes them.

use std::collections::HashMap;

use aws_sdk_cloudwatchlogs::Client;
use contract::error::StepResult;

use crate::find::failure;

/// Returns tags as CloudWatch Logs takes them.
pub fn tags<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> HashMap<String, String> {
    tags.into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Adds tags to the log group with this ARN, or overwrites their values.
///
/// # Errors
/// Returns `NotFound`, which the state machine retries, if the group was deleted in the meantime; otherwise, the error of
/// CloudWatch Logs.
pub async fn add(logs: &Client, arn: &str, tags: HashMap<String, String>) -> StepResult<()> {
    logs.tag_resource()
        .resource_arn(arn)
        .set_tags(Some(tags))
        .send()
        .await
        .map(drop)
        .map_err(|error| failure("TagResource", arn, error))
}

/// Removes the tags with these keys from the log group with this ARN.
///
/// # Errors
/// Returns `NotFound`, which the state machine retries, if the group was deleted in the meantime; otherwise, the error of
/// CloudWatch Logs.
pub async fn remove(logs: &Client, arn: &str, keys: Vec<String>) -> StepResult<()> {
    logs.untag_resource()
        .resource_arn(arn)
        .set_tag_keys(Some(keys))
        .send()
        .await
        .map(drop)
        .map_err(|error| failure("UntagResource", arn, error))
}
