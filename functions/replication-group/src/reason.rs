//! Why a creation failed. The describe does not say: only ElastiCache's events do.

use std::cmp::Reverse;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::primitives::DateTime;
use aws_sdk_elasticache::types::{Event, ReplicationGroup, SourceType};
use contract::error::{ErrorName, StepError, StepResult};

/// Events are kept for 14 days, and asked for in minutes
/// ([DescribeEvents](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEvents.html)).
const FOURTEEN_DAYS: i32 = 14 * 24 * 60;
/// An older event rarely belongs to this failure, and a cause has a limit.
const MOST_MESSAGES: usize = 3;

/// The error for a group that is *create-failed*, with what ElastiCache's events say of it. Events that cannot
/// be read do not hide the failure.
pub async fn create_failed(elasticache: &Client, group: &ReplicationGroup) -> StepError {
    let id = group.replication_group_id().unwrap_or_default();
    let reason = match events(elasticache, group).await {
        Ok(events) => told(events),
        Err(error) => format!("Its events could not be read ({error})"),
    };
    StepError::new(
        ErrorName::CreateFailed,
        format!(
            "replication group {id} is create-failed: ElastiCache accepted it and then could not create it. {reason}. \
             Nothing was deleted: delete it in the ElastiCache console, then start again"
        ),
    )
}

/// The events of the group and of its members: a lack of capacity is told of a member.
async fn events(elasticache: &Client, group: &ReplicationGroup) -> StepResult<Vec<Event>> {
    let members = group
        .member_clusters()
        .iter()
        .map(|member| (SourceType::CacheCluster, member.as_str()));
    let group = group
        .replication_group_id()
        .map(|id| (SourceType::ReplicationGroup, id));
    let mut events = Vec::new();
    for (source_type, source) in group.into_iter().chain(members) {
        let found = elasticache
            .describe_events()
            .source_type(source_type)
            .source_identifier(source)
            .duration(FOURTEEN_DAYS)
            .send()
            .await
            .map_err(|error| step::failure("DescribeEvents", source, error))?;
        events.extend(found.events.unwrap_or_default());
    }
    Ok(events)
}

/// The latest messages, the newest first, each once.
fn told(mut events: Vec<Event>) -> String {
    events.sort_by_key(|event| Reverse(event.date().map(DateTime::secs)));
    let mut messages: Vec<String> = Vec::new();
    for event in events {
        let source = event.source_identifier().unwrap_or_default();
        let text = event.message().unwrap_or_default().trim_end_matches('.');
        let message = format!("{source}: {text}");
        if !text.is_empty() && !messages.contains(&message) {
            messages.push(message);
        }
    }
    messages.truncate(MOST_MESSAGES);
    if messages.is_empty() {
        return "Its events of the last 14 days give no reason".to_owned();
    }
    format!("ElastiCache's events: {}", messages.join("; "))
}
