//! How long to wait between two checks of the cache. Pure functions of the seconds waited so far, so that a run with
//! scaled waits makes the same decisions.

use contract::error::{ErrorName, StepError, StepResult};

/// Returns the longest wait for a cache: 60 minutes, as in Terraform; 2 hours if the request restores data, because
/// ElastiCache also loads the data and copies it to the replicas. It is shorter than the state machine's `TimeoutSeconds`,
/// because the state machine can't announce its own timeout.
pub const fn deadline_seconds(restores: bool) -> u32 {
    if restores { 2 * 60 * 60 } else { 60 * 60 }
}

/// The interval between two checks, until a number of seconds of waiting. Each row is `(until, interval)`.
///
/// A schedule finds a new cache early with few checks if it checks often while the cache is likely to become available,
/// and rarely before and after. Nine public reports of small caches are between 3.7 and 9.3 minutes, with a median of 6
/// (`bench/src/distribution.rs`). No interval is longer than 30 seconds, because changes can take only a minute or two,
/// and the reports may not apply to every cache. `make bench` compares the schedule with others, also for caches that take
/// half as long or twice as long.
const INTERVALS: [(u32, u32); 4] = [
    // Changes without new nodes. No creation was reported to be so fast.
    (180, 30),
    // Fast creations.
    (320, 20),
    // Most creations.
    (600, 7),
    // Larger caches, and slow creations.
    (900, 10),
];

/// The interval afterwards, for restores, changes of many nodes, and creations that fail.
const LAST_INTERVAL: u32 = 30;

/// Returns the seconds until the next check, after `waited` seconds of waiting of at most `deadline`.
pub fn next_wait(waited: u32, deadline: u32) -> u32 {
    let interval = INTERVALS
        .iter()
        .find(|(until, _)| waited < *until)
        .map_or(LAST_INTERVAL, |(_, interval)| *interval);
    interval.min(deadline.saturating_sub(waited))
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
    fn makes_at_most_20_checks_for_a_creation_of_6_minutes() {
        let times = check_times(DEADLINE_SECONDS);

        let first_after = times.iter().position(|time| *time >= 360);

        assert!(
            first_after.is_some_and(|index| index < 20),
            "{first_after:?}"
        );
    }

    #[test]
    fn interval_depends_on_the_seconds_waited() {
        // The first and the last second of each range.
        let cases = [
            (0, 30),
            (179, 30),
            (180, 20),
            (319, 20),
            (320, 7),
            (599, 7),
            (600, 10),
            (899, 10),
            (900, 30),
            (3_599, 1),
            (3_600, 0),
        ];
        for (waited, expected) in cases {
            assert_eq!(
                next_wait(waited, DEADLINE_SECONDS),
                expected,
                "{waited} seconds"
            );
        }
    }

    /// A cache that becomes available between two checks is found on average after half the interval.
    #[test]
    fn finds_cache_within_4_seconds_on_average_around_the_median() {
        assert_eq!(longest_interval(320, 600), 7);
    }

    #[test]
    fn finds_every_cache_within_30_seconds() {
        assert_eq!(longest_interval(0, DEADLINE_SECONDS), 30);
    }

    /// Returns the longest interval between two checks in a range of seconds.
    fn longest_interval(from: u32, until: u32) -> u32 {
        let mut times = check_times(DEADLINE_SECONDS);
        times.insert(0, 0);
        times
            .windows(2)
            .filter(|pair| from <= pair[0] && pair[1] <= until)
            .map(|pair| pair[1] - pair[0])
            .max()
            .expect("checks")
    }

    #[test]
    fn last_check_is_at_deadline_and_history_stays_small() {
        // The numbers are those of `docs/costs.md`. While the group is modifying, a poll adds at most 16 events to the
        // history, which is limited to 25,000
        // (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
        for (restores, checks) in [(false, 173), (true, 293)] {
            let deadline = deadline_seconds(restores);
            let times = check_times(deadline);
            assert_eq!(times.last(), Some(&deadline));
            assert_eq!(times.len(), checks, "restores: {restores}");
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
