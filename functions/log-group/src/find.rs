//! Reads log groups and their tags.

use std::collections::HashMap;
use std::error::Error;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::http::HttpResponse;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatchlogs::types::LogGroup;
use contract::error::{ErrorName, StepError, StepResult};

/// Returns the log group with this name, if it exists. CloudWatch Logs returns all groups whose names begin with it, sorted, so
/// the group itself is the first one.
///
/// # Errors
/// Returns the error of CloudWatch Logs.
pub async fn log_group(logs: &Client, name: &str) -> StepResult<Option<LogGroup>> {
    Ok(logs
        .describe_log_groups()
        .log_group_name_prefix(name)
        .send()
        .await
        .map_err(|error| step::failure("DescribeLogGroups", name, error))?
        .log_groups
        .unwrap_or_default()
        .into_iter()
        .find(|group| group.log_group_name() == Some(name)))
}

/// Returns a log group's tags.
///
/// # Errors
/// Returns `NotFound`, which the state machine retries, if the group was deleted in the meantime; otherwise, the error of
/// CloudWatch Logs.
pub async fn tags(logs: &Client, group: &LogGroup) -> StepResult<HashMap<String, String>> {
    let name = group.log_group_name().unwrap_or_default();
    Ok(logs
        .list_tags_for_resource()
        .resource_arn(arn(group))
        .send()
        .await
        .map_err(|error| failure("ListTagsForResource", name, error))?
        .tags
        .unwrap_or_default())
}

/// Returns the error for a failed call on an existing log group: `NotFound` if it was deleted in the meantime. The code isn't
/// mapped for every service, because DynamoDB has it for a missing table.
pub fn failure<E>(operation: &str, name: &str, error: SdkError<E, HttpResponse>) -> StepError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if step::code(&error) != Some("ResourceNotFoundException") {
        return step::failure(operation, name, error);
    }
    StepError::new(
        ErrorName::NotFound,
        format!("{operation} {name}: the log group was deleted in the meantime. Start again"),
    )
    .caused_by(error)
}

/// Returns a log group's ARN as the operations on tags take it: without the `:*` at the end
/// ([LogGroup](https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html)).
pub fn arn(group: &LogGroup) -> &str {
    let with_suffix = group.arn().unwrap_or_default();
    group
        .log_group_arn()
        .unwrap_or_else(|| with_suffix.trim_end_matches(":*"))
}

/// Returns the keys and values of tags.
pub fn pairs(tags: &HashMap<String, String>) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
    tags.iter()
        .map(|(key, value)| (Some(key.as_str()), Some(value.as_str())))
}
