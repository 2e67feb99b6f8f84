//! Starts the workflow for an event. It judges nothing: a bad event becomes a failed execution that says why.

mod execution;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_sdk_sfn::Client;
use contract::error::{ErrorName, StepError, StepResult};
use execution::Execution;
use serde::Serialize;
use serde_json::Value;

/// The detail-type of the event that starts the provision state machine.
const ENVIRONMENT_CREATED: &str = "Environment Created";

/// What became of an event, for the log and for a test event in the console.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    execution_name: String,
    /// False where the event was delivered before.
    new: bool,
}

/// Starts one execution for the event, and for a repeated delivery of it none.
///
/// # Errors
/// `InvalidSpec` where the detail-type starts no workflow; else what Step Functions answered, so that
/// Lambda tries again and then hands the event to the failure queue.
pub async fn start(
    sfn: &Client,
    state_machine: &str,
    event: EventBridgeEvent<Value>,
) -> StepResult<Started> {
    if event.detail_type != ENVIRONMENT_CREATED {
        return Err(StepError::new(
            ErrorName::InvalidSpec,
            format!(
                "detail-type `{}` starts no workflow: `{ENVIRONMENT_CREATED}` does. Correct the rule or the event",
                event.detail_type
            ),
        ));
    }
    let Execution { name, input } = Execution::of(event);
    let answer = sfn
        .start_execution()
        .state_machine_arn(state_machine)
        .name(&name)
        .input(input)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(Started {
            execution_name: name,
            new: true,
        }),
        // Also after the first execution has ended: Step Functions keeps the name for 90 days
        // (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
        Err(error) if step::code(&error) == Some("ExecutionAlreadyExists") => Ok(Started {
            execution_name: name,
            new: false,
        }),
        Err(error) => Err(step::failure("StartExecution", &name, error)),
    }
}

#[cfg(test)]
mod tests;
