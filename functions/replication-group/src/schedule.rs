//! How long to wait between two checks of the cache. Pure functions of the seconds waited so far, so that a run with
//! scaled waits makes the same decisions.

use contract::error::{ErrorName, StepError, StepResult};

/// Returns the longest wait for a cache: 60 minutes, as in Terraform; 2 hours if the request restores data, because
/// ElastiCache also loads the data and copies it to the replicas. It is shorter than the state machine's `TimeoutSeconds`,
/// because the state machine can't announce its own timeout.
pub const fn deadline_seconds(restores: bool) -> u32 {
    if restores { 2 * 60 * 60 } else { 60 * 60 }
}

/// Returns the seconds until the next check, after `waited` seconds of waiting of at most `deadline`.
///
/// A small node takes about 4 to 8 minutes, so the interval is 10 seconds between 3 and 15 minutes, and 30 seconds
/// otherwise. A cache that takes 6 minutes needs 24 checks.
pub const fn next_wait(waited: u32, deadline: u32) -> u32 {
    let step = match waited {
        180..900 => 10,
        _ => 30,
    };
    let left = deadline.saturating_sub(waited);
    if step < left { step } else { left }
}

/// Returns the next wait. `found` describes the state of the group in the error.
///
/// # Errors
/// Returns `Timeout` if the deadline has passed.
pub fn wait_or_give_up(waited: u32, deadline: u32, group: &str, found: &str) -> StepResult<u32> {
    if waited < deadline {
        return Ok(next_wait(waited, deadline));
    }
    Err(StepError::new(
        ErrorName::Timeout,
        format!(
            "replication group `{group}` is {found} after {} minutes of waiting. It was left in place. Check its events \
             in the ElastiCache console, then start again: a new run continues to wait",
            waited / 60
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::{deadline_seconds, next_wait, wait_or_give_up};
    use contract::ErrorName;

    const DEADLINE_SECONDS: u32 = deadline_seconds(false);

    /// Returns the times of all checks until the deadline, in seconds of waiting.
    fn check_times(deadline: u32) -> Vec<u32> {
        let mut times = Vec::new();
        let mut waited = 0;
        while waited < deadline {
            waited += next_wait(waited, deadline);
            times.push(waited);
        }
        times
    }

    #[test]
    fn makes_24_checks_in_first_six_minutes() {
        assert_eq!(
            check_times(DEADLINE_SECONDS)
                .iter()
                .filter(|time| **time <= 360)
                .count(),
            24
        );
    }

    #[test]
    fn checks_every_10_seconds_in_typical_range() {
        let longest_interval = check_times(DEADLINE_SECONDS)
            .windows(2)
            .filter(|pair| (240..=480).contains(&pair[1]))
            .map(|pair| pair[1] - pair[0])
            .max();
        assert_eq!(longest_interval, Some(10));
    }

    #[test]
    fn last_check_is_at_deadline_and_history_stays_small() {
        for restores in [false, true] {
            let deadline = deadline_seconds(restores);
            let times = check_times(deadline);
            assert_eq!(times.last(), Some(&deadline));
            // While the group is modifying, a poll adds at most 16 events to the history, which is limited to 25,000.
            assert!(times.len() < 500, "{} checks", times.len());
        }
    }

    #[test]
    fn times_out_with_found_status_at_deadline() {
        assert_eq!(
            wait_or_give_up(0, DEADLINE_SECONDS, "bandup-redis", "creating").ok(),
            Some(30)
        );

        let error = wait_or_give_up(
            DEADLINE_SECONDS,
            DEADLINE_SECONDS,
            "bandup-redis",
            "creating",
        )
        .expect_err("60 minutes are over");

        assert_eq!(error.name(), ErrorName::Timeout);
        assert!(
            error
                .to_string()
                .starts_with("replication group `bandup-redis` is creating after 60 minutes"),
            "{error}"
        );
    }
}
