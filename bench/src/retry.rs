//! The retry policies of the state machine, as its definition has them.

use fastrand::Rng;
use serde_json::Value;

/// The simulator caps every delay, and draws no jitter: MiniStack reads only the interval and the backoff rate.
const LONGEST_SIMULATED_DELAY: f64 = 60.0;

/// A retrier of a state. The defaults of its fields are those of
/// <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    pub errors: Vec<String>,
    pub interval_seconds: f64,
    pub backoff_rate: f64,
    pub max_attempts: u32,
    pub max_delay_seconds: f64,
    pub has_jitter: bool,
}

impl Retrier {
    /// Returns the retriers of a state, in their order.
    pub fn of_state(state: &Value) -> Vec<Self> {
        let retriers = state["Retry"].as_array().into_iter().flatten();
        retriers.map(Self::read).collect()
    }

    /// Returns the retrier that applies to an error: the first one that matches.
    pub fn find<'a>(retriers: &'a [Self], error: &str) -> Option<&'a Self> {
        retriers.iter().find(|retrier| retrier.matches(error))
    }

    fn read(retrier: &Value) -> Self {
        let names = retrier["ErrorEquals"].as_array().into_iter().flatten();
        let number = |field: &str| retrier[field].as_f64();
        let attempts = retrier["MaxAttempts"].as_u64();
        Self {
            errors: names.filter_map(Value::as_str).map(str::to_owned).collect(),
            interval_seconds: number("IntervalSeconds").unwrap_or(1.0),
            backoff_rate: number("BackoffRate").unwrap_or(2.0),
            max_attempts: attempts
                .map_or(3, |attempts| u32::try_from(attempts).unwrap_or(u32::MAX)),
            max_delay_seconds: number("MaxDelaySeconds").unwrap_or(f64::INFINITY),
            has_jitter: retrier["JitterStrategy"] == "FULL",
        }
    }

    /// Returns the retrier as the simulator applies it.
    pub fn as_simulated(&self) -> Self {
        Self {
            max_delay_seconds: self.max_delay_seconds.min(LONGEST_SIMULATED_DELAY),
            has_jitter: false,
            ..self.clone()
        }
    }

    /// Returns whether the retrier applies to an error. `States.TaskFailed` applies to every error but a timeout.
    pub fn matches(&self, error: &str) -> bool {
        self.errors
            .iter()
            .any(|name| name == error || name == "States.TaskFailed" || name == "States.ALL")
    }

    /// Returns the seconds of all waits together, on average.
    pub fn mean_seconds(&self) -> f64 {
        let longest = (0..self.max_attempts).map(|retry| self.longest_delay(retry));
        let share = if self.has_jitter { 0.5 } else { 1.0 };
        longest.sum::<f64>() * share
    }

    fn longest_delay(&self, retry: u32) -> f64 {
        let exponent = i32::try_from(retry).unwrap_or(i32::MAX);
        let delay = self.interval_seconds * self.backoff_rate.powi(exponent);
        delay.min(self.max_delay_seconds)
    }

    /// Returns the seconds until a retry, which is counted from 0; none if there are no more retries. Full jitter draws
    /// the delay between 0 and the computed one.
    pub fn delay(&self, retry: u32, rng: &mut Rng) -> Option<f64> {
        if retry >= self.max_attempts {
            return None;
        }
        let longest = self.longest_delay(retry);
        Some(if self.has_jitter {
            rng.f64() * longest
        } else {
            longest
        })
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use serde_json::json;

    use super::Retrier;

    fn delays(retrier: &Retrier) -> Vec<f64> {
        let mut rng = Rng::with_seed(1);
        (0..)
            .map_while(|retry| retrier.delay(retry, &mut rng))
            .collect()
    }

    #[test]
    fn delays_grow_up_to_the_maximum() {
        let state = json!({ "Retry": [{
            "ErrorEquals": ["Throttled"],
            "IntervalSeconds": 20, "BackoffRate": 2, "MaxAttempts": 4, "MaxDelaySeconds": 60, "JitterStrategy": "NONE"
        }] });

        let retrier = &Retrier::of_state(&state)[0];

        assert_eq!(delays(retrier), [20.0, 40.0, 60.0, 60.0]);
        assert!((retrier.mean_seconds() - 180.0).abs() < 1e-9);
        assert!(retrier.matches("Throttled") && !retrier.matches("NotFound"));
    }

    #[test]
    fn jitter_shortens_each_delay_but_not_in_the_simulator() {
        let state = json!({ "Retry": [{ "ErrorEquals": ["States.TaskFailed"], "JitterStrategy": "FULL" }] });

        let retrier = &Retrier::of_state(&state)[0];

        assert!(
            delays(retrier)
                .iter()
                .zip([1.0, 2.0, 4.0])
                .all(|(delay, longest)| *delay < longest)
        );
        assert_eq!(
            delays(&retrier.as_simulated()),
            [1.0, 2.0, 4.0],
            "the defaults"
        );
        assert!((retrier.mean_seconds() - 3.5).abs() < 1e-9);
        assert!(retrier.matches("Throttled"));
    }

    #[test]
    fn final_error_has_no_retry() {
        let state = json!({ "Retry": [{ "ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"], "MaxAttempts": 0 }] });

        assert!(delays(&Retrier::of_state(&state)[0]).is_empty());
    }
}
