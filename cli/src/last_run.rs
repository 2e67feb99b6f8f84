//! An environment's last run.

use anyhow::Result;
use aws_sdk_sfn::Client;
use chrono::DateTime;
use record::LastResult;

use crate::environment_record::Record;
use crate::execution::{Outcome, describe};
use crate::stack::Stack;

/// The last run of an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The execution's ARN.
    pub execution: String,
    /// Whether it removes the cache.
    pub removes: bool,
    pub progress: Progress,
}

/// The progress of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    Running,
    Succeeded,
    /// Contains the error and its cause.
    Failed(String),
}

/// Returns the last run, or `None` if the record names no run. Describes at most one execution: a run that released its
/// claim has ended, and its result is in the record, unless an earlier version of envcache wrote the record.
///
/// # Errors
/// Returns Step Functions' error.
pub async fn last_run(sfn: &Client, stack: &Stack, record: &Record) -> Result<Option<Run>> {
    let recorded = recorded_run(stack, record);
    let uncertain = match (&record.holder, &record.last_execution) {
        (Some(holder), _) => Some(holder),
        (None, last) if recorded.is_none() => last.as_ref(),
        _ => None,
    };
    let Some(execution) = uncertain else {
        return Ok(recorded);
    };
    let Some(description) = describe(sfn, execution).await? else {
        return Ok(recorded);
    };
    let progress = match Outcome::of(&description)? {
        None => Progress::Running,
        Some(Outcome::Succeeded(_) | Outcome::Rejected { .. }) => Progress::Succeeded,
        Some(Outcome::Failed { error, cause }) => Progress::Failed(format!("{error}: {cause}")),
    };
    let ended_at = description
        .stop_date()
        .and_then(|stop| DateTime::from_timestamp(stop.secs(), stop.subsec_nanos()));
    let has_ended = progress != Progress::Running;
    // The holder ended without releasing its claim. `ReportOutcome` may have stored its result, which has more details
    // than the description. Another run may have failed since, before it claimed the environment.
    let prefers_recorded = has_ended
        && recorded.as_ref().is_some_and(|recorded| {
            recorded.execution == *execution || ended_at < record.result_at
        });
    Ok(recorded.filter(|_| prefers_recorded).or_else(|| {
        Some(Run {
            execution: execution.clone(),
            removes: removes(execution, stack),
            progress,
        })
    }))
}

/// Returns the run whose result the record stores, or `None` if it stores no result.
pub fn recorded_run(stack: &Stack, record: &Record) -> Option<Run> {
    let LastResult { execution, failure } = record.last_result.as_ref()?;
    let progress = match failure {
        None => Progress::Succeeded,
        Some(failure) => Progress::Failed(format!(
            "{}: {}: {}",
            failure.error, failure.step, failure.reason
        )),
    };
    Some(Run {
        execution: execution.clone(),
        removes: removes(execution, stack),
        progress,
    })
}

/// Returns whether an execution belongs to the deprovisioning state machine, whose name both ARNs contain. An earlier
/// version of envcache named the state machine after the stack.
fn removes(execution: &str, stack: &Stack) -> bool {
    let name = execution.split(':').nth(6).unwrap_or_default();
    stack.deprovision.split(':').nth(6) == Some(name)
        || name == format!("{}-deprovision", stack.name)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::Client;
    use chrono::DateTime;
    use record::{Failure, LastResult};
    use replay::{Answer, Replay};
    use serde_json::json;

    use super::{Progress, Run, last_run};
    use crate::environment_record::Record;
    use crate::stack::Stack;

    const FAILURE: &str = "Throttled: PublishEndpoint: PutParameter";
    const HOLDER: &str =
        "arn:aws:states:eu-west-1:123456789012:execution:envcache-provision:holder";
    const REMOVAL: &str =
        "arn:aws:states:eu-west-1:123456789012:execution:envcache-deprovision:run-1";

    const OLD_REMOVAL: &str =
        "arn:aws:states:eu-west-1:123456789012:execution:caches-deprovision:run-1";

    fn stack() -> Stack {
        Stack {
            name: "caches".to_owned(),
            provision: "arn:aws:states:eu-west-1:123456789012:stateMachine:envcache-provision"
                .to_owned(),
            deprovision: "arn:aws:states:eu-west-1:123456789012:stateMachine:envcache-deprovision"
                .to_owned(),
            ..Stack::default()
        }
    }

    /// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>
    fn described(status: &str, stopped_at: Option<i64>) -> Answer {
        Answer::ok(
            json!({
                "executionArn": HOLDER,
                "stateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:envcache-provision",
                "startDate": 100,
                "status": status,
                "stopDate": stopped_at,
                "output": "{}",
            })
            .to_string(),
        )
    }

    fn succeeded_run(execution: &str) -> LastResult {
        LastResult {
            execution: execution.to_owned(),
            failure: None,
        }
    }

    fn failed_run(execution: &str) -> LastResult {
        LastResult {
            execution: execution.to_owned(),
            failure: Some(Failure {
                step: "PublishEndpoint".to_owned(),
                error: "Throttled".to_owned(),
                reason: "PutParameter".to_owned(),
            }),
        }
    }

    #[tokio::test]
    async fn describes_at_most_one_execution() {
        let held = |last_result| Record {
            holder: Some(HOLDER.to_owned()),
            last_execution: Some("arn:last".to_owned()),
            last_result,
            result_at: DateTime::from_timestamp(200, 0),
            ..Record::unknown("bandup")
        };
        let released = |last_execution: Option<&str>, last_result| Record {
            last_execution: last_execution.map(str::to_owned),
            last_result,
            ..Record::unknown("bandup")
        };
        let not_returned = || Answer::json_fault(400, "ExecutionDoesNotExist", "no");
        let cases = [
            ("no run", released(None, None), None, None),
            (
                "a result",
                released(Some("arn:last"), Some(failed_run(REMOVAL))),
                None,
                Some((REMOVAL, true, Progress::Failed(FAILURE.to_owned()))),
            ),
            (
                "a result of a run that was never recorded",
                released(None, Some(succeeded_run(HOLDER))),
                None,
                Some((HOLDER, false, Progress::Succeeded)),
            ),
            (
                "a record of an earlier version",
                released(Some(HOLDER), None),
                Some(described("SUCCEEDED", Some(150))),
                Some((HOLDER, false, Progress::Succeeded)),
            ),
            (
                "a running holder",
                held(Some(succeeded_run(REMOVAL))),
                Some(described("RUNNING", None)),
                Some((HOLDER, false, Progress::Running)),
            ),
            (
                "a holder that ended after the recorded result",
                held(Some(succeeded_run(REMOVAL))),
                Some(described("SUCCEEDED", Some(250))),
                Some((HOLDER, false, Progress::Succeeded)),
            ),
            (
                "a holder that ended before another run failed",
                held(Some(failed_run(REMOVAL))),
                Some(described("SUCCEEDED", Some(150))),
                Some((REMOVAL, true, Progress::Failed(FAILURE.to_owned()))),
            ),
            (
                "a result of a state machine with the name of an earlier version",
                released(None, Some(succeeded_run(OLD_REMOVAL))),
                None,
                Some((OLD_REMOVAL, true, Progress::Succeeded)),
            ),
            (
                "a stopped holder whose result is stored",
                held(Some(failed_run(HOLDER))),
                Some(described("ABORTED", Some(250))),
                Some((HOLDER, false, Progress::Failed(FAILURE.to_owned()))),
            ),
            (
                "a holder that isn't returned",
                held(Some(succeeded_run(REMOVAL))),
                Some(not_returned()),
                Some((REMOVAL, true, Progress::Succeeded)),
            ),
        ];
        for (case, record, answer, expected) in cases {
            let calls = usize::from(answer.is_some());
            let replay = Replay::new(answer);
            let sfn = Client::new(&replay.config());

            let found = last_run(&sfn, &stack(), &record).await.expect(case);

            let expected = expected.map(|(execution, removes, progress)| Run {
                execution: execution.to_owned(),
                removes,
                progress,
            });
            assert_eq!(found, expected, "{case}");
            assert_eq!(replay.documents().len(), calls, "{case}");
        }
    }
}
