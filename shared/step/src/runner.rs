//! Handles the invocations of a step.

use std::error::Error;

use contract::{ErrorName, StepError};
use lambda_runtime::tracing::{error, info};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::invocation::{INVOCATION, Invocation, SERVICE};
use crate::log;

/// The log fields of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// The environment's name.
    pub environment: String,
    /// The execution's name.
    pub execution: String,
}

impl Labels {
    /// Reads the envelope that every message of a state machine has.
    fn of_message(payload: &Value) -> Self {
        let text = |field: &str| payload[field].as_str().unwrap_or("unknown").to_owned();
        Self {
            environment: text("environment"),
            execution: text("execution"),
        }
    }
}

/// Serves a step of a state machine until Lambda ends the process.
///
/// `handler` takes the decoded message of the state and returns its output. An error reaches the state machine under its
/// [`ErrorName`].
///
/// # Errors
/// Returns an error if the Lambda runtime API can't be reached.
pub async fn run<Input, Output, Handler>(handler: Handler) -> Result<(), lambda_runtime::Error>
where
    Input: DeserializeOwned,
    Output: Serialize,
    Handler: AsyncFn(Input) -> Result<Output, StepError>,
{
    run_labeled(Labels::of_message, handler).await
}

/// Serves a function that another service than Step Functions invokes, until Lambda ends the process. `labels` reads the
/// log fields from the event; [`run`] reads them from the message.
///
/// # Errors
/// Returns an error if the Lambda runtime API can't be reached.
pub async fn run_labeled<Input, Output, Handler>(
    labels: fn(&Value) -> Labels,
    handler: Handler,
) -> Result<(), lambda_runtime::Error>
where
    Input: DeserializeOwned,
    Output: Serialize,
    Handler: AsyncFn(Input) -> Result<Output, StepError>,
{
    log::start();
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let labels = labels(&event.payload);
        answer(
            event.payload,
            labels,
            Invocation::begin(&event.context),
            &handler,
        )
        .await
    }))
    .await
}

async fn answer<Input, Output, Handler>(
    payload: Value,
    labels: Labels,
    invocation: Invocation,
    handler: &Handler,
) -> Result<Output, Diagnostic>
where
    Input: DeserializeOwned,
    Output: Serialize,
    Handler: AsyncFn(Input) -> Result<Output, StepError>,
{
    let Labels {
        environment,
        execution,
    } = labels;
    let outcome = match decode(payload) {
        Ok(input) => {
            // Boxed, or the nested futures of a step's calls are too deep for the compiler.
            INVOCATION
                .scope(invocation.clone(), Box::pin(handler(input)))
                .await
        }
        Err(error) => Err(error),
    };
    let Invocation {
        cold_start,
        request_id,
        xray_trace_id,
    } = invocation;
    match &outcome {
        Ok(_) => info!(
            service = SERVICE,
            environment, execution, request_id, xray_trace_id, cold_start, "done"
        ),
        Err(failure) => error!(
            service = SERVICE,
            environment,
            execution,
            request_id,
            xray_trace_id,
            cold_start,
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

/// Decodes a state's message. The states are part of envcache, so an invalid message is an internal error.
fn decode<Input: DeserializeOwned>(payload: Value) -> Result<Input, StepError> {
    serde_path_to_error::deserialize(payload).map_err(|error| {
        StepError::new(
            ErrorName::Internal,
            format!(
                "the step's input is invalid at `{}`: {}. The state machine and the functions have different versions. \
                 Deploy the stack again",
                error.path(),
                error.inner()
            ),
        )
    })
}

fn causes(error: &StepError) -> String {
    std::iter::successors(error.source(), |&cause| cause.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Returns an environment variable of the function, which the template sets.
///
/// # Errors
/// Returns an error if it is missing. The function then ends before it handles an invocation.
pub fn variable(name: &str) -> Result<String, lambda_runtime::Error> {
    std::env::var(name).map_err(|error| {
        format!("the function's variable `{name}`: {error}. Deploy the stack again").into()
    })
}

/// Returns the name of the stack that the function was deployed with.
///
/// # Errors
/// Returns an error if the template did not set it.
pub fn stack() -> Result<String, lambda_runtime::Error> {
    variable("ENVCACHE_STACK")
}

#[cfg(test)]
mod tests {
    use contract::{ErrorName, StepError};
    use lambda_runtime::Context;
    use serde::Deserialize;
    use serde_json::json;

    use super::{Invocation, Labels, answer};

    #[derive(Deserialize)]
    struct Wait {
        seconds: u32,
    }

    fn labels() -> Labels {
        Labels::of_message(&json!({ "environment": "bandup", "execution": "run-1" }))
    }

    #[test]
    fn reads_the_labels_from_the_envelope() {
        let cases = [
            (
                json!({ "environment": "bandup", "execution": "run-1" }),
                ["bandup", "run-1"],
            ),
            (json!({ "environment": 7 }), ["unknown", "unknown"]),
            (json!("no message"), ["unknown", "unknown"]),
        ];
        for (payload, expected) in cases {
            let found = Labels::of_message(&payload);

            assert_eq!([found.environment, found.execution], expected, "{payload}");
        }
    }

    #[tokio::test]
    async fn returns_the_output_of_the_handler() {
        let found = answer(
            json!({ "seconds": 30 }),
            labels(),
            Invocation::begin(&Context::default()),
            &async |wait: Wait| Ok(wait.seconds + 1),
        )
        .await;

        assert_eq!(found, Ok(31));
    }

    #[tokio::test]
    async fn reports_name_and_message_when_handler_fails() {
        let found = answer(
            json!({ "seconds": 30 }),
            labels(),
            Invocation::begin(&Context::default()),
            &async |_: Wait| Err::<(), _>(StepError::new(ErrorName::NotFound, "no VPC `x`")),
        )
        .await
        .expect_err("the handler failed");

        assert_eq!(found.error_type, "NotFound");
        assert_eq!(found.error_message, "no VPC `x`");
    }

    #[tokio::test]
    async fn names_the_field_when_message_is_invalid() {
        let found = answer(
            json!({ "seconds": "soon" }),
            labels(),
            Invocation::begin(&Context::default()),
            &async |_: Wait| Ok(()),
        )
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
