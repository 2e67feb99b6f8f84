//! Tests with replayed answers of Step Functions.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use contract::error::{ErrorName, StepResult};
use replay::{Answer, Replay};
use serde_json::{Value, json};

use crate::{Started, StateMachines, client, start};

const STATE_MACHINE: &str =
    "arn:aws:states:ap-southeast-1:123456789012:stateMachine:envcache-provision";

/// Returns the repository's sample event in EventBridge's envelope:
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>.
fn event(detail_type: &str) -> EventBridgeEvent<Value> {
    let sample: Value =
        serde_json::from_str(include_str!("../../../events/environment-created.json"))
            .expect("the sample event is JSON");
    serde_json::from_value(json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": detail_type,
        "source": sample["source"],
        "account": "123456789012",
        "time": "2026-11-22T10:00:00Z",
        "region": "ap-southeast-1",
        "resources": [],
        "detail": sample["detail"]
    }))
    .expect("an event of EventBridge")
}

async fn started(replay: &Replay, event: EventBridgeEvent<Value>) -> StepResult<Started> {
    let state_machines = StateMachines {
        provision: STATE_MACHINE.to_owned(),
        deprovision: STATE_MACHINE.replace("provision", "deprovision"),
    };
    start(&client(&replay.config()), &state_machines, event).await
}

/// Returns the answer to
/// [StartExecution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
fn accepted() -> Answer {
    Answer::ok(
        json!({ "executionArn": "arn:aws:states:x:1:execution:y:z", "startDate": 1_795_341_600 })
            .to_string(),
    )
}

#[tokio::test]
async fn event_starts_execution_with_detail_id_and_time() {
    let replay = Replay::new([accepted()]);

    let found = started(&replay, event("Environment Created"))
        .await
        .expect("started");

    let name = "bandup-17793124-05d4-b198-2fde-7ededc63b103";
    assert_eq!(
        serde_json::to_value(found).expect("JSON"),
        json!({ "executionName": name })
    );
    let (operation, request) = replay.documents().remove(0);
    assert_eq!(operation, "StartExecution");
    assert_eq!(request["stateMachineArn"], STATE_MACHINE);
    assert_eq!(request["name"], name);
    let input: Value =
        serde_json::from_str(request["input"].as_str().expect("a text")).expect("JSON");
    assert_eq!(input["environment"], "bandup");
    assert_eq!(
        input["event"],
        json!({ "id": "17793124-05d4-b198-2fde-7ededc63b103", "time": "2026-11-22T10:00:00Z" })
    );
    contract::Request::from_json(input).expect("what it starts with is a request");
}

#[tokio::test]
async fn repeated_delivery_requests_the_same_execution() {
    // Step Functions accepts the second request while the execution runs, and rejects the third after its end.
    let replay = Replay::new([
        accepted(),
        accepted(),
        Answer::json_fault(
            400,
            "com.amazonaws.sfn#ExecutionAlreadyExists",
            "Execution Already Exists",
        ),
    ]);

    let mut found = Vec::new();
    for _ in 0..3 {
        let answer = started(&replay, event("Environment Created")).await;
        found.push(answer.expect("a repeated delivery is a success"));
    }

    let requests = replay.documents();
    for repeated in 1..3 {
        assert_eq!(requests[0], requests[repeated]);
        assert_eq!(found[0], found[repeated]);
    }
}

#[tokio::test]
async fn starts_execution_when_detail_is_invalid() {
    for detail in [json!({}), json!({ "environment": 7 }), json!("bandup")] {
        let replay = Replay::new([accepted()]);
        let mut event = event("Environment Created");
        event.detail = detail.clone();

        started(&replay, event).await.expect("started");

        assert_eq!(replay.documents().len(), 1, "{detail}");
    }
}

#[tokio::test]
async fn deleted_environment_starts_deprovision_state_machine() {
    let replay = Replay::new([accepted()]);

    started(&replay, event("Environment Deleted"))
        .await
        .expect("started");

    let (_, request) = replay.documents().remove(0);
    let state_machine = request["stateMachineArn"].as_str().expect("an ARN");
    assert!(
        state_machine.ends_with(":envcache-deprovision"),
        "{state_machine}"
    );
    let input = serde_json::from_str(request["input"].as_str().expect("a text")).expect("JSON");
    contract::RemovalRequest::from_json(input).expect("what it starts with is a request");
}

#[tokio::test]
async fn rejects_event_with_another_detail_type() {
    let replay = Replay::new([]);

    let error = started(&replay, event("Environment Renamed"))
        .await
        .expect_err("no state machine for it");

    assert_eq!(error.name(), ErrorName::InvalidSpec);
    assert!(error.to_string().contains("Environment Renamed"), "{error}");
}

/// A step's client attempts a call only twice.
#[tokio::test]
async fn retries_throttled_start_more_often_than_a_step() {
    // Step Functions names this error in
    // <https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html>.
    let throttled = || Answer::json_fault(400, "ThrottlingException", "Rate exceeded");
    let replay = Replay::new([throttled(), throttled(), accepted()]);

    started(&replay, event("Environment Created"))
        .await
        .expect("started by the third attempt");

    assert_eq!(replay.documents().len(), 3);
}

#[tokio::test]
async fn fails_for_a_retry_when_step_functions_rejects_the_start() {
    let replay = Replay::new([Answer::json_fault(
        400,
        "StateMachineDoesNotExist",
        "State Machine Does Not Exist",
    )]);

    let error = started(&replay, event("Environment Created"))
        .await
        .expect_err("rejected");

    assert!(
        error
            .to_string()
            .starts_with("StartExecution bandup-17793124"),
        "{error}"
    );
}

#[tokio::test]
async fn input_has_event_field_when_event_has_no_time() {
    let replay = Replay::new([accepted()]);
    let mut event = event("Environment Created");
    event.time = None;
    event.detail["adopt"] = json!(true);
    // A sender can't imitate a manual execution with a field of its own.
    event.detail["event"] = Value::Null;

    started(&replay, event).await.expect("started");

    let (_, request) = replay.documents().remove(0);
    let input = serde_json::from_str(request["input"].as_str().expect("a text")).expect("JSON");
    let error = contract::Request::from_json(input).expect_err("no time");
    assert!(error.to_string().starts_with("event.time: "), "{error}");
}
