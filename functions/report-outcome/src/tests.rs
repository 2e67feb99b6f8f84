//! Tests with replayed answers of Step Functions, DynamoDB, and EventBridge.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use contract::error::{ErrorName, StepResult};
use record::Table;
use replay::dynamodb::condition_failed;
use replay::{Answer, Replay};
use serde_json::{Value, json};

use crate::{Clients, Config, Reported, report};

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
        records: Table {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            name: "environments".to_owned(),
        },
    };
    let config = Config {
        stack: "envcache".to_owned(),
        event_bus_name: "default".to_owned(),
        deprovision_state_machine_arn:
            "arn:aws:states:us-east-1:123456789012:stateMachine:envcache-deprovision".to_owned(),
    };
    report(&clients, &config, event).await
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

/// DynamoDB's answer to an update: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html>
fn stored() -> Answer {
    Answer::ok("{}")
}

#[tokio::test]
async fn emits_only_metrics_when_execution_reported_its_own_end() {
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
            recorded: false,
        };
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn records_and_announces_forced_ends_with_their_state() {
    for (status, error, reason) in [
        (
            "TIMED_OUT",
            "Timeout",
            "the execution timed out after 240 minutes in WaitForReplicationGroup. Start it again",
        ),
        (
            "ABORTED",
            "Aborted",
            "the execution was stopped in WaitForReplicationGroup. Start it again",
        ),
        (
            "FAILED",
            "Internal",
            "the execution failed without an error in WaitForReplicationGroup. Start it again",
        ),
        (
            "FAILED",
            "Internal",
            "the execution failed with States.DataLimitExceeded in WaitForReplicationGroup (too large). Start it again",
        ),
    ] {
        let replay = Replay::new([history(), stored(), accepted()]);
        let changes = match status {
            "FAILED" if reason.contains("States.") => {
                json!({ "error": "States.DataLimitExceeded", "cause": "too large" })
            }
            _ => json!({}),
        };

        let found = reported(&replay, event(status, &changes)).await;

        let found = found.expect("a report");
        assert!(found.announced && found.recorded, "{status}");
        let documents = replay.documents();
        let (_, update) = &documents[1];
        let values = &update["ExpressionAttributeValues"];
        assert_eq!(update["Key"], json!({ "environment": { "S": "bandup" } }));
        assert_eq!(values[":at"], json!({ "N": "1551239671984" }));
        assert_eq!(
            update["ConditionExpression"],
            "attribute_not_exists(resultAt) OR resultAt < :at"
        );
        let result = parsed(&values[":result"]["S"]);
        let (_, announced) = &documents[2];
        let entry = &announced["Entries"][0];
        assert_eq!(entry["DetailType"], "Cache Provisioning Failed");
        assert_eq!(entry["EventBusName"], "default");
        let mut detail = parsed(&entry["Detail"]);
        let environment = detail
            .as_object_mut()
            .expect("an object")
            .remove("environment");
        assert_eq!(environment, Some(json!("bandup")));
        assert_eq!(
            detail, result,
            "{status}: the record and the announcement agree"
        );
        assert_eq!(result["step"], "WaitForReplicationGroup");
        assert_eq!(result["error"], error);
        let found = result["reason"].as_str().expect("a text");
        assert!(found.starts_with(reason), "{found}");
    }
}

fn parsed(text: &Value) -> Value {
    serde_json::from_str(text.as_str().expect("a text")).expect("JSON")
}

#[tokio::test]
async fn announces_without_record_when_the_name_is_invalid() {
    let inputs = [
        json!({ "environment": "Band Up" }),
        json!({ "environment": 5 }),
        json!({}),
        json!("bandup"),
    ];
    for input in inputs {
        let replay = Replay::new([history(), accepted()]);

        let changes = json!({ "input": input.to_string() });
        let found = reported(&replay, event("ABORTED", &changes)).await;

        let found = found.expect("a report");
        assert!(found.announced && !found.recorded, "{input}");
    }
}

#[tokio::test]
async fn announces_when_a_later_result_is_stored_already() {
    let replay = Replay::new([history(), condition_failed(None), accepted()]);

    let found = reported(&replay, event("ABORTED", &json!({}))).await;

    let found = found.expect("a report");
    assert!(found.announced && !found.recorded);
}

#[tokio::test]
async fn announces_removals_as_such_and_ignores_dry_runs() {
    let removal = json!({
        "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:envcache-deprovision"
    });
    let replay = Replay::new([history(), stored(), accepted()]);
    let found = reported(&replay, event("ABORTED", &removal)).await;
    assert!(found.expect("a report").announced);
    let (_, announced) = &replay.documents()[2];
    assert_eq!(
        announced["Entries"][0]["DetailType"],
        "Cache Removal Failed"
    );

    let plan = json!({ "input": json!({ "environment": "bandup", "dryRun": true }).to_string() });
    let found = reported(&Replay::new([]), event("ABORTED", &plan)).await;
    let found = found.expect("a report");
    assert!(!found.announced && !found.recorded);
}

#[tokio::test]
async fn fails_for_a_retry_when_the_announcement_is_rejected() {
    let rejected = Answer::ok(
        json!({ "FailedEntryCount": 1, "Entries": [{ "ErrorCode": "InternalFailure", "ErrorMessage": "no" }] })
            .to_string(),
    );
    let replay = Replay::new([history(), stored(), rejected]);

    let found = reported(&replay, event("ABORTED", &json!({}))).await;

    let error = found.expect_err("a rejected entry");
    assert_eq!(error.name(), ErrorName::ServiceUnavailable);
}
