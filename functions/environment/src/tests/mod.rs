//! Tests of the decision, and of claims with replayed answers of DynamoDB and Step Functions.

mod claim;
mod decide;
mod former_subnet_groups;
mod former_tags;
mod plan;
mod removal;
mod rewrite;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use contract::error::StepResult;
use contract::message::{BelongsHere, ClaimEnvironmentInput, ClaimEnvironmentOutput};
use record::{Record, Table};
use replay::dynamodb::get_item;
use replay::{Answer, Replay};
use serde_json::{Value, json};

use crate::decide::HolderStatus;
use crate::{Clients, decide::Decision};

const ME: &str = "arn:aws:states:ap-southeast-1:123456789012:execution:envcache-provision:me";
const OTHER: &str = "arn:aws:states:ap-southeast-1:123456789012:execution:envcache-provision:other";
/// 2026-11-23T10:00:00Z.
const START: i64 = 1_795_428_000_000;

/// Returns the input of `ClaimEnvironment` in a run that started at `START`.
fn message(seconds_waited: u32, request: &Value) -> ClaimEnvironmentInput {
    serde_json::from_value(json!({
        "environment": "bandup",
        "execution": "me",
        "executionArn": ME,
        "startedAt": START,
        "secondsWaited": seconds_waited,
        "waitedFor": null,
        "plan": false,
        "request": request,
    }))
    .expect("the message")
}

/// Adds fields to an object, or replaces them.
fn merge(mut object: Value, more: Value) -> Value {
    let Value::Object(more) = more else {
        panic!("{more} is not an object");
    };
    object.as_object_mut().expect("an object").extend(more);
    object
}

fn provision() -> Value {
    provision_with(json!({}))
}

/// Returns a request for a cache, with more fields of the specification.
fn provision_with(more: Value) -> Value {
    let spec = merge(replay::reference(json!({}))["spec"].take(), more);
    json!({ "provision": { "spec": spec, "network": replay::network() } })
}

fn dry_run() -> Value {
    provision_with(json!({ "options": { "adopt": false, "dryRun": true, "onFailure": "keep" } }))
}

/// Returns a request for a cache with another identity than `with_identity` records.
fn provision_elsewhere() -> Value {
    provision_with(json!({ "parameterPrefix": "/elsewhere" }))
}

fn remove() -> Value {
    remove_with(json!({}))
}

fn remove_with(more: Value) -> Value {
    let removal = json!({
        "environment": "bandup",
        "names": {
            "cacheName": "bandup-redis",
            "securityGroupName": "redis-sg",
            "subnetGroupName": "bandup-cached-subnet-group",
            "parameterPrefix": "/bandup/cache"
        },
        "finalSnapshot": false
    });
    json!({ "remove": merge(removal, more) })
}

fn rollback() -> Value {
    remove_with(json!({ "rollback": { "execution": "run-1" } }))
}

/// Returns the attributes of an environment that has a cache.
fn with_identity(more: Value) -> Value {
    merge(
        json!({ "cacheIdentity": replay::identity().to_string() }),
        more,
    )
}

/// Returns the recorded specification of a request for this subnet group.
fn spec(subnet_group_name: &str) -> Value {
    let mut spec = replay::reference(json!({}))["spec"].take();
    spec["cache"]["subnetGroupName"] = json!(subnet_group_name);
    spec.to_string().into()
}

fn held() -> Value {
    json!({ "holder": OTHER, "version": 3 })
}

/// Returns the record that an item contains.
fn record(attributes: &Value) -> Record {
    let attributes = attributes.as_object().expect("attributes");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let item: HashMap<_, _> = attributes
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Bool(value) => AttributeValue::Bool(*value),
                Value::Number(number) => AttributeValue::N(number.to_string()),
                Value::Array(texts) => AttributeValue::Ss(texts.iter().map(text).collect()),
                other => AttributeValue::S(text(other)),
            };
            (name.clone(), value)
        })
        .collect();
    Record::from_item(&item)
}

fn decide(
    attributes: &Value,
    holder: Option<HolderStatus>,
    seconds_waited: u32,
    request: &Value,
) -> StepResult<Decision> {
    crate::decide::decide(
        &message(seconds_waited, request),
        &record(attributes),
        holder,
    )
}

/// Returns a decision as a short text.
fn word(decision: StepResult<Decision>) -> String {
    match decision {
        Ok(Decision::Claim(_)) => "claim".to_owned(),
        Ok(Decision::TakeOver { .. }) => "take over".to_owned(),
        Ok(Decision::Wait { seconds, .. }) => format!("wait {seconds}"),
        Ok(Decision::Superseded(_)) => "superseded".to_owned(),
        Err(error) => error.name().to_string(),
    }
}

/// Returns the answer to `GetItem`.
fn read(attributes: &Value) -> Answer {
    let key = json!({ "environment": "bandup" });
    get_item(&merge(key, attributes.clone()))
}

/// Returns the answer to a write, and to a read of a record that doesn't exist.
fn nothing() -> Answer {
    Answer::ok("{}")
}

/// Returns the answer to `DescribeExecution` for an execution with a status:
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>
fn status(status: &str) -> Answer {
    Answer::ok(
        json!({
            "executionArn": OTHER,
            "stateMachineArn": "arn:aws:states:ap-southeast-1:123456789012:stateMachine:envcache-provision",
            "startDate": 1_795_428_000.0,
            "status": status
        })
        .to_string(),
    )
}

async fn claim(
    replay: &Replay,
    seconds_waited: u32,
    request: &Value,
) -> StepResult<ClaimEnvironmentOutput> {
    call(replay, message(seconds_waited, request)).await
}

/// Plans instead of claiming: the same decision without a write.
async fn plan(
    replay: &Replay,
    seconds_waited: u32,
    request: &Value,
) -> StepResult<ClaimEnvironmentOutput> {
    let input = ClaimEnvironmentInput {
        plan: true,
        ..message(seconds_waited, request)
    };
    call(replay, input).await
}

async fn call(replay: &Replay, input: ClaimEnvironmentInput) -> StepResult<ClaimEnvironmentOutput> {
    let config = replay.config();
    let clients = Clients {
        records: Table {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            name: "environments".to_owned(),
        },
        sfn: aws_sdk_sfn::Client::new(&config),
    };
    crate::claim(&clients, input).await
}

/// Claims an environment with this record. Returns the output without its status and empty former tags, and the write.
async fn claimed(attributes: &Value, request: &Value) -> (Value, Value) {
    let replay = Replay::new([read(attributes), nothing()]);

    let output = claim(&replay, 0, request).await.expect("an output");

    assert_eq!(operations(&replay), ["GetItem", "UpdateItem"]);
    let mut fields = serde_json::to_value(&output).expect("JSON");
    let again =
        serde_json::from_value::<ClaimEnvironmentOutput>(fields.clone()).expect("the output");
    assert_eq!(again, output);
    let fields_of_claim = fields.as_object_mut().expect("an object");
    let status = fields_of_claim.remove("status");
    assert_eq!(status, Some(json!("claimed")));
    // No request of these tests adopts.
    assert_eq!(
        fields_of_claim.remove("belongsHere"),
        Some(json!(BelongsHere::default()))
    );
    if fields_of_claim["engineVersion"].is_null() {
        fields_of_claim.remove("engineVersion");
    }
    if fields_of_claim["formerTags"] == json!([]) {
        fields_of_claim.remove("formerTags");
    }
    (fields, write(&replay))
}

fn operations(replay: &Replay) -> Vec<String> {
    replay
        .documents()
        .into_iter()
        .map(|(operation, _)| operation)
        .collect()
}

/// Returns the last request, which is the write.
fn write(replay: &Replay) -> Value {
    let (operation, request) = replay.documents().pop().expect("a request");
    assert_eq!(operation, "UpdateItem");
    request
}
