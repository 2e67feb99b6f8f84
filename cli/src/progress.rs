//! Converts an execution's history into progress events. Pure functions; no AWS calls.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};
use aws_smithy_types::DateTime;
use serde_json::Value;

/// What happened to a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Entered,
    Exited {
        took: Duration,
        /// A value of the state's output, such as `available`.
        note: Option<String>,
    },
    /// One attempt failed with this error.
    AttemptFailed(String),
}

/// A change of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressEvent {
    /// The time since the execution started.
    pub elapsed: Duration,
    pub state: String,
    /// Whether the state only waits.
    pub is_wait: bool,
    pub change: Change,
}

/// The history read so far.
#[derive(Debug, Default)]
pub struct Progress {
    started: Option<DateTime>,
    last_id: i64,
    entered: HashMap<String, DateTime>,
    /// The state of each event, by the event's ID, because the event of a failed attempt doesn't name its state.
    state_of: HashMap<i64, String>,
    waits: HashSet<String>,
}

impl Progress {
    /// Returns the progress event for an event of the history. Returns none if the event was taken before, or changes no
    /// task, wait, or parallel state.
    pub fn take(&mut self, event: &HistoryEvent) -> Option<ProgressEvent> {
        if event.id() <= self.last_id {
            return None;
        }
        self.last_id = event.id();
        let now = *event.timestamp();
        let started = *self.started.get_or_insert(now);
        let (state, change) = self.change(event, now)?;
        Some(ProgressEvent {
            elapsed: between(started, now),
            is_wait: self.waits.contains(&state),
            state,
            change,
        })
    }

    fn change(&mut self, event: &HistoryEvent, now: DateTime) -> Option<(String, Change)> {
        if let Some(details) = event.state_entered_event_details() {
            let state = details.name().to_owned();
            if !is_shown(event.r#type()) {
                return None;
            }
            self.state_of.insert(event.id(), state.clone());
            self.entered.insert(state.clone(), now);
            if *event.r#type() == HistoryEventType::WaitStateEntered {
                self.waits.insert(state.clone());
            }
            return Some((state, Change::Entered));
        }
        if let Some(details) = event.state_exited_event_details() {
            let state = details.name().to_owned();
            let took = self
                .entered
                .remove(&state)
                .map(|entered| between(entered, now))?;
            // A wait's output is its input, which the previous state's note already shows.
            let is_wait = *event.r#type() == HistoryEventType::WaitStateExited;
            let note = details.output().filter(|_| !is_wait).and_then(note);
            return Some((state, Change::Exited { took, note }));
        }
        if let Some(state) = self.state_of.get(&event.previous_event_id()).cloned() {
            self.state_of.insert(event.id(), state);
        }
        let error = event
            .task_failed_event_details()
            .and_then(|details| details.error())
            .or_else(|| {
                event
                    .task_timed_out_event_details()
                    .and_then(|details| details.error())
            })?;
        let state = self
            .state_of
            .get(&event.id())
            .cloned()
            .or_else(|| self.only_running())
            .unwrap_or_else(|| "a step".to_owned());
        Some((state, Change::AttemptFailed(error.to_owned())))
    }

    /// Returns the state that is running, if there is exactly one. MiniStack doesn't set `previousEventId`.
    fn only_running(&self) -> Option<String> {
        let mut running = self.entered.keys();
        running.next().filter(|_| running.next().is_none()).cloned()
    }
}

const fn is_shown(event: &HistoryEventType) -> bool {
    use HistoryEventType::{
        ParallelStateEntered, ParallelStateExited, TaskStateEntered, TaskStateExited,
        WaitStateEntered, WaitStateExited,
    };
    matches!(
        event,
        ParallelStateEntered
            | ParallelStateExited
            | TaskStateEntered
            | TaskStateExited
            | WaitStateEntered
            | WaitStateExited
    )
}

fn between(from: DateTime, to: DateTime) -> Duration {
    let milliseconds = |time: DateTime| time.to_millis().unwrap_or_default();
    let elapsed = milliseconds(to) - milliseconds(from);
    Duration::from_millis(u64::try_from(elapsed).unwrap_or_default())
}

/// Returns the most informative value of a state's output, such as a status or an endpoint.
fn note(output: &str) -> Option<String> {
    let output: Value = serde_json::from_str(output).ok()?;
    let text_at = |pointer: &str| output.pointer(pointer).and_then(Value::as_str);
    [
        "/found",
        "/outcome",
        "/primaryEndpoint",
        "/securityGroupId",
        "/network/vpcId",
        "/error",
        "/status",
    ]
    .iter()
    .find_map(|pointer| text_at(pointer).filter(|text| !text.is_empty()))
    .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::types::{
        HistoryEvent, HistoryEventType, StateEnteredEventDetails, StateExitedEventDetails,
        TaskFailedEventDetails,
    };
    use aws_smithy_types::DateTime;

    use super::{Change, Progress, ProgressEvent};
    use std::time::Duration;

    fn entered(id: i64, second: i64, kind: HistoryEventType, name: &str) -> HistoryEvent {
        HistoryEvent::builder()
            .id(id)
            .timestamp(DateTime::from_secs(second))
            .r#type(kind)
            .state_entered_event_details(
                StateEnteredEventDetails::builder()
                    .name(name)
                    .build()
                    .expect("valid details"),
            )
            .build()
            .expect("a valid event")
    }

    fn exited(id: i64, second: i64, name: &str, output: &str) -> HistoryEvent {
        HistoryEvent::builder()
            .id(id)
            .timestamp(DateTime::from_secs(second))
            .r#type(HistoryEventType::TaskStateExited)
            .state_exited_event_details(
                StateExitedEventDetails::builder()
                    .name(name)
                    .output(output)
                    .build()
                    .expect("valid details"),
            )
            .build()
            .expect("a valid event")
    }

    #[test]
    fn returns_entry_and_exit_of_a_state_once() {
        let events = [
            entered(
                1,
                100,
                HistoryEventType::TaskStateEntered,
                "CheckReplicationGroup",
            ),
            exited(
                2,
                103,
                "CheckReplicationGroup",
                r#"{"status":"pending","found":"creating"}"#,
            ),
            entered(
                3,
                103,
                HistoryEventType::ChoiceStateEntered,
                "IsReplicationGroupReady",
            ),
        ];
        let mut progress = Progress::default();

        let first: Vec<_> = events
            .iter()
            .filter_map(|event| progress.take(event))
            .collect();
        let again: Vec<_> = events
            .iter()
            .filter_map(|event| progress.take(event))
            .collect();

        let state = "CheckReplicationGroup".to_owned();
        assert_eq!(
            first,
            [
                ProgressEvent {
                    elapsed: Duration::ZERO,
                    state: state.clone(),
                    is_wait: false,
                    change: Change::Entered
                },
                ProgressEvent {
                    elapsed: Duration::from_secs(3),
                    state,
                    is_wait: false,
                    change: Change::Exited {
                        took: Duration::from_secs(3),
                        note: Some("creating".to_owned())
                    }
                },
            ]
        );
        assert!(
            again.is_empty(),
            "events that were already taken: {again:?}"
        );
    }

    #[test]
    fn returns_state_and_error_of_a_failed_attempt() {
        let failed = HistoryEvent::builder()
            .id(2)
            .previous_event_id(1)
            .timestamp(DateTime::from_secs(102))
            .r#type(HistoryEventType::TaskFailed)
            .task_failed_event_details(
                TaskFailedEventDetails::builder()
                    .resource_type("lambda")
                    .resource("invoke")
                    .error("Throttled")
                    .build()
                    .expect("valid details"),
            )
            .build()
            .expect("a valid event");
        let mut progress = Progress::default();
        progress.take(&entered(
            1,
            100,
            HistoryEventType::TaskStateEntered,
            "PublishEndpoint",
        ));

        let found = progress.take(&failed).expect("a progress event");

        assert_eq!(found.state, "PublishEndpoint");
        assert_eq!(found.change, Change::AttemptFailed("Throttled".to_owned()));
    }
}
