//! What Step Functions and Lambda charge, at the prices of `docs/costs.md`.

use super::simulation::Outcome;

/// The price of a state transition, in dollars: <https://aws.amazon.com/step-functions/pricing/>.
const TRANSITION: f64 = 0.025 / 1_000.0;
/// The price of a function call, in dollars, if it took a whole second: <https://aws.amazon.com/lambda/pricing/>.
const INVOCATION: f64 = 0.20 / 1_000_000.0 + 0.25 * 0.000_016_666_7;
/// The price of an interaction with one parameter with Parameter Store's higher throughput, in dollars:
/// <https://aws.amazon.com/systems-manager/pricing/>.
const HIGHER_THROUGHPUT: f64 = 0.05 / 10_000.0;
/// The calls that it applies to, and the parameters of each: a run reads all parameters of its environment at once.
const PARAMETER_CALLS: [(&str, u32); 2] = [("ssm GetParameters", 4), ("ssm PutParameter", 1)];

/// Returns the cost of all runs, in dollars.
pub fn cost(outcome: &Outcome, has_higher_throughput: bool) -> f64 {
    let interactions: u32 = PARAMETER_CALLS
        .iter()
        .filter_map(|(name, parameters)| Some((outcome.calls.get(*name)?, parameters)))
        .map(|(counts, parameters)| (counts.calls - counts.throttled) * parameters)
        .sum();
    let higher_throughput = if has_higher_throughput {
        f64::from(interactions) * HIGHER_THROUGHPUT
    } else {
        0.0
    };
    f64::from(outcome.transitions) * TRANSITION
        + f64::from(outcome.invocations) * INVOCATION
        + higher_throughput
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use local::gateway::quota::Counts;

    use super::{Outcome, cost};

    #[test]
    fn run_of_the_costs_page_costs_what_it_says() {
        let counts = Counts {
            calls: 10,
            throttled: 4,
        };
        let outcome = Outcome {
            transitions: 85,
            invocations: 35,
            calls: BTreeMap::from([
                ("ssm GetParameters".to_owned(), counts),
                ("ssm PutParameter".to_owned(), counts),
            ]),
            ..Outcome::default()
        };

        // $0.00213 for Step Functions, $0.00001 and $0.00015 for Lambda.
        assert_eq!(format!("{:.5}", cost(&outcome, false)), "0.00228");
        let difference = cost(&outcome, true) - cost(&outcome, false);
        assert_eq!(format!("{difference:.6}"), "0.000150", "30 interactions");
    }
}
