//! AWS's request rate limits: a token bucket for each operation.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::call::Call;
use super::clock::Clock;

/// A bucket's size, and the tokens per second that refill it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub burst: f64,
    pub per_second: f64,
}

/// Where a limit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The address of AWS's page.
    Documented(&'static str),
    /// Why the limit was assumed.
    Assumed(&'static str),
}

/// A rate limit of an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub rate: Rate,
    pub source: Source,
}

const EC2_PAGE: &str = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html";
/// Systems Manager's limits. For Parameter Store, they are per second, and the page gives no burst; one second's calls are
/// assumed.
pub const SSM_PAGE: &str = "https://docs.aws.amazon.com/general/latest/gr/ssm.html";
const STATES_PAGE: &str =
    "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html";
const LOGS_PAGE: &str =
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html";

/// EC2's limit for filtered describe calls.
const EC2_READS: Limit = Limit::documented(100, 20.0, EC2_PAGE);
/// EC2's limit for mutating calls.
const EC2_CHANGES: Limit = Limit::documented(50, 5.0, EC2_PAGE);
/// EC2's limit for tagging calls.
const EC2_TAGS: Limit = Limit::documented(100, 10.0, EC2_PAGE);
/// Systems Manager's default throughput of `PutParameter`.
const PUT_PARAMETER: Limit = Limit::documented(3, 3.0, SSM_PAGE);
/// Its default throughput of `DeleteParameter`.
const DELETE_PARAMETER: Limit = Limit::documented(3, 3.0, SSM_PAGE);
/// The default throughput that the three operations for reading parameters share.
const GET_PARAMETERS: Limit = Limit::documented(40, 40.0, SSM_PAGE);
/// The limit of `StartExecution` in most Regions.
const START_EXECUTION: Limit = Limit::documented(800, 150.0, STATES_PAGE);
/// The limit of `DescribeExecution` in most Regions.
const DESCRIBE_EXECUTION: Limit = Limit::documented(250, 10.0, STATES_PAGE);
const GET_EXECUTION_HISTORY: Limit = Limit::documented(400, 20.0, STATES_PAGE);
/// CloudWatch Logs' limits per second. The page gives no burst; one second's calls are assumed.
const LOG_GROUPS: Limit = Limit::documented(10, 10.0, LOGS_PAGE);
const LOG_GROUP_CHANGES: Limit = Limit::documented(5, 5.0, LOGS_PAGE);
const LOG_GROUP_TAGS: Limit = Limit::documented(30, 30.0, LOGS_PAGE);
/// The quota of `PutEvents` in the Regions where it is lowest.
const PUT_EVENTS: Limit = Limit::documented(
    400,
    400.0,
    "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html",
);
const DYNAMODB_PAGE: &str =
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html";
/// The initial throughput of a new on-demand DynamoDB table.
const DYNAMODB_READS: Limit = Limit::documented(12_000, 12_000.0, DYNAMODB_PAGE);
const DYNAMODB_WRITES: Limit = Limit::documented(4_000, 4_000.0, DYNAMODB_PAGE);
/// A conservative guess for ElastiCache and the other services.
const UNDOCUMENTED: Limit = Limit {
    rate: Rate::new(50, 10.0),
    source: Source::Assumed("AWS documents no limit for this operation; a conservative guess"),
};

impl Rate {
    #[must_use]
    pub const fn new(burst: u32, per_second: f64) -> Self {
        Self {
            burst: burst as f64,
            per_second,
        }
    }
}

impl Limit {
    const fn documented(burst: u32, per_second: f64, page: &'static str) -> Self {
        Self {
            rate: Rate::new(burst, per_second),
            source: Source::Documented(page),
        }
    }

    /// Returns the limit of an operation. `service` is the service's name in signatures, such as `elasticache`.
    #[must_use]
    pub fn of(service: &str, operation: &str) -> Self {
        match (service, operation) {
            ("ec2", "CreateTags" | "DeleteTags") => EC2_TAGS,
            ("ec2", operation) if operation.starts_with("Describe") => EC2_READS,
            ("ec2", _) => EC2_CHANGES,
            ("logs", "CreateLogGroup" | "DescribeLogGroups") => LOG_GROUPS,
            ("logs", "PutRetentionPolicy" | "TagResource" | "UntagResource") => LOG_GROUP_CHANGES,
            ("logs", "ListTagsForResource") => LOG_GROUP_TAGS,
            ("ssm", "PutParameter") => PUT_PARAMETER,
            ("ssm", "DeleteParameter") => DELETE_PARAMETER,
            ("ssm", operation) if reads_parameters(operation) => GET_PARAMETERS,
            ("states", "StartExecution") => START_EXECUTION,
            ("states", "DescribeExecution") => DESCRIBE_EXECUTION,
            ("states", "GetExecutionHistory") => GET_EXECUTION_HISTORY,
            ("events", "PutEvents") => PUT_EVENTS,
            ("dynamodb", "GetItem" | "Scan") => DYNAMODB_READS,
            ("dynamodb", _) => DYNAMODB_WRITES,
            _ => UNDOCUMENTED,
        }
    }
}

/// A token bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    /// When the tokens were last counted, in simulated seconds.
    counted_at: f64,
}

impl Bucket {
    /// Creates a full bucket.
    #[must_use]
    pub const fn full(rate: Rate, now: f64) -> Self {
        Self {
            rate,
            tokens: rate.burst,
            counted_at: now,
        }
    }

    /// Takes a token. Returns false if the bucket is empty.
    pub fn take(&mut self, now: f64) -> bool {
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

/// How often an operation was called, and how often it was throttled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub calls: u32,
    pub throttled: u32,
}

/// The account's buckets.
pub struct Quotas {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The buckets by service and operation.
    buckets: HashMap<(String, String), Bucket>,
    /// The calls so far by service and operation.
    counts: BTreeMap<(String, String), Counts>,
}

impl Quotas {
    /// Creates full buckets with AWS's documented limits.
    pub(super) fn documented(clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// Returns the calls so far by service and operation.
    pub(super) fn counts(&self) -> BTreeMap<(String, String), Counts> {
        self.state().counts.clone()
    }

    pub(super) fn limit(&self, service: &str, operation: &str, burst: u32, per_second: f64) {
        let bucket = Bucket::full(Rate::new(burst, per_second), self.clock.now());
        self.state()
            .buckets
            .insert((service.to_owned(), operation.to_owned()), bucket);
    }

    /// Takes a token for a call. Returns false if the call exceeds its limit.
    pub(super) fn admit(&self, call: &Call) -> bool {
        let now = self.clock.now();
        let key = |operation: &str| (call.service.clone(), operation.to_owned());
        let mut state = self.state();
        let admitted = state
            .buckets
            .entry(key(bucket_of(&call.operation)))
            .or_insert_with(|| Bucket::full(Limit::of(&call.service, &call.operation).rate, now))
            .take(now);
        let counts = state.counts.entry(key(&call.operation)).or_default();
        counts.calls += 1;
        counts.throttled += u32::from(!admitted);
        admitted
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reads_parameters(operation: &str) -> bool {
    matches!(
        operation,
        "GetParameter" | "GetParameters" | "GetParametersByPath"
    )
}

/// Returns the operation whose bucket applies to a call: some operations share one.
#[must_use]
pub fn bucket_of(operation: &str) -> &str {
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
        let mut bucket = Bucket::full(PUT_PARAMETER.rate, 0.0);

        let at_once: Vec<_> = (0..4).map(|_| bucket.take(0.0)).collect();

        assert_eq!(at_once, [true, true, true, false], "a burst of 3");
        assert!(bucket.take(0.4), "one token after a third of a second");
        assert!(!bucket.take(0.4));
        let later = (0..10).filter(|_| bucket.take(100.0)).count();
        assert_eq!(later, 3, "at most a burst");
    }
}
