//! The end of an execution, as Step Functions reports it to EventBridge. Pure functions; no AWS calls.

use contract::error::{ABORTED, ErrorName, StepError, StepResult};
use serde::Deserialize;
use serde_json::Value;

/// The detail of a *Step Functions Execution Status Change*
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html>).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    execution_arn: String,
    state_machine_arn: String,
    name: String,
    status: Status,
    /// Milliseconds since 1970.
    start_date: i64,
    /// Milliseconds since 1970.
    stop_date: Option<i64>,
    /// Missing if it is larger than 248 KiB.
    input: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
}

/// What an execution does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workflow {
    Provision,
    Deprovision,
}

impl Workflow {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "Provision",
            Self::Deprovision => "Deprovision",
        }
    }
}

/// An end that no state of the execution can catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForcedEnd {
    TimedOut,
    Aborted,
    /// It failed with an error that only Step Functions reports: `States.Runtime` and
    /// `States.DataLimitExceeded` can't be caught
    /// (<https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>).
    Uncaught,
}

impl ForcedEnd {
    /// Returns the name of the error. `Aborted` is Step Functions' term: no step failed, so none of envcache's names fits.
    pub const fn error(self) -> &'static str {
        match self {
            Self::TimedOut => ErrorName::Timeout.as_str(),
            Self::Aborted => ABORTED,
            Self::Uncaught => ErrorName::Internal.as_str(),
        }
    }
}

/// An execution that has ended.
#[derive(Debug)]
pub struct EndedExecution {
    pub execution_arn: String,
    pub name: String,
    pub workflow: Workflow,
    /// The environment that the input names, if it names one.
    pub environment: Option<String>,
    pub is_dry_run: bool,
    /// Milliseconds since 1970.
    pub ended_at: i64,
    pub seconds: f64,
    status: Status,
    error: Option<String>,
    cause: Option<String>,
}

impl EndedExecution {
    /// Reads an event's detail.
    ///
    /// # Errors
    /// Returns `Internal` if the event isn't an execution's end.
    pub fn read(detail: Value, deprovision: &str) -> StepResult<Self> {
        let detail: Detail = serde_json::from_value(detail).map_err(|error| {
            StepError::new(
                ErrorName::Internal,
                format!("the event isn't the end of an execution: {error}. Correct the rule `ExecutionEnded`"),
            )
        })?;
        let input: Value = detail
            .input
            .as_deref()
            .and_then(|input| serde_json::from_str(input).ok())
            .unwrap_or_default();
        let stop = detail.stop_date.unwrap_or(detail.start_date);
        let milliseconds = u32::try_from(stop - detail.start_date).unwrap_or_default();
        Ok(Self {
            workflow: if detail.state_machine_arn == deprovision {
                Workflow::Deprovision
            } else {
                Workflow::Provision
            },
            environment: input["environment"].as_str().map(str::to_owned),
            is_dry_run: input["dryRun"] == true,
            ended_at: stop,
            seconds: f64::from(milliseconds) / 1000.0,
            execution_arn: detail.execution_arn,
            name: detail.name,
            status: detail.status,
            error: detail.error,
            cause: detail.cause,
        })
    }

    /// Returns the environment's name for metrics and announcements.
    pub fn environment_or_unknown(&self) -> &str {
        self.environment.as_deref().unwrap_or("unknown")
    }

    /// Returns `Succeeded`, or the error's name.
    pub fn outcome(&self) -> String {
        match (self.status, &self.error) {
            (Status::Succeeded, _) => "Succeeded".to_owned(),
            (Status::Failed, Some(error)) => error.clone(),
            (Status::Failed, None) => ErrorName::Internal.to_string(),
            (Status::TimedOut, _) => ForcedEnd::TimedOut.error().to_owned(),
            (Status::Aborted, _) => ForcedEnd::Aborted.error().to_owned(),
        }
    }

    /// Returns whether the execution failed. One that was stopped or timed out didn't.
    pub fn has_failed(&self) -> bool {
        self.status == Status::Failed
    }

    /// Returns how Step Functions ended the execution, if it did.
    pub fn forced_end(&self) -> Option<ForcedEnd> {
        match self.status {
            Status::Succeeded => None,
            Status::Failed => self.has_uncaught_error().then_some(ForcedEnd::Uncaught),
            Status::TimedOut => Some(ForcedEnd::TimedOut),
            Status::Aborted => Some(ForcedEnd::Aborted),
        }
    }

    fn has_uncaught_error(&self) -> bool {
        self.error
            .as_deref()
            .is_none_or(|error| ErrorName::from_name(error).is_none())
    }

    /// Returns the reason and the remedy.
    pub fn reason(&self, forced_end: ForcedEnd, state: &str) -> String {
        let what = match forced_end {
            ForcedEnd::TimedOut => format!(
                "the execution timed out after {:.0} minutes",
                self.seconds / 60.0
            ),
            ForcedEnd::Aborted => "the execution was stopped".to_owned(),
            ForcedEnd::Uncaught => match &self.error {
                Some(error) => format!("the execution failed with {error}"),
                None => "the execution failed without an error".to_owned(),
            },
        };
        let why = match &self.cause {
            Some(cause) => format!(" ({cause})"),
            None => String::new(),
        };
        format!("{what} in {state}{why}. Start it again: a new run continues where this one ended")
    }
}
