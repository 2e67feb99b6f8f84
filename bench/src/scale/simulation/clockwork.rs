//! The parts of the simulation that keep time: the agenda of future events, and the limits of calls and of transitions.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::time::Duration;

use local::gateway::quota::{Bucket, Counts, Rate, bucket_of};

use crate::scale::account::Account;

/// The future events: the times at which runs continue.
#[derive(Default)]
pub struct Agenda {
    /// Each event with its time, its number, and its run. `Duration` has a total order; equal times keep their order.
    events: BinaryHeap<Reverse<(Duration, u64, usize)>>,
    added: u64,
}

impl Agenda {
    /// Continues a run at a time in seconds.
    pub fn add(&mut self, at: f64, run: usize) {
        self.added += 1;
        let event = (Duration::from_secs_f64(at), self.added, run);
        self.events.push(Reverse(event));
    }

    /// Removes the next event, and returns its time and its run.
    pub fn pop(&mut self) -> Option<(f64, usize)> {
        let Reverse((at, _, run)) = self.events.pop()?;
        Some((at.as_secs_f64(), run))
    }
}

/// A bucket whose tokens can be reserved: work that finds it empty is delayed instead of rejected.
pub struct Pacer {
    rate: Rate,
    /// Negative if tokens are reserved that are still to come.
    tokens: f64,
    counted_at: f64,
}

impl Pacer {
    pub const fn new(rate: Rate) -> Self {
        Self {
            rate,
            tokens: rate.burst,
            counted_at: 0.0,
        }
    }

    /// Reserves tokens. Returns when they are available, at the earliest at `now`.
    pub fn reserve(&mut self, tokens: u32, now: f64) -> f64 {
        // A retry reserves for the future, and the next caller for an earlier time.
        let since = (now - self.counted_at).max(0.0);
        self.tokens = (self.tokens + since * self.rate.per_second).min(self.rate.burst);
        self.counted_at = self.counted_at.max(now);
        self.tokens -= f64::from(tokens);
        now + (-self.tokens).max(0.0) / self.rate.per_second
    }
}

/// The rate limits of the operations that the runs call.
pub struct Limits {
    account: Account,
    buckets: Vec<Bucket>,
    /// The index of the bucket by service and operation; some operations share one.
    bucket_indexes: HashMap<(String, String), usize>,
    /// The operations, each with its bucket and its calls.
    operations: Vec<(String, usize, Counts)>,
}

impl Limits {
    pub fn new(account: Account) -> Self {
        Self {
            account,
            buckets: Vec::new(),
            bucket_indexes: HashMap::new(),
            operations: Vec::new(),
        }
    }

    /// Returns the index of an operation.
    pub fn index(&mut self, service: &str, operation: &str) -> usize {
        let name = format!("{service} {operation}");
        if let Some(index) = self
            .operations
            .iter()
            .position(|(known, ..)| *known == name)
        {
            return index;
        }
        let key = (service.to_owned(), bucket_of(operation).to_owned());
        let bucket = *self.bucket_indexes.entry(key).or_insert_with(|| {
            let rate = self.account.rate(service, operation);
            self.buckets.push(Bucket::full(rate, 0.0));
            self.buckets.len() - 1
        });
        self.operations.push((name, bucket, Counts::default()));
        self.operations.len() - 1
    }

    /// Makes a call. Returns false if it is throttled.
    pub fn take(&mut self, index: usize, now: f64) -> bool {
        let (_, bucket, counts) = &mut self.operations[index];
        let admitted = self.buckets[*bucket].take(now);
        counts.calls += 1;
        counts.throttled += u32::from(!admitted);
        admitted
    }

    /// Returns the calls by operation.
    pub fn counts(&self) -> BTreeMap<String, Counts> {
        self.operations
            .iter()
            .filter(|(_, _, counts)| counts.calls > 0)
            .map(|(name, _, counts)| (name.clone(), *counts))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Agenda, Limits, Pacer};
    use crate::scale::account::Account;
    use local::gateway::quota::Rate;

    #[test]
    fn agenda_returns_events_by_time_and_then_in_their_order() {
        let mut agenda = Agenda::default();
        for (at, run) in [(2.0, 0), (1.0, 1), (1.0, 2)] {
            agenda.add(at, run);
        }

        let order: Vec<_> = std::iter::from_fn(|| agenda.pop()).collect();

        assert_eq!(order, [(1.0, 1), (1.0, 2), (2.0, 0)]);
    }

    #[test]
    fn pacer_delays_what_exceeds_the_burst() {
        let mut pacer = Pacer::new(Rate::new(10, 5.0));
        let times = [10, 5, 5].map(|tokens| pacer.reserve(tokens, 0.0).to_string());
        assert_eq!(times, ["0", "1", "2"], "seconds");
    }

    #[test]
    fn operations_for_reading_parameters_share_a_bucket() {
        let mut limits = Limits::new(Account::default());
        let [one, other] =
            ["GetParameters", "GetParametersByPath"].map(|name| limits.index("ssm", name));

        let admitted = (0..30).filter(|_| limits.take(one, 0.0)).count()
            + (0..30).filter(|_| limits.take(other, 0.0)).count();

        assert_eq!(admitted, 40);
        assert_eq!(limits.counts()["ssm GetParametersByPath"].throttled, 20);
    }
}
