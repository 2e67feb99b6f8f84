//! When envcache and its alternatives check whether a cache is available.

use fastrand::Rng;
use replication_group::schedule::{deadline_seconds, next_wait};

/// What a program has done before its next check.
#[derive(Clone, Copy)]
pub struct Progress {
    /// Number of checks so far.
    pub checks: u32,
    /// Seconds since the request to create the cache.
    pub seconds: u32,
}

/// A program that checks until the cache is available.
pub struct Poller {
    pub name: &'static str,
    /// How it checks, and where its code says so.
    pub description: &'static str,
    /// Returns the seconds until the next check; none if the program gives up.
    next: fn(Progress, &mut Rng) -> Option<u32>,
}

/// How a program found a cache.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    pub checks: u32,
    /// Seconds from the time at which the cache became available; none if the program gave up before.
    pub delay: Option<f64>,
}

/// The name of the former schedule.
pub const BEFORE: &str = "envcache before";

/// The first is envcache.
pub static POLLERS: [Poller; 6] = [
    Poller {
        name: "envcache",
        description: "the schedule in `functions/replication-group/src/schedule.rs`",
        next: envcache,
    },
    Poller {
        name: BEFORE,
        description: "every 10 seconds between 3 and 15 minutes, otherwise every 30 seconds",
        next: envcache_before,
    },
    Poller {
        name: "Terraform",
        description: "after 30 seconds, then every 10, for an hour: `waitReplicationGroupAvailable` in \
                      [terraform-provider-aws](https://github.com/hashicorp/terraform-provider-aws/blob/main/\
                      internal/service/elasticache/replication_group.go), with its `retry.StateChangeConf`",
        next: terraform,
    },
    Poller {
        name: "botocore, AWS CLI",
        description: "at once, then every 15 seconds, 40 times: `ReplicationGroupAvailable` in \
                      [waiters-2.json](https://github.com/boto/botocore/blob/develop/botocore/data/\
                      elasticache/2015-02-02/waiters-2.json)",
        next: botocore,
    },
    Poller {
        name: "ACK",
        description: "every 30 seconds: `handleRequeues` in [the \
                      runtime](https://github.com/aws-controllers-k8s/runtime/blob/main/pkg/runtime/reconciler.go), because \
                      elasticache-controller reports a creating group as not synced",
        next: ack,
    },
    Poller {
        name: "Rust SDK waiter",
        description: "at once, then after a random time between 15 seconds and a limit that doubles from 15 to 120, for an \
                      hour as the caller's limit: `Backoff` in [aws-smithy-runtime](https://docs.rs/aws-smithy-runtime) \
                      1.16.2, with the limits of aws-sdk-elasticache 1.129.0",
        next: rust_sdk,
    },
];

impl Poller {
    /// Returns how the program finds a cache that becomes available after `available` seconds. A check takes no time.
    pub fn detect(&self, available: f64, random: &mut Rng) -> Detection {
        let mut progress = Progress {
            checks: 0,
            seconds: 0,
        };
        while let Some(wait) = (self.next)(progress, random) {
            progress = Progress {
                checks: progress.checks + 1,
                seconds: progress.seconds + wait,
            };
            let delay = f64::from(progress.seconds) - available;
            if delay >= 0.0 {
                return Detection {
                    checks: progress.checks,
                    delay: Some(delay),
                };
            }
        }
        Detection {
            checks: progress.checks,
            delay: None,
        }
    }
}

fn envcache(progress: Progress, _: &mut Rng) -> Option<u32> {
    let deadline = deadline_seconds(false);
    (progress.seconds < deadline).then(|| next_wait(progress.seconds, deadline))
}

/// The schedule before these benchmarks.
fn envcache_before(progress: Progress, _: &mut Rng) -> Option<u32> {
    let deadline = deadline_seconds(false);
    let interval = if (180..900).contains(&progress.seconds) {
        10
    } else {
        30
    };
    (progress.seconds < deadline).then(|| interval.min(deadline - progress.seconds))
}

fn terraform(progress: Progress, _: &mut Rng) -> Option<u32> {
    let interval = if progress.checks == 0 { 30 } else { 10 };
    (progress.seconds < 3_600).then_some(interval)
}

fn botocore(progress: Progress, _: &mut Rng) -> Option<u32> {
    match progress.checks {
        0 => Some(0),
        1..40 => Some(15),
        _ => None,
    }
}

/// ACK never gives up, so this only ends the simulation.
fn ack(progress: Progress, _: &mut Rng) -> Option<u32> {
    const DAY: u32 = 24 * 60 * 60;
    (progress.seconds < DAY).then_some(30)
}

fn rust_sdk(progress: Progress, random: &mut Rng) -> Option<u32> {
    const SHORTEST: u32 = 15;
    const LONGEST: u32 = 120;
    const TOTAL: u32 = 3_600;
    // The number of doublings from the shortest to the longest.
    const DOUBLINGS: u32 = 3;

    let Some(doublings) = progress.checks.checked_sub(1) else {
        return Some(0);
    };
    if progress.seconds >= TOTAL {
        return None;
    }
    let limit = if doublings > DOUBLINGS {
        LONGEST
    } else {
        SHORTEST << doublings
    };
    let wait = random.u32(SHORTEST..=limit);
    let left = TOTAL - progress.seconds;
    Some(if left.saturating_sub(wait) <= SHORTEST {
        left
    } else {
        wait
    })
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use replication_group::schedule::{deadline_seconds, next_wait};

    use super::{Detection, POLLERS};

    fn detect(name: &str, available: f64) -> Detection {
        let poller = POLLERS
            .iter()
            .find(|poller| poller.name == name)
            .expect(name);
        poller.detect(available, &mut Rng::with_seed(1))
    }

    #[test]
    fn finds_cache_at_first_check_after_it_is_available() {
        // The name, when the cache is available, the number of checks, and the delay.
        let cases = [
            ("envcache before", 360.0, 24, 0.0),
            ("envcache before", 361.0, 25, 9.0),
            ("Terraform", 20.0, 1, 10.0),
            ("Terraform", 360.0, 34, 0.0),
            ("Terraform", 363.0, 35, 7.0),
            ("botocore, AWS CLI", 0.0, 1, 0.0),
            ("botocore, AWS CLI", 360.0, 25, 0.0),
            ("botocore, AWS CLI", 585.0, 40, 0.0),
            ("ACK", 360.0, 12, 0.0),
            ("ACK", 361.0, 13, 29.0),
        ];
        for (name, available, checks, delay) in cases {
            let expected = Detection {
                checks,
                delay: Some(delay),
            };
            assert_eq!(detect(name, available), expected, "{name}: {available}");
        }
    }

    #[test]
    fn gives_up_after_its_limit() {
        let cases = [
            ("botocore, AWS CLI", 586.0, 40),
            ("envcache before", 3_601.0, 168),
            ("Terraform", 3_601.0, 358),
        ];
        for (name, available, checks) in cases {
            let expected = Detection {
                checks,
                delay: None,
            };
            assert_eq!(detect(name, available), expected, "{name}: {available}");
        }
    }

    #[test]
    fn envcache_follows_the_deployed_schedule() {
        let deadline = deadline_seconds(false);
        let mut waited = 0;
        let mut checks = 0;
        while waited < 360 {
            waited += next_wait(waited, deadline);
            checks += 1;
        }

        let found = detect("envcache", 360.0);

        assert_eq!(found.checks, checks);
        assert_eq!(found.delay, Some(f64::from(waited - 360)));
    }

    #[test]
    fn rust_sdk_is_the_version_of_the_lock_file() {
        let lock = include_str!("../../../Cargo.lock");
        let version = |package: &str| {
            let (_, entry) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
            entry.split('"').next()
        };
        let poller = POLLERS.last().expect("a poller");

        for package in ["aws-smithy-runtime", "aws-sdk-elasticache"] {
            let version = version(package).expect(package);

            // Compare the limits of the waiter with the new version before you change the text.
            assert!(poller.description.contains(version), "{package} {version}");
        }
    }

    #[test]
    fn rust_sdk_waits_between_15_and_120_seconds() {
        let poller = POLLERS.last().expect("a poller");
        let mut random = Rng::with_seed(1);
        for _ in 0..100 {
            let found = poller.detect(1_000.0, &mut random);

            // At once, after at most 15, 30, and 60 seconds, and then after at most 120 each; always after at least 15.
            assert!((12..=68).contains(&found.checks), "{found:?}");
            assert!(found.delay.is_some_and(|delay| delay < 120.0), "{found:?}");
        }
    }
}
