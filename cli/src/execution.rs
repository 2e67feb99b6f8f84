//! An execution, as Step Functions describes it.

use anyhow::{Context, Result};
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::ExecutionStatus;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use contract::ErrorName;
use contract::error::ABORTED;
use serde_json::Value;

use crate::account::aws_error;

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The execution succeeded with this output.
    Succeeded(Value),
    /// The execution succeeded with this output: a dry run of a request that a run would reject.
    Rejected {
        error: String,
        cause: String,
        output: Value,
    },
    Failed {
        error: String,
        cause: String,
    },
}

impl Outcome {
    /// Returns the outcome; none while the execution runs.
    pub fn of(description: &DescribeExecutionOutput) -> Result<Option<Self>> {
        Ok(Some(match description.status() {
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => return Ok(None),
            ExecutionStatus::Succeeded => {
                let output = description.output().unwrap_or("null");
                Self::succeeded(serde_json::from_str(output).context("the execution's output")?)
            }
            // These are the names that `ReportOutcome` announces.
            ExecutionStatus::TimedOut => Self::forced_end(
                ErrorName::Timeout.as_str(),
                "the execution timed out",
                description,
            ),
            ExecutionStatus::Aborted => {
                Self::forced_end(ABORTED, "the execution was stopped", description)
            }
            status => Self::Failed {
                error: description.error().unwrap_or(status.as_str()).to_owned(),
                cause: description
                    .cause()
                    .unwrap_or("Step Functions gives no cause")
                    .to_owned(),
            },
        }))
    }

    fn succeeded(output: Value) -> Self {
        let rejected = |field: &str| output["rejected"][field].as_str();
        match (rejected("error"), rejected("step"), rejected("reason")) {
            (Some(error), Some(step), Some(reason)) => Self::Rejected {
                error: error.to_owned(),
                cause: format!("{step}: {reason}"),
                output,
            },
            _ => Self::Succeeded(output),
        }
    }

    fn forced_end(error: &str, what: &str, description: &DescribeExecutionOutput) -> Self {
        let cause = description.cause().map(|cause| format!(" ({cause})"));
        Self::Failed {
            error: error.to_owned(),
            cause: format!(
                "{what}{}. Start it again: a new run continues where this one ended",
                cause.unwrap_or_default()
            ),
        }
    }
}

/// Returns an execution's description; none if Step Functions doesn't return the execution, for example 90 days after its
/// end.
pub async fn describe(sfn: &Client, execution: &str) -> Result<Option<DescribeExecutionOutput>> {
    match sfn
        .describe_execution()
        .execution_arn(execution)
        .send()
        .await
    {
        Ok(description) => Ok(Some(description)),
        Err(error) if error.code() == Some("ExecutionDoesNotExist") => Ok(None),
        Err(error) => Err(aws_error("DescribeExecution", error)),
    }
}
