//! The end of an execution, as Step Functions tells EventBridge. Pure: no call is made here.

use contract::error::{ErrorName, StepError, StepResult};
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
    /// Left out where it is over 248 KiB.
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

/// What an execution did.
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

/// An end that no state of the execution could catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sudden {
    TimedOut,
    Aborted,
    /// It failed under a name outside the contract, which only Step Functions itself reports: `States.Runtime` and
    /// `States.DataLimitExceeded` can't be caught
    /// (<https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>).
    Foreign,
}

impl Sudden {
    /// `Aborted` is Step Functions' own word: no step failed, so it is no name of the contract.
    pub const fn error(self) -> &'static str {
        match self {
            Self::TimedOut => ErrorName::Timeout.as_str(),
            Self::Aborted => "Aborted",
            Self::Foreign => ErrorName::Internal.as_str(),
        }
    }
}

/// An execution that has ended.
#[derive(Debug)]
pub struct End {
    pub execution_arn: String,
    pub name: String,
    pub workflow: Workflow,
    /// `unknown` where its input does not tell.
    pub environment: String,
    /// A plan counts for nothing, and is announced to nobody.
    pub is_plan: bool,
    pub seconds: f64,
    status: Status,
    error: Option<String>,
    cause: Option<String>,
}

impl End {
    /// Reads an event's detail.
    pub fn read(detail: Value, deprovision: &str) -> StepResult<Self> {
        let detail: Detail = serde_json::from_value(detail).map_err(|error| {
            StepError::new(
                ErrorName::Internal,
                format!("the event is not of an execution's end: {error}. Correct the rule"),
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
            environment: input["environment"]
                .as_str()
                .unwrap_or("unknown")
                .to_owned(),
            is_plan: input["dryRun"] == true,
            seconds: f64::from(milliseconds) / 1000.0,
            execution_arn: detail.execution_arn,
            name: detail.name,
            status: detail.status,
            error: detail.error,
            cause: detail.cause,
        })
    }

    /// `Succeeded`, or the error's name.
    pub fn outcome(&self) -> String {
        match (self.status, &self.error) {
            (Status::Succeeded, _) => "Succeeded".to_owned(),
            (Status::Failed, Some(error)) => error.clone(),
            (Status::Failed, None) => ErrorName::Internal.to_string(),
            (Status::TimedOut, _) => Sudden::TimedOut.error().to_owned(),
            (Status::Aborted, _) => Sudden::Aborted.error().to_owned(),
        }
    }

    /// Whether it failed by itself; one that was stopped, or timed out, has not.
    pub fn has_failed(&self) -> bool {
        self.status == Status::Failed
    }

    /// How it ended, where it could not say so itself.
    pub fn sudden(&self) -> Option<Sudden> {
        match self.status {
            Status::Succeeded => None,
            Status::Failed => self.has_foreign_error().then_some(Sudden::Foreign),
            Status::TimedOut => Some(Sudden::TimedOut),
            Status::Aborted => Some(Sudden::Aborted),
        }
    }

    fn has_foreign_error(&self) -> bool {
        self.error
            .as_deref()
            .is_some_and(|error| ErrorName::named(error).is_none())
    }

    /// For the person who is told.
    pub fn reason(&self, sudden: Sudden, state: &str) -> String {
        let what = match sudden {
            Sudden::TimedOut => format!("it was not over after {:.0} minutes", self.seconds / 60.0),
            Sudden::Aborted => "somebody stopped it".to_owned(),
            Sudden::Foreign => match &self.error {
                Some(error) => format!("it failed with {error}"),
                None => "it failed without an error".to_owned(),
            },
        };
        let why = match &self.cause {
            Some(cause) => format!(" ({cause})"),
            None => String::new(),
        };
        format!("{what}, in {state}{why}. Start again: a run goes on where the one before it ended")
    }
}
