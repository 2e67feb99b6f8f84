//! How early programs find caches, and with how many checks.

use fastrand::Rng;

use super::poller::{Detection, Poller};
use crate::distribution::LogNormal;
use crate::statistics::{mean, number};

/// The seed of the random waits, which is the same for each program and each set of draws.
const SEED: u64 = 20;

/// How a program found caches.
pub struct Outcome {
    /// Mean number of checks.
    pub checks: f64,
    /// In seconds, sorted. Without the caches that it didn't find.
    delays: Vec<f64>,
    /// Share of the caches that it didn't find before it gave up.
    pub missed: f64,
}

impl Outcome {
    /// Runs a program for each creation time.
    pub fn of(poller: &Poller, times: &[f64]) -> Self {
        let mut random = Rng::with_seed(SEED);
        let detections: Vec<Detection> = times
            .iter()
            .map(|time| poller.detect(*time, &mut random))
            .collect();
        Self::of_detections(&detections)
    }

    fn of_detections(detections: &[Detection]) -> Self {
        let checks: Vec<f64> = detections
            .iter()
            .map(|detection| f64::from(detection.checks))
            .collect();
        let mut delays: Vec<f64> = detections
            .iter()
            .filter_map(|detection| detection.delay)
            .collect();
        delays.sort_by(f64::total_cmp);
        Self {
            checks: mean(&checks),
            missed: 1.0 - number(delays.len()) / number(detections.len().max(1)),
            delays,
        }
    }

    /// Returns the mean delay in seconds.
    pub fn mean_delay(&self) -> f64 {
        mean(&self.delays)
    }

    /// Returns the longest delay in seconds.
    pub fn longest_delay(&self) -> f64 {
        self.quantile(100)
    }

    /// Returns the delay in seconds that this percentage of the found caches doesn't exceed.
    pub fn quantile(&self, percentage: usize) -> f64 {
        let index = self.delays.len() * percentage / 100;
        let last = self.delays.len().saturating_sub(1);
        self.delays.get(index.min(last)).copied().unwrap_or(0.0)
    }
}

/// The schedule that finds caches of a known distribution earliest with a number of checks.
///
/// While a share S of the caches isn't available yet, a check every d seconds costs S/d checks a second, and the density f
/// of the creation times causes f·d/2 seconds of delay. Their sum is least if d is proportional to the square root of S/f,
/// that is, to that of 1/hazard.
pub struct Ideal {
    /// In seconds since the request, ascending.
    times: Vec<f64>,
}

impl Ideal {
    /// The last second of the schedule.
    const END: u32 = 7_200;

    /// Returns the schedule whose interval is `scale` divided by the square root of the hazard rate.
    pub fn new(distribution: LogNormal, scale: f64) -> Self {
        let mut times = Vec::new();
        let mut progress = 0.0;
        for second in 1..=Self::END {
            let second = f64::from(second);
            progress += distribution.hazard(second).sqrt() / scale;
            if progress >= 1.0 {
                times.push(second);
                progress -= 1.0;
            }
        }
        Self { times }
    }

    /// Returns the schedule with this mean number of checks.
    pub fn with_checks(distribution: LogNormal, checks: f64, times: &[f64]) -> Self {
        // An interval of 1 second and of minutes around the median.
        let (mut denser, mut sparser) = (0.05, 20.0);
        for _ in 0..20 {
            let middle = f64::midpoint(denser, sparser);
            if Self::new(distribution, middle).outcome(times).checks > checks {
                denser = middle;
            } else {
                sparser = middle;
            }
        }
        Self::new(distribution, sparser)
    }

    /// Returns how the schedule finds each cache.
    pub fn outcome(&self, times: &[f64]) -> Outcome {
        let detections: Vec<Detection> = times
            .iter()
            .map(|available| {
                let earlier = self.times.partition_point(|time| time < available);
                let checks = u32::try_from(earlier + 1).unwrap_or(u32::MAX);
                Detection {
                    checks,
                    delay: self.times.get(earlier).map(|time| time - available),
                }
            })
            .collect();
        Outcome::of_detections(&detections)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ideal, Outcome};
    use crate::distribution::LogNormal;
    use crate::polling::poller::{Detection, POLLERS};

    const DISTRIBUTION: LogNormal = LogNormal {
        median: 360.0,
        sigma: 0.25,
    };

    #[test]
    fn summarizes_detections() {
        let found = |checks, delay| Detection { checks, delay };

        let outcome = Outcome::of_detections(&[
            found(10, Some(4.0)),
            found(20, Some(2.0)),
            found(30, Some(6.0)),
            found(40, None),
        ]);

        let close = |found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
        };
        close(outcome.checks, 25.0);
        close(outcome.mean_delay(), 4.0);
        close(outcome.longest_delay(), 6.0);
        close(outcome.quantile(50), 4.0);
        close(outcome.missed, 0.25);
    }

    #[test]
    fn ideal_schedule_checks_most_often_after_the_median() {
        let ideal = Ideal::new(DISTRIBUTION, 0.7);

        let interval_after = |seconds: f64| {
            let next = ideal.times.partition_point(|time| *time < seconds);
            ideal.times[next + 1] - ideal.times[next]
        };

        assert!(interval_after(240.0) > interval_after(300.0));
        assert!(interval_after(300.0) > interval_after(400.0));
    }

    #[test]
    fn no_program_is_earlier_than_the_ideal_schedule() {
        let times = DISTRIBUTION.draws(10_000, 1);
        for poller in &POLLERS {
            let found = Outcome::of(poller, &times);
            if found.missed > 0.0 {
                continue;
            }

            let ideal = Ideal::with_checks(DISTRIBUTION, found.checks, &times).outcome(&times);

            assert!(
                ideal.mean_delay() <= found.mean_delay(),
                "{}: {} < {}",
                poller.name,
                found.mean_delay(),
                ideal.mean_delay()
            );
        }
    }
}
