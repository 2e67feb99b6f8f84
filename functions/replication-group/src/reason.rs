//! Why ElastiCache couldn't create a group or keep a member. The describe does not say: only ElastiCache's events do.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::primitives::DateTime;
use aws_sdk_elasticache::types::{Event, ReplicationGroup, SourceType};
use contract::error::StepError;

/// Events are kept for 14 days
/// ([DescribeEvents](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEvents.html)).
/// ElastiCache rejects an earlier start time, so an hour less is requested: a request takes time, and clocks differ.
const EVENT_RETENTION: Duration = Duration::from_hours(14 * 24 - 1);
/// A person reads it: the newest say most.
const MAX_MESSAGES: usize = 3;

/// What ElastiCache's events say of a group and its members. Events that cannot be read do not hide the failure.
pub async fn of(elasticache: &Client, group: &ReplicationGroup) -> String {
    let since = since(group.replication_group_create_time(), SystemTime::now());
    let (events, unread) = events(elasticache, group, since).await;
    match unread {
        Some(error) if events.is_empty() => format!("Its events could not be read ({error})"),
        _ => format_events(events),
    }
}

/// The creation's moment, so that nothing is told of an earlier cache of this id; or as far back as events are kept.
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

/// The events of the members, of which a lack of capacity is told, and of the group. Beside them the error where
/// some could not be read.
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
            // One that is not answered takes a third of the function's time: the others are left.
            Err(error) => return (events, Some(step::failure("DescribeEvents", source, error))),
        }
    }
    (events, None)
}

/// The latest messages, the newest first, each once.
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
        return "Its events since its creation give no reason".to_owned();
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
    fn events_are_requested_since_the_creation_and_never_14_days_ago() {
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
