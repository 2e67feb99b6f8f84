//! The decision as a table, and the step against replayed answers of DynamoDB and Step Functions.

use contract::claim::{ClaimEnvironmentInput, ClaimEnvironmentOutput};
use contract::error::{ErrorName, StepResult};
use replay::{Answer, Replay};
use serde_json::{Value, json};

use crate::decide::{Decision, HolderStatus, decide};
use crate::record::Record;
use crate::{Clients, claim};

const ME: &str = "arn:aws:states:ap-southeast-1:123456789012:execution:envcache-provision:me";
const OTHER: &str = "arn:aws:states:ap-southeast-1:123456789012:execution:envcache-provision:other";
/// 2026-11-23T10:00:00Z.
const START: i64 = 1_795_428_000_000;

fn message(seconds_waited: u32, request: &Value) -> ClaimEnvironmentInput {
    serde_json::from_value(json!({
        "environment": "bandup",
        "execution": "me",
        "executionArn": ME,
        "startedAt": START,
        "secondsWaited": seconds_waited,
        "request": request,
    }))
    .expect("the message")
}

/// A request for a cache, with more fields of the specification.
fn provision(more: &Value) -> Value {
    let mut spec = replay::reference(json!({}))["spec"].take();
    for (field, value) in more.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    json!({ "provision": {
        "spec": spec,
        "network": {
            "vpcId": "vpc-1", "subnetIds": ["subnet-1"], "zones": ["a"], "backendSecurityGroupId": "sg-1"
        }
    } })
}

fn remove(more: &Value) -> Value {
    let mut removal = json!({
        "environment": "bandup",
        "names": {
            "cacheName": "bandup-redis",
            "subnetGroupName": "bandup-cached-subnet-group",
            "parameterPrefix": "/bandup/cache"
        },
        "finalSnapshot": false
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        removal[field] = value.clone();
    }
    json!({ "remove": removal })
}

/// An item as DynamoDB writes it in JSON.
fn item(attributes: &Value) -> Value {
    let mut item = json!({ "environment": { "S": "bandup" } });
    for (name, value) in attributes.as_object().into_iter().flatten() {
        item[name] = match value {
            Value::Bool(_) => json!({ "BOOL": value }),
            Value::Number(number) => json!({ "N": number.to_string() }),
            _ => json!({ "S": value }),
        };
    }
    item
}

/// The record that an item holds.
fn record(attributes: &Value) -> Record {
    use aws_sdk_dynamodb::types::AttributeValue;
    let attributes = attributes.as_object().into_iter().flatten();
    Record::from_item(
        &attributes
            .map(|(name, value)| {
                let value = match value {
                    Value::Bool(value) => AttributeValue::Bool(*value),
                    Value::Number(number) => AttributeValue::N(number.to_string()),
                    other => AttributeValue::S(other.as_str().unwrap_or_default().to_owned()),
                };
                (name.clone(), value)
            })
            .collect(),
    )
}

/// The attributes that a record has once its cache was requested, beside others.
fn with_identity(more: &Value) -> Value {
    let mut attributes = json!({
        "vpcId": "vpc-1",
        "cacheName": "bandup-redis",
        "securityGroupName": "redis-sg",
        "subnetGroupName": "bandup-cached-subnet-group",
        "parameterPrefix": "/bandup/cache"
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        attributes[name] = value.clone();
    }
    attributes
}

/// A decision in a word, with what matters of it.
fn word(decision: StepResult<Decision>) -> String {
    match decision {
        Ok(Decision::Claim(_, Some(_))) => "claim".to_owned(),
        Ok(Decision::Claim(_, None)) => "plan".to_owned(),
        Ok(Decision::TakeOver { .. }) => "take over".to_owned(),
        Ok(Decision::Wait { seconds, .. }) => format!("wait {seconds}"),
        Ok(Decision::Superseded(_)) => "superseded".to_owned(),
        Err(error) => error.name().to_string(),
    }
}

/// What is there, what Step Functions says about the holder, the seconds waited, the request, and the decision.
type Case = (
    &'static str,
    Value,
    Option<HolderStatus>,
    u32,
    Value,
    &'static str,
);

#[track_caller]
fn assert_decisions(cases: impl IntoIterator<Item = Case>) {
    for (case, attributes, holder, seconds_waited, request, expected) in cases {
        let input = message(seconds_waited, &request);

        let found = decide(&input, &record(&attributes), holder);

        assert_eq!(word(found), expected, "{case}");
    }
}

fn held(by: &str) -> Value {
    json!({ "holder": by })
}

/// A record of a request that is newer than this one.
fn newer(holder: Option<&str>) -> Value {
    match holder {
        Some(holder) => json!({ "holder": holder, "askedAt": START + 1 }),
        None => json!({ "askedAt": START + 1 }),
    }
}

fn plan() -> Value {
    provision(&json!({ "switches": { "adopt": false, "dryRun": true, "onFailure": "keep" } }))
}

fn rollback() -> Value {
    remove(&json!({ "rollback": { "execution": "run-1" } }))
}

#[test]
fn claims_what_is_free_or_its_own() {
    assert_decisions([
        (
            "no record",
            json!({}),
            None,
            0,
            provision(&json!({})),
            "claim",
        ),
        (
            "free",
            json!({ "askedAt": START }),
            None,
            0,
            provision(&json!({})),
            "claim",
        ),
        (
            "ours, a lost reply",
            held(ME),
            None,
            0,
            provision(&json!({})),
            "claim",
        ),
        (
            "taken over just now",
            json!({ "holder": ME, "takenOverAt": 30 }),
            None,
            30,
            provision(&json!({})),
            "wait 45",
        ),
        (
            "taken over, and waited for a part",
            json!({ "holder": ME, "takenOverAt": 30 }),
            None,
            60,
            provision(&json!({})),
            "wait 15",
        ),
        (
            "taken over, and waited",
            json!({ "holder": ME, "takenOverAt": 30 }),
            None,
            75,
            provision(&json!({})),
            "claim",
        ),
        (
            "a mark of nobody's",
            json!({ "takenOverAt": 30 }),
            None,
            0,
            provision(&json!({})),
            "claim",
        ),
    ]);
}

#[test]
fn waits_for_another_run_and_takes_over_from_one_that_ended() {
    use HolderStatus::{Ended, NotReturned, Running};
    assert_decisions([
        (
            "another runs",
            held(OTHER),
            Some(Running),
            0,
            provision(&json!({})),
            "wait 30",
        ),
        (
            "another runs for long",
            held(OTHER),
            Some(Running),
            5370,
            provision(&json!({})),
            "wait 30",
        ),
        (
            "another runs too long",
            held(OTHER),
            Some(Running),
            5400,
            provision(&json!({})),
            "Timeout",
        ),
        (
            "another has ended",
            held(OTHER),
            Some(Ended),
            0,
            provision(&json!({})),
            "take over",
        ),
        (
            "another has ended, late",
            held(OTHER),
            Some(Ended),
            9000,
            provision(&json!({})),
            "take over",
        ),
        (
            "not returned yet",
            held(OTHER),
            Some(NotReturned),
            30,
            provision(&json!({})),
            "wait 30",
        ),
        (
            "not returned",
            held(OTHER),
            Some(NotReturned),
            60,
            provision(&json!({})),
            "take over",
        ),
    ]);
}

#[test]
fn compares_time_and_identity() {
    use HolderStatus::Running;
    let earlier = json!({ "event": { "id": "e", "time": "2026-11-23T09:59:59Z" } });
    assert_decisions([
        (
            "a newer request",
            newer(None),
            None,
            0,
            provision(&json!({})),
            "superseded",
        ),
        (
            "a newer request at work",
            newer(Some(OTHER)),
            Some(Running),
            0,
            provision(&json!({})),
            "superseded",
        ),
        (
            "an older event",
            json!({ "askedAt": START }),
            None,
            0,
            provision(&earlier),
            "superseded",
        ),
        ("a plan", json!({}), None, 0, plan(), "plan"),
        ("a plan beside a run", held(OTHER), None, 0, plan(), "plan"),
        (
            "a plan of an older request",
            newer(None),
            None,
            0,
            plan(),
            "superseded",
        ),
        (
            "the same identity",
            with_identity(&json!({})),
            None,
            0,
            provision(&json!({})),
            "claim",
        ),
        (
            "another identity",
            with_identity(&json!({ "vpcId": "vpc-2" })),
            None,
            0,
            provision(&json!({})),
            "Immutable",
        ),
        (
            "a plan of another identity",
            with_identity(&json!({ "parameterPrefix": "/other" })),
            None,
            0,
            plan(),
            "Immutable",
        ),
        (
            "another identity, that a removal may still end",
            with_identity(&json!({ "vpcId": "vpc-2", "holder": OTHER })),
            Some(Running),
            0,
            provision(&json!({})),
            "wait 30",
        ),
    ]);
}

#[test]
fn removes_unless_protected_and_rolls_back_only_what_is_authorized() {
    use HolderStatus::Running;
    assert_decisions([
        (
            "an older removal",
            newer(None),
            None,
            0,
            remove(&json!({})),
            "superseded",
        ),
        (
            "a removal",
            with_identity(&json!({})),
            None,
            0,
            remove(&json!({})),
            "claim",
        ),
        (
            "protected",
            json!({ "protected": true }),
            None,
            0,
            remove(&json!({})),
            "Protected",
        ),
        (
            "not protected any more",
            json!({ "protected": false }),
            None,
            0,
            remove(&json!({})),
            "claim",
        ),
        (
            "a rollback of nothing",
            json!({}),
            None,
            0,
            rollback(),
            "superseded",
        ),
        (
            "a rollback of another execution",
            json!({ "rollbackOf": "run-2" }),
            None,
            0,
            rollback(),
            "superseded",
        ),
        (
            "an authorized rollback, also of what is protected",
            json!({ "rollbackOf": "run-1", "protected": true, "askedAt": START + 1 }),
            None,
            0,
            rollback(),
            "claim",
        ),
        (
            "an authorized rollback that waits",
            json!({ "rollbackOf": "run-1", "holder": OTHER }),
            Some(Running),
            0,
            rollback(),
            "wait 30",
        ),
    ]);
}

#[test]
fn a_claim_says_what_the_record_knows() {
    let rolling_back =
        json!({ "switches": { "adopt": false, "dryRun": false, "onFailure": "rollback" } });
    let protecting = json!({ "protect": true });
    let recorded = with_identity(&json!({ "askedForCache": "bandup-redis", "protected": true }));
    // (record, request, creation recorded, rolls back, protection found and wanted)
    let cases = [
        (
            json!({}),
            provision(&json!({})),
            false,
            false,
            (false, false),
        ),
        (
            json!({}),
            provision(&rolling_back),
            false,
            true,
            (false, false),
        ),
        (
            json!({}),
            provision(&protecting),
            false,
            false,
            (false, true),
        ),
        (
            recorded.clone(),
            provision(&rolling_back),
            true,
            false,
            (true, true),
        ),
        (
            recorded.clone(),
            provision(&json!({ "protect": false })),
            true,
            false,
            (true, false),
        ),
    ];
    for (attributes, request, creation_recorded, rolls_back, protection) in cases {
        let input = message(0, &request);

        let found = decide(&input, &record(&attributes), None).expect("a decision");

        let Decision::Claim(claim, _) = found else {
            panic!("{attributes}: {found:?}");
        };
        assert_eq!(claim.creation_recorded, creation_recorded, "{attributes}");
        assert_eq!(claim.rolls_back, rolls_back, "{attributes}");
        let found = (claim.protection.found, claim.protection.wanted);
        assert_eq!(found, protection, "{attributes}");
    }
}

#[test]
fn a_removal_takes_its_names_from_the_record() {
    let spec = json!({
        "cache": { "name": "sessions", "subnetGroupName": "data", "nodeTyp": "of an earlier version" },
        "parameterPrefix": "/elsewhere"
    });
    let input = message(0, &remove(&json!({})));
    for (attributes, expected) in [
        (json!({ "spec": spec.to_string() }), "sessions"),
        (json!({ "spec": "not JSON" }), "bandup-redis"),
        (json!({}), "bandup-redis"),
    ] {
        let found = decide(&input, &record(&attributes), None).expect("a decision");

        let Decision::Claim(claim, _) = found else {
            panic!("{found:?}");
        };
        assert_eq!(claim.names.cache_name, expected, "{attributes}");
    }
}

fn read(attributes: &Value) -> Answer {
    Answer::ok(json!({ "Item": item(attributes) }).to_string())
}

fn nothing() -> Answer {
    Answer::ok("{}")
}

fn status(status: &str) -> Answer {
    // https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
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

/// The answer to a write whose condition doesn't hold, with the item that is there:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html>
fn lost(attributes: &Value) -> Answer {
    let mut answer = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed"
    });
    answer["Item"] = item(attributes);
    Answer::fault(400, answer.to_string())
}

async fn claimed(
    replay: &Replay,
    seconds_waited: u32,
    request: &Value,
) -> StepResult<ClaimEnvironmentOutput> {
    let config = replay.config();
    let clients = Clients {
        dynamodb: aws_sdk_dynamodb::Client::new(&config),
        sfn: aws_sdk_sfn::Client::new(&config),
    };
    claim(&clients, "environments", message(seconds_waited, request)).await
}

fn is_claimed(output: &ClaimEnvironmentOutput) -> bool {
    matches!(output, ClaimEnvironmentOutput::Claimed(_))
}

#[tokio::test]
async fn a_claim_is_one_write_on_the_record_that_was_read() {
    let replay = Replay::new([read(&json!({ "version": 7 })), nothing()]);

    let found = claimed(&replay, 0, &provision(&json!({ "protect": true }))).await;

    assert!(is_claimed(&found.expect("a claim")));
    let requests = replay.documents();
    assert_eq!(requests[0].0, "GetItem");
    assert_eq!(requests[0].1["ConsistentRead"], true);
    let (operation, update) = &requests[1];
    assert_eq!(operation, "UpdateItem");
    assert_eq!(
        update["ConditionExpression"],
        "attribute_not_exists(holder) AND version = :read_version"
    );
    assert_eq!(
        update["UpdateExpression"],
        "SET holder = :holder, version = :version, lastExecution = :lastExecution, askedAt = :askedAt, spec = :spec, \
         protected = :protected REMOVE takenOverAt, expiresAt, rollbackOf"
    );
    let values = &update["ExpressionAttributeValues"];
    assert_eq!(values[":holder"], json!({ "S": ME }));
    assert_eq!(values[":read_version"], json!({ "N": "7" }));
    assert_eq!(values[":version"], json!({ "N": "8" }));
    assert_eq!(values[":askedAt"], json!({ "N": START.to_string() }));
    assert_eq!(values[":protected"], json!({ "BOOL": true }));
    assert_eq!(update["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
}

#[tokio::test]
async fn a_record_of_an_earlier_version_is_read_and_rewritten() {
    // The attributes that a stack wrote whose state machines claimed by themselves, without versions.
    let before = with_identity(&json!({
        "askedAt": START - 1,
        "lastExecution": OTHER,
        "spec": json!({ "cache": { "name": "bandup-redis" } }).to_string(),
    }));
    let replay = Replay::new([read(&before), nothing()]);

    let found = claimed(&replay, 0, &provision(&json!({}))).await;

    assert!(is_claimed(&found.expect("a claim")));
    let (_, update) = &replay.documents()[1];
    assert_eq!(
        update["ConditionExpression"],
        "attribute_not_exists(holder) AND attribute_not_exists(version)"
    );
    assert_eq!(
        update["ExpressionAttributeValues"][":version"],
        json!({ "N": "1" })
    );
}

#[tokio::test]
async fn a_lost_race_is_decided_anew_by_the_record_that_won() {
    let replay = Replay::new([
        read(&json!({})),
        lost(&json!({ "holder": OTHER, "version": 1, "askedAt": START })),
        status("RUNNING"),
    ]);

    let found = claimed(&replay, 0, &provision(&json!({}))).await;

    assert_eq!(
        found.expect("an answer"),
        ClaimEnvironmentOutput::Held {
            outcome: format!("held by {OTHER}"),
            wait_seconds: 30
        }
    );
}

#[tokio::test]
async fn races_that_are_lost_again_and_again_are_waited_out() {
    let change = |version: u64| lost(&json!({ "version": version }));
    let replay = Replay::new([read(&json!({})), change(1), change(2), change(3)]);

    let found = claimed(&replay, 0, &provision(&json!({}))).await;

    let ClaimEnvironmentOutput::Held { wait_seconds, .. } = found.expect("an answer") else {
        panic!("it claimed nothing");
    };
    assert_eq!(wait_seconds, 5);
}

#[tokio::test]
async fn a_claim_is_taken_over_from_an_execution_that_has_ended() {
    for answer in [
        status("ABORTED"),
        status("TIMED_OUT"),
        status("FAILED"),
        status("SUCCEEDED"),
    ] {
        let replay = Replay::new([
            read(&json!({ "holder": OTHER, "version": 3 })),
            answer,
            nothing(),
        ]);

        let found = claimed(&replay, 30, &provision(&json!({}))).await;

        let ClaimEnvironmentOutput::Held { wait_seconds, .. } = found.expect("an answer") else {
            panic!("it waits for the functions of the former holder");
        };
        assert_eq!(wait_seconds, 45);
        let (_, update) = &replay.documents()[2];
        assert_eq!(
            update["ConditionExpression"],
            "holder = :read_holder AND version = :read_version"
        );
        let values = &update["ExpressionAttributeValues"];
        assert_eq!(values[":takenOverAt"], json!({ "N": "30" }));
        assert_eq!(
            values[":askedAt"],
            Value::Null,
            "nothing is recorded before the wait"
        );
    }
}

#[tokio::test]
async fn an_execution_that_is_not_returned_or_waits_to_be_redriven_keeps_its_claim_for_now() {
    let unknown = Answer::json_fault(400, "ExecutionDoesNotExist", "Execution Does Not Exist");
    for answer in [unknown, status("PENDING_REDRIVE"), status("RUNNING")] {
        let replay = Replay::new([read(&json!({ "holder": OTHER })), answer]);

        let found = claimed(&replay, 30, &provision(&json!({}))).await;

        let ClaimEnvironmentOutput::Held { wait_seconds, .. } = found.expect("an answer") else {
            panic!("it is held");
        };
        assert_eq!(wait_seconds, 30);
        assert_eq!(replay.documents().len(), 2, "nothing was written");
    }
}

#[tokio::test]
async fn a_plan_writes_nothing_and_asks_for_no_holder() {
    let plan = json!({ "switches": { "adopt": false, "dryRun": true, "onFailure": "keep" } });
    let replay = Replay::new([read(&json!({ "holder": OTHER }))]);

    let found = claimed(&replay, 0, &provision(&plan)).await;

    assert!(is_claimed(&found.expect("a plan")));
}

#[tokio::test]
async fn a_rollback_leaves_what_was_last_recorded() {
    let replay = Replay::new([
        read(&json!({ "rollbackOf": "run-1", "version": 2 })),
        nothing(),
    ]);

    let request = remove(&json!({ "rollback": { "execution": "run-1" } }));
    let found = claimed(&replay, 0, &request).await;

    assert!(is_claimed(&found.expect("a claim")));
    let (_, update) = &replay.documents()[1];
    assert_eq!(
        update["UpdateExpression"],
        "SET holder = :holder, version = :version REMOVE takenOverAt"
    );
}

#[tokio::test]
async fn what_aws_refuses_keeps_its_reason() {
    for (code, expected) in [
        // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
        ("AccessDeniedException", ErrorName::AccessDenied),
        (
            "ProvisionedThroughputExceededException",
            ErrorName::Throttled,
        ),
        ("RequestLimitExceeded", ErrorName::Throttled),
        ("ThrottlingException", ErrorName::Throttled),
        ("InternalServerError", ErrorName::ServiceUnavailable),
        ("ResourceNotFoundException", ErrorName::Internal),
    ] {
        let replay = Replay::new([Answer::json_fault(400, code, "no")]);

        let error = claimed(&replay, 0, &provision(&json!({})))
            .await
            .expect_err(code);

        assert_eq!(error.name(), expected, "{code}");
        assert!(error.to_string().starts_with("GetItem bandup: "), "{error}");
    }
}
