//! Which moments of a run are worth a line that stays. Pure.

use std::collections::HashMap;
use std::time::Duration;

use crate::progress::{Change, Moment};

/// A look that finds the same as the one before is told again after this long.
const SILENCE: Duration = Duration::from_mins(1);

/// What was told so far.
#[derive(Debug, Default)]
pub struct News {
    told: HashMap<String, (Option<String>, Duration)>,
}

impl News {
    /// Whether a moment is news: a failed try, the end of a step that found something new, and every minute that it
    /// is still the same. The ends of waits are none.
    pub fn is(&mut self, moment: &Moment) -> bool {
        let note = match &moment.change {
            Change::Entered => return false,
            Change::TryFailed(_) => return true,
            Change::Left { .. } if moment.is_wait => return false,
            Change::Left { note, .. } => note.clone(),
        };
        let before = self.told.get(&moment.state);
        let is_same = before.is_some_and(|(told, at)| {
            *told == note && moment.elapsed.saturating_sub(*at) < SILENCE
        });
        if !is_same {
            self.told
                .insert(moment.state.clone(), (note, moment.elapsed));
        }
        !is_same
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::News;
    use crate::progress::{Change, Moment};

    fn moment(second: u64, state: &str, change: Change) -> Moment {
        Moment {
            elapsed: Duration::from_secs(second),
            state: state.to_owned(),
            is_wait: state.starts_with("Wait"),
            change,
        }
    }

    fn look(second: u64, status: &str) -> Moment {
        let change = Change::Left {
            took: Duration::from_secs(1),
            note: Some(status.to_owned()),
        };
        moment(second, "CheckReplicationGroup", change)
    }

    #[test]
    fn a_look_is_told_when_it_finds_something_new_or_a_minute_has_passed() {
        let waited = Change::Left {
            took: Duration::from_secs(15),
            note: None,
        };
        let moments = [
            (look(10, "creating"), true),
            (moment(25, "WaitForReplicationGroup", waited), false),
            (look(26, "creating"), false),
            (look(41, "creating"), false),
            (look(71, "creating"), true),
            (look(86, "available"), true),
            (
                moment(
                    90,
                    "CheckReplicationGroup",
                    Change::TryFailed("Throttled".to_owned()),
                ),
                true,
            ),
        ];
        let mut news = News::default();

        for (moment, expected) in moments {
            assert_eq!(news.is(&moment), expected, "{moment:?}");
        }
    }
}
