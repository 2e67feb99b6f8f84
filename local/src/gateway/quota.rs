//! AWS's request rate limits: a token bucket for each operation.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::call::Call;
use super::clock::Clock;

/// A bucket's size, and the tokens per second that refill it.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: f64,
    per_second: f64,
}

/// EC2's limit for filtered describe calls:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.
const EC2_READS: Rate = Rate::new(100, 20.0);
/// EC2's limit for mutating calls, from the same page.
const EC2_CHANGES: Rate = Rate::new(50, 5.0);
/// EC2's limit for tagging calls, from the same page.
const EC2_TAGS: Rate = Rate::new(100, 10.0);
/// Systems Manager's default throughput of `PutParameter`:
/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html>.
const PUT_PARAMETER: Rate = Rate::new(3, 3.0);
/// The default throughput that the three operations for reading parameters share, from the same page.
const GET_PARAMETERS: Rate = Rate::new(40, 40.0);
/// The limit of `StartExecution` in most Regions:
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>.
const START_EXECUTION: Rate = Rate::new(800, 150.0);
/// The initial throughput of an on-demand DynamoDB table:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>.
const DYNAMODB: Rate = Rate::new(4_000, 4_000.0);
/// A conservative guess for ElastiCache and the other services, whose limits AWS doesn't document.
const UNDOCUMENTED: Rate = Rate::new(50, 10.0);

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
            _ => UNDOCUMENTED,
        }
    }
}

/// A token bucket.
struct Bucket {
    rate: Rate,
    tokens: f64,
    /// When the tokens were last counted, in simulated seconds.
    counted_at: f64,
}

impl Bucket {
    /// Takes a token. Returns false if the bucket is empty.
    fn take(&mut self, now: f64) -> bool {
        let refill = (now - self.counted_at) * self.rate.per_second;
        self.tokens = (self.tokens + refill).min(self.rate.burst);
        self.counted_at = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

/// The account's buckets.
pub struct Quotas {
    clock: Clock,
    /// The buckets by service and operation.
    buckets: Mutex<HashMap<(String, String), Bucket>>,
    rejected: AtomicU32,
}

impl Quotas {
    /// Creates full buckets with AWS's documented limits.
    pub(super) fn documented(clock: Clock) -> Self {
        Self {
            clock,
            buckets: Mutex::default(),
            rejected: AtomicU32::new(0),
        }
    }

    /// Returns the number of calls that were rejected so far.
    pub(super) fn rejected(&self) -> u32 {
        self.rejected.load(Ordering::Relaxed)
    }

    pub(super) fn limit(&self, service: &str, operation: &str, burst: u32, per_second: f64) {
        let rate = Rate::new(burst, per_second);
        let bucket = Bucket {
            rate,
            tokens: rate.burst,
            counted_at: self.clock.now(),
        };
        self.buckets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((service.to_owned(), operation.to_owned()), bucket);
    }

    /// Takes a token for a call. Returns false if the call exceeds its limit.
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
                    tokens: rate.burst,
                    counted_at: now,
                }
            })
            .take(now);
        if !admitted {
            self.rejected.fetch_add(1, Ordering::Relaxed);
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

/// Returns the operation whose bucket applies to a call.
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
    fn bucket_allows_burst_and_then_rate() {
        let mut bucket = Bucket {
            rate: PUT_PARAMETER,
            tokens: PUT_PARAMETER.burst,
            counted_at: 0.0,
        };

        let at_once: Vec<_> = (0..4).map(|_| bucket.take(0.0)).collect();

        assert_eq!(at_once, [true, true, true, false], "a burst of 3");
        assert!(bucket.take(0.4), "one token after a third of a second");
        assert!(!bucket.take(0.4));
        let later = (0..10).filter(|_| bucket.take(100.0)).count();
        assert_eq!(later, 3, "at most a burst");
    }
}
