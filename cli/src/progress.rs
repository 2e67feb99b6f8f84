//! What an execution's history says about its states. Pure: no call is made here.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};
use aws_smithy_types::DateTime;
use serde_json::Value;

/// What happened to a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Entered,
    /// Left after this long, with what its output says in a few words.
    Exited {
        took: Duration,
        note: Option<String>,
    },
    /// One try of it failed, under this name.
    AttemptFailed(String),
}

/// A change of a state, as a person follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressEvent {
    /// Since the execution began.
    pub elapsed: Duration,
    pub state: String,
    /// Whether the state only waits.
    pub is_wait: bool,
    pub change: Change,
}

/// The history read so far.
#[derive(Debug, Default)]
pub struct Progress {
    began: Option<DateTime>,
    last_id: i64,
    entered: HashMap<String, DateTime>,
    /// The state that an event belongs to, by the event's id: a failed try names no state.
    state_of: HashMap<i64, String>,
    waits: HashSet<String>,
}

impl Progress {
    /// The event that an event tells of, the first time that it is seen. Choices and the workflow's
    /// other bookkeeping are left out.
    pub fn take(&mut self, event: &HistoryEvent) -> Option<ProgressEvent> {
        if event.id() <= self.last_id {
            return None;
        }
        self.last_id = event.id();
        let now = *event.timestamp();
        let began = *self.began.get_or_insert(now);
        let (state, change) = self.change(event, now)?;
        Some(ProgressEvent {
            elapsed: between(began, now),
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
            // A wait passes its input on, which the state before has told already.
            let waited = *event.r#type() == HistoryEventType::WaitStateExited;
            let note = details.output().filter(|_| !waited).and_then(note);
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

    /// The state that an event without a link must belong to: MiniStack links none.
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
    let milliseconds = |event: DateTime| event.to_millis().unwrap_or_default();
    let passed = milliseconds(to) - milliseconds(from);
    Duration::from_millis(u64::try_from(passed).unwrap_or_default())
}

/// What a state's output says in a few words: what was found, done or published.
fn note(output: &str) -> Option<String> {
    let output: Value = serde_json::from_str(output).ok()?;
    let at = |pointer: &str| output.pointer(pointer).and_then(Value::as_str);
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
    .find_map(|pointer| at(pointer).filter(|text| !text.is_empty()))
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
                    .expect("it has a name"),
            )
            .build()
            .expect("a whole event")
    }

    fn left(id: i64, second: i64, name: &str, output: &str) -> HistoryEvent {
        HistoryEvent::builder()
            .id(id)
            .timestamp(DateTime::from_secs(second))
            .r#type(HistoryEventType::TaskStateExited)
            .state_exited_event_details(
                StateExitedEventDetails::builder()
                    .name(name)
                    .output(output)
                    .build()
                    .expect("it has a name"),
            )
            .build()
            .expect("a whole event")
    }

    #[test]
    fn a_state_is_followed_from_its_entry_to_its_end_and_told_once() {
        let events = [
            entered(
                1,
                100,
                HistoryEventType::TaskStateEntered,
                "CheckReplicationGroup",
            ),
            left(
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

        let told: Vec<_> = events
            .iter()
            .filter_map(|event| progress.take(event))
            .collect();
        let again: Vec<_> = events
            .iter()
            .filter_map(|event| progress.take(event))
            .collect();

        let state = "CheckReplicationGroup".to_owned();
        assert_eq!(
            told,
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
            "a history that is read again tells nothing new"
        );
    }

    #[test]
    fn a_failed_try_is_told_with_its_state_and_name() {
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
                    .expect("a whole detail"),
            )
            .build()
            .expect("a whole event");
        let mut progress = Progress::default();
        progress.take(&entered(
            1,
            100,
            HistoryEventType::TaskStateEntered,
            "PublishEndpoint",
        ));

        let told = progress.take(&failed).expect("a failed try is shown");

        assert_eq!(told.state, "PublishEndpoint");
        assert_eq!(told.change, Change::AttemptFailed("Throttled".to_owned()));
    }
}
