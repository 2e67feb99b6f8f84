//! The step against replayed answers of Step Functions.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_sdk_sfn::Client;
use contract::error::{ErrorName, StepResult};
use replay::{Answer, Replay};
use serde_json::{Value, json};

use crate::{Started, StateMachines, start};

const STATE_MACHINE: &str =
    "arn:aws:states:ap-southeast-1:123456789012:stateMachine:envcache-provision";

/// The sample event of the repository, in the frame that EventBridge puts around it:
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
    start(&Client::new(&replay.config()), &state_machines, event).await
}

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>
fn accepted() -> Answer {
    Answer::ok(
        json!({ "executionArn": "arn:aws:states:x:1:execution:y:z", "startDate": 1_795_341_600 })
            .to_string(),
    )
}

#[tokio::test]
async fn an_event_starts_one_execution_with_its_detail_and_its_stamp() {
    let replay = Replay::new([accepted()]);

    let found = started(&replay, event("Environment Created"))
        .await
        .expect("started");

    let name = "bandup-17793124-05d4-b198-2fde-7ededc63b103";
    assert_eq!(
        serde_json::to_value(found).expect("JSON"),
        json!({ "executionName": name, "new": true })
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
async fn a_repeated_delivery_asks_for_the_same_execution_to_the_letter() {
    let replay = Replay::new([
        accepted(),
        Answer::json_fault(
            400,
            "com.amazonaws.sfn#ExecutionAlreadyExists",
            "Execution Already Exists",
        ),
    ]);

    let first = started(&replay, event("Environment Created"))
        .await
        .expect("started");
    let second = started(&replay, event("Environment Created"))
        .await
        .expect("a repeated delivery is a success");

    let requests = replay.documents();
    assert_eq!(requests[0], requests[1]);
    assert_ne!(first, second, "it says that it started nothing new");
}

#[tokio::test]
async fn a_bad_detail_starts_an_execution_that_will_say_why() {
    for detail in [json!({}), json!({ "environment": 7 }), json!("bandup")] {
        let replay = Replay::new([accepted()]);
        let mut event = event("Environment Created");
        event.detail = detail.clone();

        started(&replay, event).await.expect("it judges nothing");

        assert_eq!(replay.documents().len(), 1, "{detail}");
    }
}

#[tokio::test]
async fn the_end_of_an_environment_starts_its_own_state_machine() {
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
async fn an_event_of_another_kind_starts_nothing() {
    let replay = Replay::new([]);

    let error = started(&replay, event("Environment Renamed"))
        .await
        .expect_err("no workflow for it");

    assert_eq!(error.name(), ErrorName::InvalidSpec);
    assert!(error.to_string().contains("Environment Renamed"), "{error}");
}

#[tokio::test]
async fn what_step_functions_refuses_fails_so_that_lambda_tries_again() {
    let replay = Replay::new([Answer::json_fault(
        400,
        "StateMachineDoesNotExist",
        "State Machine Does Not Exist",
    )]);

    let error = started(&replay, event("Environment Created"))
        .await
        .expect_err("refused");

    assert!(
        error
            .to_string()
            .starts_with("StartExecution bandup-17793124"),
        "{error}"
    );
}

#[tokio::test]
async fn an_event_without_a_time_is_still_marked_as_an_event() {
    let replay = Replay::new([accepted()]);
    let mut event = event("Environment Created");
    event.time = None;
    event.detail["adopt"] = json!(true);
    // A sender can't pass for a user by a field of its own.
    event.detail["event"] = Value::Null;

    started(&replay, event).await.expect("it judges nothing");

    let (_, request) = replay.documents().remove(0);
    let input = serde_json::from_str(request["input"].as_str().expect("a text")).expect("JSON");
    let error = contract::Request::from_json(input).expect_err("no time");
    assert!(error.to_string().starts_with("event.time: "), "{error}");
}
