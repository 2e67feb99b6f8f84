//! Which moments of a run are worth a line that stays. Pure.

use std::collections::HashMap;
use std::time::Duration;

use crate::progress::{Change, ProgressEvent};

/// A look that finds the same as the one before is told again after this long.
const REPEAT_INTERVAL: Duration = Duration::from_mins(1);

/// What was told so far.
#[derive(Debug, Default)]
pub struct LineFilter {
    printed: HashMap<String, (Option<String>, Duration)>,
}

impl LineFilter {
    /// Whether a event is filter: a failed try, the end of a step that found something new, and every minute that it
    /// is still the same. The ends of waits are none.
    pub fn should_print(&mut self, event: &ProgressEvent) -> bool {
        let note = match &event.change {
            Change::Entered => return false,
            Change::AttemptFailed(_) => return true,
            Change::Exited { .. } if event.is_wait => return false,
            Change::Exited { note, .. } => note.clone(),
        };
        let before = self.printed.get(&event.state);
        let is_same = before.is_some_and(|(told, at)| {
            *told == note && event.elapsed.saturating_sub(*at) < REPEAT_INTERVAL
        });
        if !is_same {
            self.printed
                .insert(event.state.clone(), (note, event.elapsed));
        }
        !is_same
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

    fn look(second: u64, status: &str) -> ProgressEvent {
        let change = Change::Exited {
            took: Duration::from_secs(1),
            note: Some(status.to_owned()),
        };
        event(second, "CheckReplicationGroup", change)
    }

    #[test]
    fn a_look_is_told_when_it_finds_something_new_or_a_minute_has_passed() {
        let waited = Change::Exited {
            took: Duration::from_secs(15),
            note: None,
        };
        let moments = [
            (look(10, "creating"), true),
            (event(25, "WaitForReplicationGroup", waited), false),
            (look(26, "creating"), false),
            (look(41, "creating"), false),
            (look(71, "creating"), true),
            (look(86, "available"), true),
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

        for (event, expected) in moments {
            assert_eq!(filter.should_print(&event), expected, "{event:?}");
        }
    }
}
