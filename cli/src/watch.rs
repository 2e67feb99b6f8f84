//! Finds the execution to follow, follows it, and reports how it ended.

use std::time::{Duration, Instant};

use anyhow::Result;
use aws_config::SdkConfig;
use tokio::time::sleep;

use crate::environment_record;
use crate::execution::Outcome;
use crate::exit::{Exit, Usage};
use crate::follow::follow;
use crate::last_run::last_run;
use crate::output::print_error_line;
use crate::request;
use crate::stack::Stack;
use crate::view::View;

/// How long to wait for a record that names an execution: the event may not have been delivered yet, and its execution
/// must first claim the environment.
const GRACE_PERIOD: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_secs(2);

/// Returns the execution to follow: the execution with the given ARN, or the environment's last one. If the environment
/// has had a run, returns the last one immediately, even if an event has not started its run yet. Otherwise, waits
/// up to 30 seconds for a run, and returns `None` if there is no run by then.
///
/// # Errors
///
/// Returns `Usage` if the subject is neither an execution's ARN nor a valid environment name.
pub async fn find(settings: &SdkConfig, stack_name: &str, subject: &str) -> Result<Option<String>> {
    if subject.starts_with("arn:") {
        check_arn(subject)?;
        return Ok(Some(subject.to_owned()));
    }
    request::check_name(subject)?;
    let stack = Stack::find(settings, stack_name).await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(settings);
    let sfn = aws_sdk_sfn::Client::new(settings);
    let begin = Instant::now();
    loop {
        let table = &stack.environments_table;
        let record = environment_record::find(&dynamodb, table, subject).await?;
        let run = last_run(&sfn, &stack, &record.unwrap_or_default()).await?;
        if run.is_some() || begin.elapsed() >= GRACE_PERIOD {
            return Ok(run.map(|run| run.execution));
        }
        sleep(INTERVAL).await;
    }
}

/// Checks that an ARN identifies an execution:
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html>
fn check_arn(arn: &str) -> Result<(), Usage> {
    let fields: Vec<_> = arn.split(':').collect();
    match fields[..] {
        ["arn", _, "states", _, _, "execution", machine, name]
            if !machine.is_empty() && !name.is_empty() =>
        {
            Ok(())
        }
        _ => Err(Usage(format!(
            "`{arn}` isn't the ARN of an execution, such as \
             arn:aws:states:eu-west-1:123456789012:execution:STATE_MACHINE:EXECUTION"
        ))),
    }
}

/// Follows an execution to its end and reports how it ended. After Ctrl-C, the run continues.
pub async fn follow_to_end(settings: &SdkConfig, execution: &str, json: bool) -> Result<Exit> {
    let sfn = aws_sdk_sfn::Client::new(settings);
    let mut view = View::of_this_output(json);
    let outcome = tokio::select! {
        outcome = follow(&sfn, execution, &mut view) => Some(outcome?),
        _ = tokio::signal::ctrl_c() => None,
    };
    let Some(outcome) = outcome else {
        view.close();
        print_error_line(format!(
            "The run continues. To follow it again: envcache watch {execution}"
        ));
        return Ok(Exit::InProgress);
    };
    view.end(execution, &outcome);
    Ok(match outcome {
        Outcome::Succeeded(_) => Exit::Success,
        Outcome::Rejected { .. } | Outcome::Failed { .. } => Exit::Failed,
    })
}

#[cfg(test)]
mod tests {
    use super::check_arn;

    #[test]
    fn accepts_only_arns_of_executions() {
        let cases = [
            (
                "arn:aws:states:eu-west-1:123456789012:execution:envcache-provision:run-1",
                true,
            ),
            (
                "arn:aws-cn:states:cn-north-1:123456789012:execution:machine:run-1",
                true,
            ),
            (
                "arn:aws:states:eu-west-1:123456789012:stateMachine:envcache-provision",
                false,
            ),
            (
                "arn:aws:states:eu-west-1:123456789012:execution:envcache-provision",
                false,
            ),
            ("arn:aws:states:eu-west-1:123456789012:execution::", false),
            (
                "arn:aws:states:eu-west-1:123456789012:execution:envcache-provision:",
                false,
            ),
            ("arn:aws:sqs:eu-west-1:123456789012:queue", false),
            ("arn:", false),
        ];
        for (arn, expected) in cases {
            assert_eq!(check_arn(arn).is_ok(), expected, "{arn}");
        }
    }
}
