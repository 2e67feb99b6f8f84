//! Starts an execution for an event. An invalid event isn't rejected here: it becomes a failed execution that gives the
//! reason.

mod execution;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::Builder;
use aws_sdk_sfn::config::retry::RetryConfig;
use aws_sdk_sfn::config::timeout::TimeoutConfig;
use contract::error::{ErrorName, StepError, StepResult};
use execution::Execution;
use serde::Serialize;
use serde_json::Value;
use step::Labels;

/// How often the SDK attempts the call. Step Functions limits `StartExecution` to 150 a second in some Regions
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>), and Lambda retries a failed event only twice.
const ATTEMPTS: u32 = 5;
/// The timeout of the call with its retries. Their waits add up to at most 15 seconds, and Lambda ends the function after 30.
const OPERATION: Duration = Duration::from_secs(25);

/// The state machines of the stack, by the events that start them.
#[derive(Clone, Debug)]
pub struct StateMachines {
    /// The ARN of the state machine that `Environment Created` starts.
    pub provision: String,
    /// The ARN of the state machine that `Environment Deleted` starts.
    pub deprovision: String,
}

impl StateMachines {
    fn of(&self, detail_type: &str) -> StepResult<&str> {
        match detail_type {
            "Environment Created" => Ok(&self.provision),
            "Environment Deleted" => Ok(&self.deprovision),
            other => Err(StepError::new(
                ErrorName::InvalidSpec,
                format!(
                    "detail-type `{other}` starts no execution: only `Environment Created` and `Environment Deleted` do. \
                     Correct the rule or the event"
                ),
            )),
        }
    }
}

/// Returns the log fields of an event: the environment that it names, and the execution that it starts.
#[must_use]
pub fn labels(event: &Value) -> Labels {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let environment = text(&event["detail"]["environment"]);
    Labels {
        execution: execution::name(
            environment.as_deref(),
            event["id"].as_str().unwrap_or_default(),
        ),
        environment: environment.unwrap_or_else(|| "unknown".to_owned()),
    }
}

/// Returns a client that retries for longer than that of a step, because no state machine retries the function.
#[must_use]
pub fn client(config: &SdkConfig) -> Client {
    let timeouts = config.timeout_config().map(TimeoutConfig::to_builder);
    let timeouts = timeouts.unwrap_or_default().operation_timeout(OPERATION);
    let config = Builder::from(config)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts.build());
    Client::from_conf(config.build())
}

/// The result for an event. Lambda's console shows it for a test event.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    execution_name: String,
}

/// Starts one execution for the event, and none for a repeated delivery of it.
///
/// # Errors
/// Returns `InvalidSpec` if the detail-type starts no execution. Otherwise, returns Step Functions' error, so that
/// Lambda retries and then sends the event to the queue of failed events.
pub async fn start(
    sfn: &Client,
    state_machines: &StateMachines,
    event: EventBridgeEvent<Value>,
) -> StepResult<Started> {
    let state_machine = state_machines.of(&event.detail_type)?;
    let Execution { name, input } = Execution::of(event);
    let answer = sfn
        .start_execution()
        .state_machine_arn(state_machine)
        .name(&name)
        .input(input)
        .send()
        .await;
    // For a repeated delivery, StartExecution succeeds while the execution runs. After the execution has ended, it fails:
    // Step Functions keeps the name for 90 days
    // (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
    match answer {
        Err(error) if step::code(&error) != Some("ExecutionAlreadyExists") => {
            Err(step::failure("StartExecution", &name, error))
        }
        _ => Ok(Started {
            execution_name: name,
        }),
    }
}

#[cfg(test)]
mod tests;
