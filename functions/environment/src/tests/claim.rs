//! The claim of a provisioning run.

use contract::error::ErrorName;
use contract::message::{ClaimEnvironmentOutput, WaitedFor};
use replay::dynamodb::condition_failed;
use replay::{Answer, Replay};
use serde_json::{Value, json};

use super::{
    ME, OTHER, START, claim, claimed, held, merge, nothing, operations, provision,
    provision_elsewhere, provision_with, read, remove, status, with_identity, write,
};

#[tokio::test]
async fn claims_with_one_write_on_the_record_as_read() {
    let request = provision_with(json!({ "protect": true }));
    let replay = Replay::new([read(&json!({ "version": 7 })), nothing()]);

    let found = claim(&replay, 0, &request).await.expect("an output");

    assert!(matches!(found, ClaimEnvironmentOutput::Claimed { .. }));
    let requests = replay.documents();
    assert_eq!(requests.len(), 2);
    let (operation, get) = &requests[0];
    assert_eq!(operation, "GetItem");
    assert_eq!(get["TableName"], "environments");
    assert_eq!(get["Key"], json!({ "environment": { "S": "bandup" } }));
    assert_eq!(get["ConsistentRead"], true);
    let update = write(&replay);
    assert_eq!(update["TableName"], "environments");
    assert_eq!(update["Key"], json!({ "environment": { "S": "bandup" } }));
    assert_eq!(
        update["ConditionExpression"],
        "attribute_not_exists(holder) AND version = :read_version"
    );
    assert_eq!(
        update["UpdateExpression"],
        "SET holder = :holder, lastExecution = :lastExecution, requestedAt = :requestedAt, spec = :spec, \
         protected = :protected REMOVE askedAt, askedForCache, vpcId, cacheName, securityGroupName, subnetGroupName, \
         parameterPrefix, takenOverAt, formerSubnetGroups, formerTags, expiresAt, rollbackOf ADD version :one"
    );
    let mut values = update["ExpressionAttributeValues"].clone();
    let spec = values[":spec"]["S"].take();
    let spec: Value = serde_json::from_str(spec.as_str().expect("a text")).expect("JSON");
    assert_eq!(spec["cache"]["name"], "bandup-redis");
    assert_eq!(
        values,
        json!({
            ":holder": { "S": ME },
            ":read_version": { "N": "7" },
            ":lastExecution": { "S": ME },
            ":requestedAt": { "N": START.to_string() },
            ":spec": { "S": null },
            ":protected": { "BOOL": true },
            ":one": { "N": "1" }
        })
    );
    assert_eq!(update["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
}

#[tokio::test]
async fn claims_when_there_is_no_record() {
    let replay = Replay::new([nothing(), nothing()]);

    let found = claim(&replay, 0, &provision()).await.expect("an output");

    assert!(matches!(found, ClaimEnvironmentOutput::Claimed { .. }));
    assert_eq!(
        write(&replay)["ConditionExpression"],
        "attribute_not_exists(holder) AND attribute_not_exists(version)"
    );
}

#[tokio::test]
async fn claims_again_when_the_reply_was_lost() {
    let own = json!({ "holder": ME, "version": 8 });

    let (_, update) = claimed(&own, &provision()).await;

    assert_eq!(
        update["ConditionExpression"],
        "holder = :read_holder AND version = :read_version"
    );
    let values = &update["ExpressionAttributeValues"];
    assert_eq!(values[":read_holder"], json!({ "S": ME }));
    assert_eq!(values[":read_version"], json!({ "N": "8" }));
}

#[tokio::test]
async fn records_the_events_time_unless_it_is_in_the_future() {
    for (time, expected) in [
        ("2026-11-23T09:59:59Z", START - 1000),
        // Otherwise, an event from the future would block all requests until then.
        ("2026-11-23T10:00:01Z", START),
    ] {
        let request = provision_with(json!({ "event": { "id": "e", "time": time } }));

        let (_, update) = claimed(&json!({}), &request).await;

        let requested_at = &update["ExpressionAttributeValues"][":requestedAt"];
        assert_eq!(
            requested_at,
            &json!({ "N": expected.to_string() }),
            "{time}"
        );
    }
}

#[tokio::test]
async fn returns_the_requested_identity_when_it_claims() {
    let (found, _) = claimed(&json!({}), &provision()).await;

    let text = found["identity"].as_str().expect("a text");
    let found: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(found, replay::identity());
}

#[tokio::test]
async fn requests_a_rollback_only_when_there_is_no_cache() {
    let options =
        |on_failure: &str| json!({ "adopt": false, "dryRun": false, "onFailure": on_failure });
    let keeping = provision_with(json!({ "options": options("keep") }));
    let rolling_back = provision_with(json!({ "options": options("rollback") }));

    for (case, attributes, request, expected) in [
        ("not requested", json!({}), &keeping, false),
        ("no cache yet", json!({}), &rolling_back, true),
        ("a cache", with_identity(json!({})), &rolling_back, false),
    ] {
        let (found, _) = claimed(&attributes, request).await;

        assert_eq!(found["rollbackRequested"], expected, "{case}");
    }
}

#[tokio::test]
async fn keeps_the_protection_unless_the_request_changes_it() {
    let protecting = |protect: Value| provision_with(json!({ "protect": protect }));

    for (recorded, request, expected) in [
        (json!({}), provision(), false),
        (json!({}), protecting(json!(true)), true),
        (json!({ "protected": true }), provision(), true),
        (json!({ "protected": true }), protecting(json!(true)), true),
        (
            json!({ "protected": true }),
            protecting(json!(false)),
            false,
        ),
    ] {
        let (found, update) = claimed(&recorded, &request).await;

        assert_eq!(found["protected"], expected, "{recorded}");
        let written = &update["ExpressionAttributeValues"][":protected"];
        assert_eq!(written, &json!({ "BOOL": expected }), "{recorded}");
    }
}

fn waits_for_other(since: u32) -> WaitedFor {
    WaitedFor {
        holder: OTHER.to_owned(),
        since,
    }
}

#[tokio::test]
async fn decides_again_with_current_record_after_failed_write() {
    let replay = Replay::new([
        read(&json!({})),
        condition_failed(Some(
            &json!({ "holder": OTHER, "version": 1, "requestedAt": START }),
        )),
        status("RUNNING"),
    ]);

    let found = claim(&replay, 0, &provision()).await;

    assert_eq!(
        found.expect("an output"),
        ClaimEnvironmentOutput::Held {
            outcome: format!("held by {OTHER}"),
            wait_seconds: 30,
            waited_for: Some(waits_for_other(0)),
        }
    );
}

#[tokio::test]
async fn waits_5_seconds_after_three_failed_writes() {
    let change = |version: u64| condition_failed(Some(&json!({ "version": version })));
    let replay = Replay::new([read(&json!({})), change(1), change(2), change(3)]);

    let found = claim(&replay, 0, &provision()).await;

    let ClaimEnvironmentOutput::Held { wait_seconds, .. } = found.expect("an output") else {
        panic!("it claimed nothing");
    };
    assert_eq!(wait_seconds, 5);
    let update = write(&replay);
    assert_eq!(
        update["ExpressionAttributeValues"][":read_version"],
        json!({ "N": "2" })
    );
}

#[tokio::test]
async fn takes_over_and_waits_when_the_holder_has_ended() {
    for ended in ["ABORTED", "TIMED_OUT", "FAILED", "SUCCEEDED"] {
        let replay = Replay::new([read(&held()), status(ended), nothing()]);

        let found = claim(&replay, 30, &provision()).await;

        // The functions of the former holder may still write.
        assert_eq!(
            found.expect("an output"),
            ClaimEnvironmentOutput::Held {
                outcome: format!("taken over from {OTHER}, which has ended"),
                wait_seconds: 45,
                waited_for: None,
            },
            "{ended}"
        );
        let update = write(&replay);
        assert_eq!(
            update["ConditionExpression"],
            "holder = :read_holder AND version = :read_version"
        );
        // The request is recorded after the wait, and not before.
        assert_eq!(
            update["UpdateExpression"],
            "SET holder = :holder, takenOverAt = :takenOverAt ADD version :one"
        );
        assert_eq!(
            update["ExpressionAttributeValues"],
            json!({
                ":holder": { "S": ME },
                ":takenOverAt": { "N": "30" },
                ":read_holder": { "S": OTHER },
                ":read_version": { "N": "3" },
                ":one": { "N": "1" }
            })
        );
    }
}

#[tokio::test]
async fn takes_over_nothing_when_the_request_is_rejected() {
    for (attributes, request, expected) in [
        (
            with_identity(held()),
            provision_elsewhere(),
            ErrorName::Immutable,
        ),
        (
            merge(held(), json!({ "protected": true })),
            remove(),
            ErrorName::Protected,
        ),
    ] {
        let replay = Replay::new([read(&attributes), status("ABORTED"), nothing()]);

        let error = claim(&replay, 0, &request).await.expect_err("a rejection");

        assert_eq!(error.name(), expected);
        assert_eq!(operations(&replay), ["GetItem", "DescribeExecution"]);
    }
}

#[tokio::test]
async fn writes_nothing_when_the_holder_may_still_run() {
    let unknown = Answer::json_fault(400, "ExecutionDoesNotExist", "Execution Does Not Exist");

    for answer in [unknown, status("PENDING_REDRIVE"), status("RUNNING")] {
        let replay = Replay::new([read(&held()), answer]);

        let found = claim(&replay, 30, &provision()).await;

        assert_eq!(
            found.expect("an output"),
            ClaimEnvironmentOutput::Held {
                outcome: format!("held by {OTHER}"),
                wait_seconds: 30,
                waited_for: Some(waits_for_other(30)),
            }
        );
        assert_eq!(operations(&replay), ["GetItem", "DescribeExecution"]);
    }
}

#[tokio::test]
async fn keeps_the_error_name_when_dynamodb_rejects() {
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
        let rejection = Answer::json_fault(400, code, "no");

        for (answers, operation) in [
            (vec![rejection.clone()], "GetItem"),
            (vec![nothing(), rejection], "UpdateItem"),
        ] {
            let replay = Replay::new(answers);

            let error = claim(&replay, 0, &provision()).await.expect_err(code);

            assert_eq!(error.name(), expected, "{code}");
            let cause = format!("{operation} bandup: ");
            assert!(error.to_string().starts_with(&cause), "{error}");
        }
    }
}

#[tokio::test]
async fn keeps_the_error_name_when_step_functions_rejects() {
    let rejection = Answer::json_fault(400, "AccessDeniedException", "no");
    let replay = Replay::new([read(&held()), rejection]);

    let error = claim(&replay, 0, &provision()).await.expect_err("an error");

    assert_eq!(error.name(), ErrorName::AccessDenied);
    let cause = format!("DescribeExecution {OTHER}: ");
    assert!(error.to_string().starts_with(&cause), "{error}");
}
