//! The reason why ElastiCache couldn't create a group or keep a member. Only ElastiCache's events contain it.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::primitives::DateTime;
use aws_sdk_elasticache::types::{Event, ReplicationGroup, SourceType};
use contract::error::StepError;

/// ElastiCache keeps events for 14 days, and rejects an earlier start time
/// ([DescribeEvents](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEvents.html)). This
/// is one hour less, because a request takes time and clocks differ.
const EVENT_RETENTION: Duration = Duration::from_hours(14 * 24 - 1);
/// The maximum number of messages in an error. The newest messages are the most relevant.
const MAX_MESSAGES: usize = 3;

/// Returns the reason for the failure of a group or its member, from ElastiCache's events. If the events can't be read,
/// the text says so: it must not hide the failure itself.
pub async fn failure_reason(elasticache: &Client, group: &ReplicationGroup) -> String {
    let since = since(group.replication_group_create_time(), SystemTime::now());
    let (events, unread) = events(elasticache, group, since).await;
    match unread {
        Some(error) if events.is_empty() => {
            format!("The cache's events could not be read ({error})")
        }
        _ => format_events(events),
    }
}

/// Returns the time of the creation, so that events of an earlier cache with this ID aren't reported, or the earliest
/// time for which ElastiCache has events.
fn since(created: Option<&DateTime>, now: SystemTime) -> DateTime {
    let oldest = DateTime::from(
        now.checked_sub(EVENT_RETENTION)
            .unwrap_or(SystemTime::UNIX_EPOCH),
    );
    created
        .copied()
        .filter(|created| created.secs() > oldest.secs())
        .unwrap_or(oldest)
}

/// Returns the events of the members and of the group, and the error if some couldn't be read. Only the events of a
/// member report a lack of capacity.
async fn events(
    elasticache: &Client,
    group: &ReplicationGroup,
    since: DateTime,
) -> (Vec<Event>, Option<StepError>) {
    let members = group
        .member_clusters()
        .iter()
        .map(|member| (SourceType::CacheCluster, member.as_str()));
    let group = group
        .replication_group_id()
        .map(|id| (SourceType::ReplicationGroup, id));
    let mut events = Vec::new();
    for (source_type, source) in members.chain(group) {
        let answer = elasticache
            .describe_events()
            .source_type(source_type)
            .source_identifier(source)
            .start_time(since)
            .send()
            .await;
        match answer {
            Ok(found) => events.extend(found.events.unwrap_or_default()),
            // A call that times out takes a third of the function's time, so the remaining calls are skipped.
            Err(error) => return (events, Some(step::failure("DescribeEvents", source, error))),
        }
    }
    (events, None)
}

/// Returns the latest distinct messages, the newest first.
fn format_events(mut events: Vec<Event>) -> String {
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
    messages.truncate(MAX_MESSAGES);
    if messages.is_empty() {
        return "The cache's events since its creation give no reason".to_owned();
    }
    format!("ElastiCache's events: {}", messages.join("; "))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use aws_sdk_elasticache::primitives::DateTime;

    use super::since;

    /// 2026-11-26T00:00:00Z
    const NOW: i64 = 1_795_651_200;
    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn requests_events_since_creation_within_retention() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.unsigned_abs());
        let almost_14_days_ago = NOW - 14 * DAY + 60 * 60;
        let cases = [
            (Some(NOW - 600), NOW - 600),
            (Some(NOW - 13 * DAY), NOW - 13 * DAY),
            (Some(NOW - 14 * DAY), almost_14_days_ago),
            (Some(NOW - 90 * DAY), almost_14_days_ago),
            (None, almost_14_days_ago),
        ];
        for (created, expected) in cases {
            let created = created.map(DateTime::from_secs);

            let found = since(created.as_ref(), now);

            assert_eq!(found.secs(), expected, "{created:?}");
        }
    }
}
