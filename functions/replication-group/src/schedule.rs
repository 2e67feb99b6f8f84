//! How long to wait between two looks at the cache. Pure functions of the seconds waited so far, so that
//! a run with shortened waits takes the same decisions.

use contract::error::{ErrorName, StepError, StepResult};

/// A cache that is not ready after this much waiting is given up: 60 minutes, as Terraform gives it.
/// It lies below the state machine's `TimeoutSeconds`, whose end could not be announced.
pub const DEADLINE_SECONDS: u32 = 60 * 60;

/// The seconds until the next look, after `waited` seconds of waiting.
///
/// A small node takes about 4 to 8 minutes: few looks before, one every 10 seconds while it is likely,
/// few again once it takes unusually long. For 6 minutes that is 24 looks, the last at most 10 seconds late.
pub const fn next_wait(waited: u32) -> u32 {
    let step = match waited {
        180..900 => 10,
        _ => 30,
    };
    let left = DEADLINE_SECONDS.saturating_sub(waited);
    if step < left { step } else { left }
}

/// The next wait, or the deadline's `Timeout`. `doing` says what was waited for.
pub fn wait_or_give_up(waited: u32, group: &str, doing: &str) -> StepResult<u32> {
    if waited < DEADLINE_SECONDS {
        return Ok(next_wait(waited));
    }
    Err(StepError::new(
        ErrorName::Timeout,
        format!(
            "replication group {group} is {doing} after {} minutes of waiting. It was left as it is: look at its \
             events in the ElastiCache console; starting again goes on waiting",
            waited / 60
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::{DEADLINE_SECONDS, next_wait, wait_or_give_up};
    use contract::ErrorName;

    /// The moments, in seconds of waiting, of all looks until the deadline.
    fn looks() -> Vec<u32> {
        let mut looks = Vec::new();
        let mut waited = 0;
        while waited < DEADLINE_SECONDS {
            waited += next_wait(waited);
            looks.push(waited);
        }
        looks
    }

    #[test]
    fn six_minutes_take_24_looks() {
        assert_eq!(looks().iter().filter(|moment| **moment <= 360).count(), 24);
    }

    #[test]
    fn no_look_in_the_usual_range_is_more_than_10_seconds_late() {
        let late = looks()
            .windows(2)
            .filter(|pair| (240..=480).contains(&pair[1]))
            .map(|pair| pair[1] - pair[0])
            .max();
        assert_eq!(late, Some(10));
    }

    #[test]
    fn the_last_look_is_at_the_deadline_and_the_history_stays_small() {
        let looks = looks();
        assert_eq!(looks.last(), Some(&DEADLINE_SECONDS));
        // At most 16 history events a poll, while the group is modified, of the 25,000 that an execution may have.
        assert!(looks.len() < 250, "{} looks", looks.len());
    }

    #[test]
    fn after_the_deadline_it_is_a_timeout_that_tells_what_was_seen() {
        assert_eq!(
            wait_or_give_up(0, "bandup-redis", "creating").ok(),
            Some(30)
        );

        let error = wait_or_give_up(DEADLINE_SECONDS, "bandup-redis", "creating")
            .expect_err("60 minutes are over");

        assert_eq!(error.name(), ErrorName::Timeout);
        assert!(
            error
                .to_string()
                .starts_with("replication group bandup-redis is creating after 60 minutes"),
            "{error}"
        );
    }
}
