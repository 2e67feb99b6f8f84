//! The assumed distribution of the time that ElastiCache takes to create a cache.
//!
//! AWS documents no times. The distribution is log-normal, as is usual for durations that can't be negative and sometimes
//! are much longer, and is fitted to public logs.

use std::f64::consts::{PI, SQRT_2, TAU};

use fastrand::Rng;

use crate::statistics::{mean, number};

/// A creation that a public log reports.
pub struct Report {
    pub seconds: f64,
    pub cache: &'static str,
    pub source: &'static str,
}

/// Terraform's line `Creation complete after …` for a small cache, in public files that were found by a search for this line
/// after `aws_elasticache_replication_group` and `aws_elasticache_cluster`. Files without a real creation, such as
/// invented logs, are left out.
pub const REPORTS: [Report; 9] = [
    Report {
        seconds: 222.0,
        cache: "cache.t3.micro, one node",
        source: "a public tutorial (cluster `terraform-021-redis`)",
    },
    Report {
        seconds: 317.0,
        cache: "cache.t2.medium, one node, Redis OSS 7.1",
        source: "a comment in a public Terraform file (`cluster-example`)",
    },
    Report {
        seconds: 337.0,
        cache: "cache.t2.micro, four nodes, Redis OSS 4.0",
        source: "the example of a public Terraform module (group `default-test`)",
    },
    Report {
        seconds: 358.0,
        cache: "one node",
        source: "github.com/antonakv/tf-aws-activeactive-agents",
    },
    Report {
        seconds: 365.0,
        cache: "cache.t3, one node",
        source: "github.com/cation98/bedrock-claude-admin",
    },
    Report {
        seconds: 419.0,
        cache: "one node",
        source: "github.com/antonakv/tf-aws-activeactive",
    },
    Report {
        seconds: 420.0,
        cache: "cache.m4.large, one node",
        source: "github.com/antonakv/tfe-aws-activeactive-usingmodule",
    },
    Report {
        seconds: 547.0,
        cache: "cache.t3.medium, one node, Redis OSS 7.0",
        source: "github.com/antonakv/tf-aws-pes-eksk8s-activeactive-agents",
    },
    Report {
        seconds: 555.0,
        cache: "cache.t3.medium, one node, Redis OSS 5.0",
        source: "github.com/antonakv/tf-aws-pes-docker-compose-activeactive-agents",
    },
];

/// How many times the benchmarks draw.
pub const DRAWS: usize = 100_000;
/// The seed of these draws.
pub const SEED: u64 = 1;

/// Terraform polls every 10 seconds, so it reports a creation 5 seconds late on average.
const REPORTED_LATE_SECONDS: f64 = 5.0;

/// A log-normal distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    pub median: f64,
    /// The standard deviation of the logarithm.
    pub sigma: f64,
}

impl LogNormal {
    /// Returns the distribution with the mean and the standard deviation of the logarithms of the reported times.
    pub fn fitted() -> Self {
        let logarithms: Vec<f64> = REPORTS
            .iter()
            .map(|report| (report.seconds - REPORTED_LATE_SECONDS).ln())
            .collect();
        let mean = mean(&logarithms);
        let squares: Vec<f64> = logarithms
            .iter()
            .map(|logarithm| (logarithm - mean).powi(2))
            .collect();
        let variance = squares.iter().sum::<f64>() / (number(squares.len()) - 1.0);
        Self {
            median: mean.exp(),
            sigma: variance.sqrt(),
        }
    }

    /// Returns random times. The same seed results in the same times.
    pub fn draws(self, count: usize, seed: u64) -> Vec<f64> {
        let mut random = Rng::with_seed(seed);
        (0..count)
            .map(|_| self.median * (self.sigma * standard_normal(&mut random)).exp())
            .collect()
    }

    /// Returns the hazard rate: the probability that a cache becomes available in the next second if it isn't yet.
    pub fn hazard(self, seconds: f64) -> f64 {
        let score = (seconds / self.median).ln() / self.sigma;
        let density = (-score * score / 2.0).exp() / (seconds * self.sigma * TAU.sqrt());
        density / upper_tail(score)
    }
}

/// Returns a draw from the standard normal distribution, by the Box-Muller transform.
fn standard_normal(random: &mut Rng) -> f64 {
    // Greater than 0, whose logarithm is infinite.
    let uniform = 1.0 - random.f64();
    (-2.0 * uniform.ln()).sqrt() * (TAU * random.f64()).cos()
}

/// Returns the probability that a standard normal variable is greater than `score`.
///
/// Right of 0, this is the continued fraction of Mills' ratio (Abramowitz and Stegun, 26.2.14), which also holds for small
/// probabilities.
fn upper_tail(score: f64) -> f64 {
    if score < 0.0 {
        return 1.0 - upper_tail(-score);
    }
    if score < 2.0 {
        return (1.0 - error_function(score / SQRT_2)) / 2.0;
    }
    let mut fraction = score;
    for term in (1..=60).rev() {
        fraction = score + f64::from(term) / fraction;
    }
    (-score * score / 2.0).exp() / (TAU.sqrt() * fraction)
}

/// Returns the error function for arguments between 0 and 2, by its series (Abramowitz and Stegun, 7.1.5).
fn error_function(x: f64) -> f64 {
    let mut power = x;
    let mut sum = x;
    for index in 1..60 {
        let index = f64::from(index);
        power *= -x * x / index;
        sum += power / (2.0 * index + 1.0);
    }
    2.0 / PI.sqrt() * sum
}

#[cfg(test)]
mod tests {
    use super::{LogNormal, upper_tail};
    use crate::statistics::{mean, number};

    const SIX_MINUTES: LogNormal = LogNormal {
        median: 360.0,
        sigma: 0.25,
    };

    fn share(draws: &[f64], is_counted: impl Fn(f64) -> bool) -> f64 {
        number(draws.iter().filter(|draw| is_counted(**draw)).count()) / number(draws.len())
    }

    #[test]
    fn half_of_the_draws_are_below_the_median() {
        let draws = SIX_MINUTES.draws(100_000, 1);

        let below = share(&draws, |draw| draw < 360.0);

        assert!((below - 0.5).abs() < 0.01, "{below}");
    }

    #[test]
    fn logarithms_of_draws_have_the_standard_deviation() {
        let draws = SIX_MINUTES.draws(100_000, 2);
        let squares: Vec<f64> = draws
            .iter()
            .map(|draw| (draw / 360.0).ln().powi(2))
            .collect();

        let found = mean(&squares).sqrt();

        assert!((found - 0.25).abs() < 0.005, "{found}");
    }

    #[test]
    fn same_seed_returns_the_same_draws() {
        assert_eq!(SIX_MINUTES.draws(10, 3), SIX_MINUTES.draws(10, 3));
        assert_ne!(SIX_MINUTES.draws(10, 3), SIX_MINUTES.draws(10, 4));
    }

    #[test]
    fn distribution_has_mean_and_deviation_of_the_reports() {
        let fitted = LogNormal::fitted();

        // Calculated with Python's `statistics`: `mean` and `stdev` of the logarithms.
        assert!((fitted.median - 374.9).abs() < 0.05, "{fitted:?}");
        assert!((fitted.sigma - 0.286).abs() < 0.000_5, "{fitted:?}");
    }

    /// The values are those of a table of the normal distribution (Abramowitz and Stegun, table 26.1).
    #[test]
    fn upper_tail_matches_the_table() {
        let cases = [
            (-1.0, 0.841_344_746),
            (0.0, 0.5),
            (1.0, 0.158_655_254),
            (1.96, 0.024_997_895),
            (3.0, 0.001_349_898),
            (5.0, 2.866_516e-7),
        ];
        for (score, expected) in cases {
            let found = upper_tail(score);
            assert!((found / expected - 1.0).abs() < 1e-6, "{score}: {found}");
        }
    }

    #[test]
    fn hazard_is_the_share_of_waiting_caches_that_become_available() {
        let draws = SIX_MINUTES.draws(400_000, 5);
        for seconds in [300.0, 360.0, 500.0] {
            let waiting = share(&draws, |draw| draw >= seconds);
            let available = share(&draws, |draw| (seconds..seconds + 5.0).contains(&draw));

            let found = SIX_MINUTES.hazard(seconds + 2.5);

            let expected = available / waiting / 5.0;
            assert!(
                (found / expected - 1.0).abs() < 0.1,
                "{seconds}: {found}, expected {expected}"
            );
        }
    }
}
