//! The step against replayed answers of Step Functions and EventBridge.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use contract::error::{ErrorName, StepResult};
use replay::{Answer, Replay};
use serde_json::{Value, json};

use crate::{Clients, Reported, Surroundings, report};

/// The sample of <https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html>, with the ARNs and
/// the input of envcache.
fn event(status: &str, changes: &Value) -> EventBridgeEvent<Value> {
    let mut detail = json!({
        "executionArn": "arn:aws:states:us-east-1:123456789012:execution:envcache-provision:run-1",
        "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:envcache-provision",
        "name": "run-1",
        "status": status,
        "startDate": 1_551_225_271_984_i64,
        "stopDate": 1_551_239_671_984_i64,
        "input": json!({ "environment": "bandup" }).to_string(),
        "output": null,
        "inputDetails": { "included": true },
        "outputDetails": null,
        "error": null,
        "cause": null
    });
    for (field, value) in changes.as_object().into_iter().flatten() {
        detail[field] = value.clone();
    }
    serde_json::from_value(json!({
        "version": "0",
        "id": "315c1398-40ff-a850-213b-158f73e60175",
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "123456789012",
        "time": "2019-02-26T19:42:21Z",
        "region": "us-east-1",
        "resources": [detail["executionArn"]],
        "detail": detail
    }))
    .expect("an event of EventBridge")
}

async fn reported(replay: &Replay, event: EventBridgeEvent<Value>) -> StepResult<Reported> {
    let config = replay.config();
    let clients = Clients {
        events: aws_sdk_eventbridge::Client::new(&config),
        sfn: aws_sdk_sfn::Client::new(&config),
    };
    let surroundings = Surroundings {
        stack: "envcache".to_owned(),
        event_bus_name: "default".to_owned(),
        deprovision: "arn:aws:states:us-east-1:123456789012:stateMachine:envcache-deprovision"
            .to_owned(),
    };
    report(&clients, &surroundings, event).await
}

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html>
fn history() -> Answer {
    Answer::ok(
        json!({ "events": [
            { "id": 9, "previousEventId": 8, "timestamp": 1_551_239_671.0, "type": "ExecutionAborted" },
            { "id": 8, "previousEventId": 7, "timestamp": 1_551_225_300.0, "type": "WaitStateEntered",
              "stateEnteredEventDetails": { "name": "WaitForReplicationGroup" } }
        ] })
        .to_string(),
    )
}

/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>
fn accepted() -> Answer {
    Answer::ok(json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "1" }] }).to_string())
}

#[tokio::test]
async fn what_could_announce_itself_is_counted_and_not_announced_again() {
    let failed = json!({ "error": "Throttled", "cause": "PublishEndpoint: …" });
    for (event, outcome) in [
        (event("SUCCEEDED", &json!({})), "Succeeded"),
        (event("FAILED", &failed), "Throttled"),
    ] {
        let replay = Replay::new([]);

        let found = reported(&replay, event).await.expect("a report");

        let expected = Reported {
            outcome: outcome.to_owned(),
            announced: false,
        };
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn an_execution_that_ended_suddenly_is_announced_with_the_state_it_was_in() {
    for (status, error, reason) in [
        (
            "TIMED_OUT",
            "Timeout",
            "it was not over after 240 minutes, in WaitForReplicationGroup. Start again",
        ),
        (
            "ABORTED",
            "Aborted",
            "somebody stopped it, in WaitForReplicationGroup. Start again",
        ),
        (
            "FAILED",
            "Internal",
            "it failed with States.DataLimitExceeded, in WaitForReplicationGroup (too large). Start again",
        ),
    ] {
        let replay = Replay::new([history(), accepted()]);
        let changes = match status {
            "FAILED" => json!({ "error": "States.DataLimitExceeded", "cause": "too large" }),
            _ => json!({}),
        };

        let found = reported(&replay, event(status, &changes)).await;

        assert!(found.expect("a report").announced, "{status}");
        let (_, announced) = &replay.documents()[1];
        let entry = &announced["Entries"][0];
        assert_eq!(entry["DetailType"], "Cache Provisioning Failed");
        assert_eq!(entry["EventBusName"], "default");
        let detail: Value =
            serde_json::from_str(entry["Detail"].as_str().expect("a text")).expect("JSON");
        assert_eq!(detail["environment"], "bandup");
        assert_eq!(detail["step"], "WaitForReplicationGroup");
        assert_eq!(detail["error"], error);
        let told = detail["reason"].as_str().expect("a text");
        assert!(told.starts_with(reason), "{told}");
    }
}

#[tokio::test]
async fn a_removal_and_a_plan_are_told_apart() {
    let removal = json!({
        "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:envcache-deprovision"
    });
    let replay = Replay::new([history(), accepted()]);
    let found = reported(&replay, event("ABORTED", &removal)).await;
    assert!(found.expect("a report").announced);
    let (_, announced) = &replay.documents()[1];
    assert_eq!(
        announced["Entries"][0]["DetailType"],
        "Cache Removal Failed"
    );

    let plan = json!({ "input": json!({ "environment": "bandup", "dryRun": true }).to_string() });
    let found = reported(&Replay::new([]), event("ABORTED", &plan)).await;
    assert!(
        !found.expect("a report").announced,
        "a plan is told to nobody"
    );
}

#[tokio::test]
async fn an_announcement_that_is_refused_is_tried_again() {
    let refused = Answer::ok(
        json!({ "FailedEntryCount": 1, "Entries": [{ "ErrorCode": "InternalFailure", "ErrorMessage": "no" }] })
            .to_string(),
    );
    let replay = Replay::new([history(), refused]);

    let found = reported(&replay, event("ABORTED", &json!({}))).await;

    let error = found.expect_err("refused");
    assert_eq!(error.name(), ErrorName::ServiceUnavailable);
}
