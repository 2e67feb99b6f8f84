//! Reports how executions end: emits metrics for each, and, for one that Step Functions ended, stores the result in the
//! environment's record and announces it. Other executions do that themselves.

mod ended_execution;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use contract::error::{ErrorName, StepError, StepResult};
use contract::value::EnvironmentName;
use ended_execution::{EndedExecution, ForcedEnd, Workflow};
use record::{Failure, LastResult, Table};
use serde::Serialize;
use serde_json::{Value, json};
use step::Labels;
use step::metric::{Metric, emit};

/// How many of the last history events are read. The last state that was entered is among them.
const MAX_EVENTS: i32 = 50;

/// The services that the function calls.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Announces forced ends.
    pub events: aws_sdk_eventbridge::Client,
    /// Returns the state that an execution was in.
    pub sfn: aws_sdk_sfn::Client,
    /// Stores the results of forced ends.
    pub records: Table,
}

/// The function's environment variables.
#[derive(Clone, Debug)]
pub struct Config {
    /// The stack's name.
    pub stack: String,
    /// The event bus for announcements.
    pub event_bus_name: String,
    /// The ARN of the deprovisioning state machine. The other one provisions.
    pub deprovision_state_machine_arn: String,
}

/// Returns the log fields of an event: the environment that the execution's input names, and the execution.
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

/// What the function did with an event. Lambda's console shows it for a test event.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reported {
    outcome: String,
    announced: bool,
    recorded: bool,
}

/// Reports the end of one execution.
///
/// # Errors
/// Returns `Internal` if the event isn't an execution's end. Otherwise returns the error of DynamoDB, EventBridge, or
/// Step Functions, so that Lambda retries and then sends the event to the queue of failed events.
pub async fn report(
    clients: &Clients,
    config: &Config,
    event: EventBridgeEvent<Value>,
) -> StepResult<Reported> {
    let end = EndedExecution::read(event.detail, &config.deprovision_state_machine_arn)?;
    let outcome = end.outcome();
    let mut reported = Reported {
        outcome,
        announced: false,
        recorded: false,
    };
    // A dry run changes nothing, so only the user who started it needs its result.
    if end.is_dry_run {
        return Ok(reported);
    }
    if let Some(forced_end) = end.forced_end() {
        // Boxed, because the compiler rejects futures that are nested deeper.
        let failure = Box::pin(forced_failure(clients, &end, forced_end)).await?;
        // Stored before the announcement, so that a failed write doesn't repeat the announcement.
        reported.recorded = Box::pin(store(&clients.records, &end, &failure)).await?;
        Box::pin(announce(clients, &config.event_bus_name, &end, &failure)).await?;
        reported.announced = true;
    }
    // Last, so that a retry of a failed call doesn't count the execution twice.
    emit_metrics(&config.stack, &end, &reported.outcome);
    Ok(reported)
}

fn emit_metrics(stack: &str, end: &EndedExecution, outcome: &str) {
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
        &[
            ("environment", end.environment_or_unknown()),
            ("execution", &end.name),
        ],
    );
}

/// Returns the failed state, the error, and the reason of a forced end.
async fn forced_failure(
    clients: &Clients,
    end: &EndedExecution,
    forced_end: ForcedEnd,
) -> StepResult<Failure> {
    let step = last_state(&clients.sfn, &end.execution_arn).await?;
    Ok(Failure {
        error: forced_end.error().to_owned(),
        reason: end.reason(forced_end, &step),
        step,
    })
}

/// Stores the result, unless a later one is stored or no environment can have this name. Returns whether it did.
async fn store(records: &Table, end: &EndedExecution, failure: &Failure) -> StepResult<bool> {
    // The input of an execution can be any text, and a record for it would stay forever.
    let name = end.environment.clone().map(EnvironmentName::try_from);
    let Some(Ok(name)) = name else {
        return Ok(false);
    };
    let result = LastResult {
        execution: end.execution_arn.clone(),
        failure: Some(failure.clone()),
    };
    records
        .store_result(name.as_str(), &result, end.ended_at)
        .await
        .map_err(|error| step::failure("UpdateItem", &records.name, error))
}

async fn announce(
    clients: &Clients,
    bus: &str,
    end: &EndedExecution,
    failure: &Failure,
) -> StepResult<()> {
    let detail = json!({
        "environment": end.environment_or_unknown(),
        "execution": end.execution_arn,
        "step": failure.step,
        "error": failure.error,
        "reason": failure.reason,
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
    // A call that succeeds can still reject entries:
    // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
    match answer.entries().iter().find_map(|entry| entry.error_code()) {
        None => Ok(()),
        Some(code) => Err(StepError::new(
            ErrorName::ServiceUnavailable,
            format!("PutEvents {bus}: {code}. Lambda retries the invocation"),
        )),
    }
}

/// Returns the state that the execution was in when it ended.
async fn last_state(sfn: &aws_sdk_sfn::Client, execution_arn: &str) -> StepResult<String> {
    let history = sfn
        .get_execution_history()
        .execution_arn(execution_arn)
        .reverse_order(true)
        .max_results(MAX_EVENTS)
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
