//! ElastiCache's events, which alone contain the reason of a failed creation.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::gateway::call::Call;
use crate::gateway::xml::Element;

/// The default period, in minutes
/// ([DescribeEvents](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEvents.html)).
const DEFAULT_MINUTES: u64 = 60;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `replication-group` or `cache-cluster`.
    pub source_type: &'static str,
    pub source: String,
    pub message: String,
    pub date: SystemTime,
}

/// Returns the response to a `DescribeEvents` call.
pub fn answer(call: &Call, events: &[Event], now: SystemTime) -> Element {
    let matches = |name: &str, value: &str| call.field(name).is_none_or(|filter| filter == value);
    let (start, end) = (start(call, now), time(call, "EndTime").unwrap_or(now));
    let matching = events
        .iter()
        .filter(|event| {
            matches("SourceIdentifier", &event.source) && matches("SourceType", event.source_type)
        })
        .filter(|event| (start..=end).contains(&event.date))
        .map(|event| {
            let date = DateTime::<Utc>::from(event.date);
            Element::with(
                "Event",
                [
                    Element::leaf("SourceIdentifier", &event.source),
                    Element::leaf("SourceType", event.source_type),
                    Element::leaf("Message", &event.message),
                    Element::leaf("Date", &date.to_rfc3339_opts(SecondsFormat::Millis, true)),
                ],
            )
        });
    Element::with(
        "DescribeEventsResponse",
        [Element::with(
            "DescribeEventsResult",
            [Element::with("Events", matching)],
        )],
    )
}

fn start(call: &Call, now: SystemTime) -> SystemTime {
    let minutes = call
        .field("Duration")
        .and_then(|minutes| minutes.parse().ok())
        .unwrap_or(DEFAULT_MINUTES);
    time(call, "StartTime").unwrap_or_else(|| {
        now.checked_sub(Duration::from_secs(minutes * 60))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    })
}

fn time(call: &Call, name: &str) -> Option<SystemTime> {
    DateTime::parse_from_rfc3339(call.field(name)?)
        .ok()
        .map(Into::into)
}
