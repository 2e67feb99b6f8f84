//! A step from Lambda's event to its answer.

use std::error::Error;

use contract::{ErrorName, StepError};
use lambda_runtime::tracing::{self, error, info};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

tokio::task_local! {
    /// Lambda's id of the request that is answered, for what is logged on the way.
    pub(crate) static REQUEST_ID: String;
}

/// Serves a step until Lambda ends the process.
///
/// `handler` takes the decoded message of the state machine and answers the next one. What it fails
/// with reaches the state machine under its [`ErrorName`].
///
/// # Errors
/// Where the Lambda runtime's own interface cannot be reached.
pub async fn run<Input, Output, Handler>(handler: Handler) -> Result<(), lambda_runtime::Error>
where
    Input: DeserializeOwned,
    Output: Serialize,
    Handler: AsyncFn(Input) -> Result<Output, StepError>,
{
    tracing::init_default_subscriber();
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        answer(event.payload, &event.context.request_id, &handler).await
    }))
    .await
}

async fn answer<Input, Output, Handler>(
    payload: Value,
    request_id: &str,
    handler: &Handler,
) -> Result<Output, Diagnostic>
where
    Input: DeserializeOwned,
    Output: Serialize,
    Handler: AsyncFn(Input) -> Result<Output, StepError>,
{
    let environment = environment(&payload);
    let execution = execution(&payload).to_owned();
    let outcome = match decode(payload) {
        Ok(input) => {
            REQUEST_ID
                .scope(request_id.to_owned(), handler(input))
                .await
        }
        Err(error) => Err(error),
    };
    match &outcome {
        Ok(output) => {
            let execution = started(output).unwrap_or(execution);
            info!(environment, execution, request_id, "done");
        }
        Err(failure) => error!(
            environment,
            execution,
            request_id,
            error = failure.name().as_str(),
            cause = causes(failure),
            "{failure}"
        ),
    }
    outcome.map_err(|failure| Diagnostic {
        error_type: failure.name().as_str().to_owned(),
        error_message: failure.to_string(),
    })
}

/// The message of the state before. The states are envcache's own, so what does not fit is a fault of ours.
fn decode<Input: DeserializeOwned>(payload: Value) -> Result<Input, StepError> {
    serde_path_to_error::deserialize(payload).map_err(|error| {
        StepError::new(
            ErrorName::Internal,
            format!(
                "the step's input does not fit at `{}`: {}. The state machine and the functions are of \
                 different versions: deploy the stack again",
                error.path(),
                error.inner()
            ),
        )
    })
}

/// The environment for the log: it stands in the specification, in the request before there is one, or in the input of
/// an execution that has ended.
fn environment(payload: &Value) -> String {
    let ended = payload
        .pointer("/detail/input")
        .and_then(Value::as_str)
        .and_then(|input| serde_json::from_str::<Value>(input).ok())
        .unwrap_or_default();
    [
        "/spec/environment",
        "/environment",
        "/request/environment",
        "/detail/environment",
    ]
    .iter()
    .find_map(|pointer| payload.pointer(pointer))
    .or_else(|| ended.get("environment"))
    .and_then(Value::as_str)
    .unwrap_or("unknown")
    .to_owned()
}

/// The execution for the log: every message of the state machines names it, and an event of Step Functions too.
fn execution(payload: &Value) -> &str {
    ["/execution", "/detail/name"]
        .iter()
        .find_map(|pointer| payload.pointer(pointer))
        .and_then(Value::as_str)
        .unwrap_or("none")
}

/// The execution that a step has started, by its answer: from here on the log of an event goes on under that name.
fn started(output: &impl Serialize) -> Option<String> {
    let output = serde_json::to_value(output).ok()?;
    output["executionName"].as_str().map(str::to_owned)
}

fn causes(error: &StepError) -> String {
    std::iter::successors(error.source(), |&cause| cause.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// A variable that the template sets on the function.
///
/// # Errors
/// Where it is missing: the function then ends before it serves anything.
pub fn variable(name: &str) -> Result<String, lambda_runtime::Error> {
    std::env::var(name).map_err(|error| {
        format!("the function's variable {name}: {error}; deploy the stack again").into()
    })
}

/// The name of the stack that the function was deployed with.
///
/// # Errors
/// Where the template did not set it.
pub fn stack() -> Result<String, lambda_runtime::Error> {
    variable("ENVCACHE_STACK")
}

#[cfg(test)]
mod tests {
    use contract::{ErrorName, StepError};
    use serde::Deserialize;
    use serde_json::json;

    use super::answer;

    #[derive(Deserialize)]
    struct Wait {
        seconds: u32,
    }

    #[tokio::test]
    async fn a_handler_gets_its_message_and_its_answer_is_passed_on() {
        let found = answer(json!({ "seconds": 30 }), "request", &async |wait: Wait| {
            Ok(wait.seconds + 1)
        })
        .await;

        assert_eq!(found, Ok(31));
    }

    #[tokio::test]
    async fn a_failure_reaches_the_state_machine_under_its_name() {
        let found = answer(json!({ "seconds": 30 }), "request", &async |_: Wait| {
            Err::<(), _>(StepError::new(ErrorName::NotFound, "no VPC `x`"))
        })
        .await
        .expect_err("the handler failed");

        assert_eq!(found.error_type, "NotFound");
        assert_eq!(found.error_message, "no VPC `x`");
    }

    #[tokio::test]
    async fn a_message_that_does_not_fit_is_internal_and_names_the_field() {
        let found = answer(json!({ "seconds": "soon" }), "request", &async |_: Wait| {
            Ok(())
        })
        .await
        .expect_err("not a number");

        assert_eq!(found.error_type, "Internal");
        assert!(
            found.error_message.contains("`seconds`"),
            "{}",
            found.error_message
        );
    }
}
