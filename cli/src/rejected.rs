//! Runs that failed before they began, of which no record tells: their input was wrong, their network was not found,
//! another identity was asked for, or their turn never came.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::ExecutionStatus;
use contract::value::EnvironmentName;
use serde::Serialize;
use serde_json::Value;

use crate::account::refused;
use crate::execution::describe;
use crate::stack::Stack;

/// How many of the latest failures of each state machine are looked at: each costs a call.
const MOST: i32 = 50;

/// The latest failed executions. A dry run isn't one: it requests no change.
#[derive(Debug, Default)]
pub struct Failures {
    /// The latest failed execution of each environment, by the environment's name. Includes those that had begun, which
    /// the records name too.
    pub by_environment: BTreeMap<String, DescribeExecutionOutput>,
    /// How many have no valid environment name in their input, by the state machine's ARN. They are only counted: an
    /// invalid event can contain any text, and no environment can have such a name.
    without_name: BTreeMap<String, usize>,
}

/// Reports the failed executions that a list of environments leaves out. Its JSON object is the only one in the list
/// without a field `environment`, and is printed only if there are such executions.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// How many of the latest failed executions have no valid environment name.
    pub unlisted_failures: usize,
    /// The ARNs of their state machines.
    pub state_machines: Vec<String>,
    pub message: String,
}

impl Failures {
    fn add(&mut self, failure: DescribeExecutionOutput) {
        match subject(failure.input().unwrap_or_default()) {
            Subject::DryRun => {}
            Subject::Environment(name) => {
                let known = self.by_environment.remove(&name);
                let latest = later(known, Some(failure));
                self.by_environment
                    .extend(latest.map(|latest| (name, latest)));
            }
            Subject::Invalid => {
                let state_machine = failure.state_machine_arn().to_owned();
                *self.without_name.entry(state_machine).or_default() += 1;
            }
        }
    }

    /// Returns a notice about the failed executions that the list of environments leaves out, if any.
    pub fn notice(&self) -> Option<Notice> {
        let count: usize = self.without_name.values().sum();
        if count == 0 {
            return None;
        }
        let state_machines: Vec<_> = self.without_name.keys().cloned().collect();
        // The name is the last part of the ARN.
        let names: Vec<_> = state_machines
            .iter()
            .map(|arn| arn.rsplit(':').next().unwrap_or(arn))
            .collect();
        let message = format!(
            "Not listed: {count} of the latest failed executions, because the environment name in the input is missing \
             or invalid. Find them in the Step Functions console under {}.",
            names.join(" and ")
        );
        Some(Notice {
            unlisted_failures: count,
            state_machines,
            message,
        })
    }
}

/// Returns the latest failed executions of both state machines.
pub async fn latest(sfn: &Client, stack: &Stack) -> Result<Failures> {
    let mut failures = Failures::default();
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
            if let Some(failure) = describe(sfn, execution.execution_arn()).await? {
                failures.add(failure);
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

/// What an execution's input is about.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    Environment(String),
    /// The input has no environment name, or one that no environment can have.
    Invalid,
    DryRun,
}

fn subject(input: &str) -> Subject {
    let input: Value = serde_json::from_str(input).unwrap_or_default();
    if input["dryRun"] == true {
        return Subject::DryRun;
    }
    input["environment"]
        .as_str()
        .and_then(|name| EnvironmentName::try_from(name.to_owned()).ok())
        .map_or(Subject::Invalid, |name| Subject::Environment(name.into()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
    use aws_sdk_sfn::types::ExecutionStatus;
    use aws_smithy_types::DateTime;
    use serde_json::json;

    use super::{Failures, Subject, later, subject};

    fn run(name: &str, second: i64) -> DescribeExecutionOutput {
        failure(name, second, "arn", "{}")
    }

    fn failure(
        name: &str,
        second: i64,
        state_machine: &str,
        input: &str,
    ) -> DescribeExecutionOutput {
        DescribeExecutionOutput::builder()
            .execution_arn(name)
            .state_machine_arn(state_machine)
            .start_date(DateTime::from_secs(second))
            .status(ExecutionStatus::Failed)
            .input(input)
            .build()
            .expect("all that is required")
    }

    #[test]
    fn finds_the_subject_of_an_input() {
        let bandup = || Subject::Environment("bandup".to_owned());
        let cases = [
            (r#"{"environment":"bandup"}"#, bandup(), "a minimal input"),
            (
                r#"{"environment":"bandup","dryRun":false}"#,
                bandup(),
                "no dry run",
            ),
            (
                r#"{"environment":"bandup","dryRun":true}"#,
                Subject::DryRun,
                "a dry run",
            ),
            (
                r#"{"environment":"Band Up","dryRun":true}"#,
                Subject::DryRun,
                "a dry run with an invalid name",
            ),
            (
                r#"{"environment":"\u001b[2Jbandup"}"#,
                Subject::Invalid,
                "an escape sequence",
            ),
            (
                r#"{"environment":"bandup\nother  available"}"#,
                Subject::Invalid,
                "a line break",
            ),
            (
                r#"{"environment":"Band Up"}"#,
                Subject::Invalid,
                "not allowed in a name",
            ),
            (r#"{"environment":""}"#, Subject::Invalid, "an empty name"),
            (r#"{"environment":7}"#, Subject::Invalid, "not a string"),
            ("{}", Subject::Invalid, "no name"),
            ("[]", Subject::Invalid, "not an object"),
            ("not JSON", Subject::Invalid, "not JSON"),
        ];
        for (input, expected, why) in cases {
            assert_eq!(subject(input), expected, "{why}: {input}");
        }
    }

    #[test]
    fn counts_failures_without_a_valid_name() {
        let provision = "arn:aws:states:r:1:stateMachine:envcache-provision";
        let deprovision = "arn:aws:states:r:1:stateMachine:envcache-deprovision";
        let valid = r#"{"environment":"bandup"}"#;
        let invalid = r#"{"environment":"\u001b[2J"}"#;
        let cases = [
            (vec![], None),
            (vec![(provision, valid), (deprovision, valid)], None),
            (
                vec![(provision, invalid), (deprovision, valid)],
                Some(json!({
                    "unlistedFailures": 1,
                    "stateMachines": [provision],
                    "message": "Not listed: 1 of the latest failed executions, because the environment name in the \
                        input is missing or invalid. Find them in the Step Functions console under envcache-provision.",
                })),
            ),
            (
                vec![
                    (provision, invalid),
                    (provision, "{}"),
                    (provision, valid),
                    (deprovision, invalid),
                ],
                Some(json!({
                    "unlistedFailures": 3,
                    "stateMachines": [deprovision, provision],
                    "message": "Not listed: 3 of the latest failed executions, because the environment name in the \
                        input is missing or invalid. Find them in the Step Functions console under \
                        envcache-deprovision and envcache-provision.",
                })),
            ),
        ];
        for (runs, expected) in cases {
            let mut failures = Failures::default();
            for (second, (state_machine, input)) in (0..).zip(&runs) {
                failures.add(failure("run", second, state_machine, input));
            }

            let found = failures
                .notice()
                .map(|notice| serde_json::to_value(notice).expect("JSON"));

            assert_eq!(found, expected, "{runs:?}");
            assert!(
                failures.by_environment.keys().all(|name| name == "bandup"),
                "{failures:?}"
            );
        }
    }

    #[test]
    fn keeps_the_latest_failure_of_each_environment() {
        let mut failures = Failures::default();
        for (name, second) in [("second", 2), ("third", 3), ("first", 1)] {
            failures.add(failure(name, second, "arn", r#"{"environment":"bandup"}"#));
        }

        let found = failures.by_environment.get("bandup").expect("a failure");

        assert_eq!(found.execution_arn(), "third");
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
