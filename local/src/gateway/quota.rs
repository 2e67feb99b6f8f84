//! How many calls AWS takes: a token bucket for each operation.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::call::Call;
use super::clock::Clock;

/// A bucket: `burst` calls at once, refilled by `per_second`.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: f64,
    per_second: f64,
}

/// EC2's calls that read, filtered:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.
const EC2_READS: Rate = Rate::new(100, 20.0);
/// EC2's calls that change something, same page.
const EC2_CHANGES: Rate = Rate::new(50, 5.0);
/// EC2's calls on tags, same page.
const EC2_TAGS: Rate = Rate::new(100, 10.0);
/// Systems Manager's default throughput of `PutParameter`:
/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html>.
const PUT_PARAMETER: Rate = Rate::new(3, 3.0);
/// The default throughput of reading parameters, same page; its three operations share it.
const GET_PARAMETERS: Rate = Rate::new(40, 40.0);
/// `StartExecution` in most regions: <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>.
const START_EXECUTION: Rate = Rate::new(800, 150.0);
/// What a DynamoDB table on demand takes from the start:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>.
const DYNAMODB: Rate = Rate::new(4_000, 4_000.0);
/// AWS states no rate for ElastiCache and for the rest: this is a guess, on the careful side.
const UNSTATED: Rate = Rate::new(50, 10.0);

impl Rate {
    const fn new(burst: u32, per_second: f64) -> Self {
        Self {
            burst: burst as f64,
            per_second,
        }
    }

    fn of(call: &Call) -> Self {
        match (call.service.as_str(), call.operation.as_str()) {
            ("ec2", "CreateTags" | "DeleteTags") => EC2_TAGS,
            ("ec2", operation) if operation.starts_with("Describe") => EC2_READS,
            ("ec2", _) => EC2_CHANGES,
            ("ssm", "PutParameter") => PUT_PARAMETER,
            ("ssm", operation) if reads_parameters(operation) => GET_PARAMETERS,
            ("states", "StartExecution") => START_EXECUTION,
            ("dynamodb", _) => DYNAMODB,
            _ => UNSTATED,
        }
    }
}

/// What is left in a bucket, and when that was counted, in AWS's seconds.
struct Bucket {
    rate: Rate,
    left: f64,
    counted: f64,
}

impl Bucket {
    /// Takes a token, if there is one.
    fn take(&mut self, now: f64) -> bool {
        let refill = (now - self.counted) * self.rate.per_second;
        self.left = (self.left + refill).min(self.rate.burst);
        self.counted = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

/// The buckets of the account.
pub struct Quotas {
    clock: Clock,
    /// By service and operation.
    buckets: Mutex<HashMap<(String, String), Bucket>>,
    refused: AtomicU32,
}

impl Quotas {
    /// Full buckets of AWS's own sizes.
    pub(super) fn documented(clock: Clock) -> Self {
        Self {
            clock,
            buckets: Mutex::default(),
            refused: AtomicU32::new(0),
        }
    }

    /// How many calls were refused for their rate so far.
    pub(super) fn refused(&self) -> u32 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn limit(&self, service: &str, operation: &str, burst: u32, per_second: f64) {
        let rate = Rate::new(burst, per_second);
        let bucket = Bucket {
            rate,
            left: rate.burst,
            counted: self.clock.now(),
        };
        self.buckets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((service.to_owned(), operation.to_owned()), bucket);
    }

    /// Whether the account may make this call now.
    pub(super) fn admit(&self, call: &Call) -> bool {
        let now = self.clock.now();
        let bucket = (call.service.clone(), bucket_of(&call.operation).to_owned());
        let admitted = self
            .buckets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(bucket)
            .or_insert_with(|| {
                let rate = Rate::of(call);
                Bucket {
                    rate,
                    left: rate.burst,
                    counted: now,
                }
            })
            .take(now);
        if !admitted {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }
}

fn reads_parameters(operation: &str) -> bool {
    matches!(
        operation,
        "GetParameter" | "GetParameters" | "GetParametersByPath"
    )
}

/// The operation whose bucket a call takes from.
fn bucket_of(operation: &str) -> &str {
    if reads_parameters(operation) {
        "GetParameter"
    } else {
        operation
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, PUT_PARAMETER};

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket {
            rate: PUT_PARAMETER,
            left: PUT_PARAMETER.burst,
            counted: 0.0,
        };

        let at_once: Vec<_> = (0..4).map(|_| bucket.take(0.0)).collect();

        assert_eq!(at_once, [true, true, true, false], "3 at once");
        assert!(
            bucket.take(0.4),
            "a third of a second later there is one more"
        );
        assert!(!bucket.take(0.4));
        let later = (0..10).filter(|_| bucket.take(100.0)).count();
        assert_eq!(later, 3, "it does not grow beyond its size");
    }
}
