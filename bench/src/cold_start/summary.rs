//! Summaries of repeated measurements.

use std::time::Duration;

use super::run::Sample;

/// The summary of a candidate's runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The median of the init phase.
    pub init: Duration,
    /// The median from the start of the process to the answer.
    pub median: Duration,
    /// The quartiles of the same: half of the runs are between them.
    pub quartiles: [Duration; 2],
    /// The largest memory of any run in KiB, if it was measured.
    pub memory: Option<u64>,
}

impl Summary {
    /// Returns the summary of these runs.
    pub fn of(samples: &[Sample]) -> Self {
        let sorted = |value: fn(&Sample) -> Duration| {
            let mut values: Vec<_> = samples.iter().map(value).collect();
            values.sort_unstable();
            values
        };
        let total = sorted(|sample| sample.total);
        Self {
            init: quantile(&sorted(|sample| sample.init), 2),
            median: quantile(&total, 2),
            quartiles: [1, 3].map(|quarters| quantile(&total, quarters)),
            memory: samples.iter().filter_map(|sample| sample.memory).max(),
        }
    }

    /// Returns median and quartiles in milliseconds.
    pub fn milliseconds(&self) -> String {
        let [lower, upper] = self.quartiles.map(in_milliseconds);
        format!(
            "{:.1} ({lower:.1}–{upper:.1})",
            in_milliseconds(self.median)
        )
    }

    /// Returns the memory in MiB.
    pub fn mebibytes(&self) -> String {
        self.memory.map_or_else(
            || "–".to_owned(),
            |memory| format!("{:.1}", in_mebibytes(memory)),
        )
    }

    /// Returns how many times as long as `other` this takes.
    pub fn ratio(&self, other: &Self) -> f64 {
        self.median.as_secs_f64() / other.median.as_secs_f64()
    }
}

/// Returns a quartile of sorted values: the value below which so many quarters of them are.
fn quantile(sorted: &[Duration], quarters: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * quarters / 4).copied().unwrap_or_default()
}

/// Returns a duration in milliseconds.
pub fn in_milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Returns KiB in MiB.
pub fn in_mebibytes(kibibytes: u64) -> f64 {
    // A process that needs more than 4 TiB doesn't start.
    f64::from(u32::try_from(kibibytes).unwrap_or(u32::MAX)) / 1024.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Sample, Summary};

    fn samples(milliseconds: &[u64]) -> Vec<Sample> {
        milliseconds
            .iter()
            .map(|total| Sample {
                init: Duration::from_millis(total / 2),
                total: Duration::from_millis(*total),
                memory: Some(total * 1024),
            })
            .collect()
    }

    #[test]
    fn median_and_quartiles_ignore_order_and_outliers() {
        let summary = Summary::of(&samples(&[900, 10, 14, 12, 16]));

        assert_eq!(summary.median, Duration::from_millis(14));
        assert_eq!(summary.quartiles, [12, 16].map(Duration::from_millis));
        assert_eq!(summary.init, Duration::from_millis(7));
        assert_eq!(summary.milliseconds(), "14.0 (12.0–16.0)");
        assert_eq!(summary.mebibytes(), "900.0");
    }

    #[test]
    fn ratio_compares_medians() {
        let [python, rust] =
            [[300, 310, 320], [10, 31, 900]].map(|runs| Summary::of(&samples(&runs)));

        assert!((python.ratio(&rust) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn summary_of_no_runs_is_empty() {
        let summary = Summary::of(&[]);

        assert_eq!(summary.median, Duration::ZERO);
        assert_eq!(summary.mebibytes(), "–");
    }
}
