//! What the end of an execution tells: metrics of every one, and an announcement of those that ended too suddenly to
//! announce themselves.

mod end;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use contract::error::{ErrorName, StepError, StepResult};
use end::{End, Sudden, Workflow};
use serde::Serialize;
use serde_json::{Value, json};
use step::Labels;
use step::metric::{Metric, emit};

/// The last state that was entered is among the last few events.
const EVENTS: i32 = 50;

/// The services that it calls.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Announces.
    pub events: aws_sdk_eventbridge::Client,
    /// Tells in which state an execution was.
    pub sfn: aws_sdk_sfn::Client,
}

/// What the template tells the function.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The stack's name.
    pub stack: String,
    /// The bus that is announced on.
    pub event_bus_name: String,
    /// The ARN of the state machine that removes: the other one provisions.
    pub deprovision: String,
}

/// What the log says about an event: the environment that the execution's input names, and the execution.
#[must_use]
pub fn labels(event: &Value) -> Labels {
    let detail = &event["detail"];
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    let input = detail["input"].as_str().unwrap_or_default();
    let input: Value = serde_json::from_str(input).unwrap_or_default();
    Labels {
        environment: text(&input["environment"]),
        execution: text(&detail["name"]),
    }
}

/// What became of an event, for a test event in the console.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reported {
    outcome: String,
    announced: bool,
}

/// Reports one status change of an execution.
///
/// # Errors
/// `Internal` where the event is not one of an execution's end; else what EventBridge or Step Functions answered, so
/// that Lambda tries again and then hands the event to the failure queue.
pub async fn report(
    clients: &Clients,
    surroundings: &Surroundings,
    event: EventBridgeEvent<Value>,
) -> StepResult<Reported> {
    let end = End::read(event.detail, &surroundings.deprovision)?;
    let outcome = end.outcome();
    if !end.is_plan {
        measure(&surroundings.stack, &end, &outcome);
    }
    let announced = match end.sudden() {
        Some(sudden) if !end.is_plan => {
            // Boxed, or the step's future is too deep for the compiler.
            Box::pin(announce(
                clients,
                &surroundings.event_bus_name,
                &end,
                sudden,
            ))
            .await?;
            true
        }
        _ => false,
    };
    Ok(Reported { outcome, announced })
}

fn measure(stack: &str, end: &End, outcome: &str) {
    let workflow = end.workflow.as_str();
    let metrics = [
        Metric {
            name: "Runs",
            unit: "Count",
            value: 1.0,
        },
        Metric {
            name: "Failures",
            unit: "Count",
            value: if end.has_failed() { 1.0 } else { 0.0 },
        },
        Metric {
            name: "Duration",
            unit: "Seconds",
            value: end.seconds,
        },
    ];
    emit(
        &metrics,
        &[
            &[("Stack", stack), ("Workflow", workflow)],
            &[
                ("Stack", stack),
                ("Workflow", workflow),
                ("Outcome", outcome),
            ],
        ],
        &[("environment", &end.environment), ("execution", &end.name)],
    );
}

/// Says what the execution's own `AnnounceFailure` would have said.
async fn announce(clients: &Clients, bus: &str, end: &End, sudden: Sudden) -> StepResult<()> {
    let step = last_state(&clients.sfn, &end.execution_arn).await?;
    let detail = json!({
        "environment": end.environment,
        "execution": end.execution_arn,
        "step": step,
        "error": sudden.error(),
        "reason": end.reason(sudden, &step),
    });
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name(bus)
        .source("envcache")
        .detail_type(match end.workflow {
            Workflow::Provision => "Cache Provisioning Failed",
            Workflow::Deprovision => "Cache Removal Failed",
        })
        .detail(detail.to_string())
        .build();
    let answer = clients
        .events
        .put_events()
        .entries(entry)
        .send()
        .await
        .map_err(|error| step::failure("PutEvents", bus, error))?;
    // A call that succeeds may still hold entries that were refused:
    // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
    match answer.entries().iter().find_map(|entry| entry.error_code()) {
        None => Ok(()),
        Some(code) => Err(StepError::new(
            ErrorName::ServiceUnavailable,
            format!("PutEvents {bus}: {code}. It is tried again"),
        )),
    }
}

/// The state that the execution was in when it ended.
async fn last_state(sfn: &aws_sdk_sfn::Client, execution_arn: &str) -> StepResult<String> {
    let history = sfn
        .get_execution_history()
        .execution_arn(execution_arn)
        .reverse_order(true)
        .max_results(EVENTS)
        .include_execution_data(false)
        .send()
        .await
        .map_err(|error| step::failure("GetExecutionHistory", execution_arn, error))?;
    let entered = history
        .events()
        .iter()
        .find_map(|event| event.state_entered_event_details());
    Ok(entered.map_or_else(|| "its start".to_owned(), |state| state.name().to_owned()))
}

#[cfg(test)]
mod tests;
