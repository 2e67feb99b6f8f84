//! Runs that failed before they began, of which no record tells: their input was wrong, their network was not found,
//! another identity was asked for, or their turn never came.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use crate::account::refused;
use crate::execution::describe;
use crate::stack::Stack;

/// How many of the latest failures of each state machine are looked at: each costs a call.
const MOST: i32 = 50;

/// The latest run of each environment that failed, by the environment's name. Also those that had begun: their records
/// name them too. A plan is none: nothing was asked for.
pub async fn latest(
    sfn: &Client,
    stack: &Stack,
) -> Result<BTreeMap<String, DescribeExecutionOutput>> {
    let mut failures = BTreeMap::new();
    for state_machine in [&stack.provision, &stack.deprovision] {
        // The latest first: https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
        let listed = sfn
            .list_executions()
            .state_machine_arn(state_machine)
            .status_filter(ExecutionStatus::Failed)
            .max_results(MOST)
            .send()
            .await
            .map_err(|error| refused("ListExecutions", error))?;
        for execution in listed.executions() {
            if let Some(failure) = describe(sfn, execution.execution_arn()).await?
                && let Some(environment) = environment(failure.input().unwrap_or_default())
            {
                keep_later(&mut failures, environment, failure);
            }
        }
    }
    Ok(failures)
}

/// Of two runs, the one that started later.
pub fn later(
    one: Option<DescribeExecutionOutput>,
    other: Option<DescribeExecutionOutput>,
) -> Option<DescribeExecutionOutput> {
    one.into_iter()
        .chain(other)
        .max_by_key(|description| *description.start_date())
}

fn keep_later(
    failures: &mut BTreeMap<String, DescribeExecutionOutput>,
    environment: String,
    failure: DescribeExecutionOutput,
) {
    let known = failures.remove(&environment);
    failures.extend(later(known, Some(failure)).map(|latest| (environment, latest)));
}

/// Whose cache an execution was about, by its input. None for a plan.
fn environment(input: &str) -> Option<String> {
    let input: Value = serde_json::from_str(input).ok()?;
    if input["dryRun"] == true {
        return None;
    }
    input["environment"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
    use aws_sdk_sfn::types::ExecutionStatus;
    use aws_smithy_types::DateTime;

    use super::{environment, later};

    fn run(name: &str, second: i64) -> DescribeExecutionOutput {
        DescribeExecutionOutput::builder()
            .execution_arn(name)
            .state_machine_arn("arn")
            .start_date(DateTime::from_secs(second))
            .status(ExecutionStatus::Failed)
            .build()
            .expect("all that is required")
    }

    #[test]
    fn an_input_tells_its_environment_and_a_plan_asks_for_nothing() {
        let cases = [
            (
                r#"{"environment":"bandup"}"#,
                Some("bandup"),
                "the usual input",
            ),
            (
                r#"{"environment":"bandup","dryRun":false}"#,
                Some("bandup"),
                "no plan",
            ),
            (r#"{"environment":"bandup","dryRun":true}"#, None, "a plan"),
            (r#"{"environment":7}"#, None, "no name"),
            ("[]", None, "no request"),
            ("not JSON", None, "no JSON"),
        ];
        for (input, expected, why) in cases {
            assert_eq!(environment(input).as_deref(), expected, "{why}: {input}");
        }
    }

    #[test]
    fn of_two_runs_the_one_that_started_later_counts() {
        let (first, second) = (Some(run("first", 1)), Some(run("second", 2)));
        let cases = [
            (first.clone(), second.clone(), Some("second")),
            (second, first.clone(), Some("second")),
            (first, None, Some("first")),
            (None, None, None),
        ];
        for (one, other, expected) in cases {
            let found = later(one, other);

            let found = found.as_ref().map(DescribeExecutionOutput::execution_arn);
            assert_eq!(found, expected);
        }
    }
}
