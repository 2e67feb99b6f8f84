//! Selects the progress events that are printed as a line. Pure functions; no AWS calls.

use std::collections::HashMap;
use std::time::Duration;

use crate::progress::{Change, ProgressEvent};

/// The time after which an unchanged note is printed again.
const REPEAT_INTERVAL: Duration = Duration::from_mins(1);

/// The lines printed so far.
#[derive(Debug, Default)]
pub struct LineFilter {
    /// The note printed last for each state, and when.
    printed: HashMap<String, (Option<String>, Duration)>,
}

impl LineFilter {
    /// Returns whether to print an event: a failed attempt, or the end of a step whose note is new or was printed at
    /// least [`REPEAT_INTERVAL`] ago. The ends of waits aren't printed.
    pub fn should_print(&mut self, event: &ProgressEvent) -> bool {
        let note = match &event.change {
            Change::Entered => return false,
            Change::AttemptFailed(_) => return true,
            Change::Exited { .. } if event.is_wait => return false,
            Change::Exited { note, .. } => note.clone(),
        };
        let last = self.printed.get(&event.state);
        let is_repeated = last.is_some_and(|(printed, at)| {
            *printed == note && event.elapsed.saturating_sub(*at) < REPEAT_INTERVAL
        });
        if !is_repeated {
            self.printed
                .insert(event.state.clone(), (note, event.elapsed));
        }
        !is_repeated
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::LineFilter;
    use crate::progress::{Change, ProgressEvent};

    fn event(second: u64, state: &str, change: Change) -> ProgressEvent {
        ProgressEvent {
            elapsed: Duration::from_secs(second),
            state: state.to_owned(),
            is_wait: state.starts_with("Wait"),
            change,
        }
    }

    fn poll(second: u64, status: &str) -> ProgressEvent {
        let change = Change::Exited {
            took: Duration::from_secs(1),
            note: Some(status.to_owned()),
        };
        event(second, "CheckReplicationGroup", change)
    }

    #[test]
    fn prints_poll_when_status_changes_or_a_minute_has_passed() {
        let waited = Change::Exited {
            took: Duration::from_secs(15),
            note: None,
        };
        let events = [
            (poll(10, "creating"), true),
            (event(25, "WaitForReplicationGroup", waited), false),
            (poll(26, "creating"), false),
            (poll(41, "creating"), false),
            (poll(71, "creating"), true),
            (poll(86, "available"), true),
            (
                event(
                    90,
                    "CheckReplicationGroup",
                    Change::AttemptFailed("Throttled".to_owned()),
                ),
                true,
            ),
        ];
        let mut filter = LineFilter::default();

        for (event, expected) in events {
            assert_eq!(filter.should_print(&event), expected, "{event:?}");
        }
    }
}
