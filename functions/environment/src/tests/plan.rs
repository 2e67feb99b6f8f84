//! `PlanEnvironment`: the same decision without a write. There are no replayed answers for a write, so a write would
//! fail.

use contract::error::ErrorName;
use contract::message::BelongsHere;
use replay::dynamodb::item;
use replay::{Answer, Replay};
use serde_json::{Value, json};

use super::{
    ME, OTHER, START, dry_run, held, merge, operations, plan, provision, provision_elsewhere,
    provision_with, read, remove, status, with_identity,
};

/// Returns the plan of an environment that could be claimed, for a request that doesn't adopt.
fn free() -> Value {
    json!({
        "status": "free",
        "plan": { "environment": "bandup", "protected": false },
        "belongsHere": BelongsHere::default(),
        "formerTags": [],
        "engineVersion": null,
    })
}

async fn planned(replay: &Replay, request: &Value) -> Value {
    let output = plan(replay, 30, request).await.expect("an output");
    serde_json::to_value(output).expect("JSON")
}

#[tokio::test]
async fn plan_returns_free_when_claim_would_succeed() {
    for (case, attributes) in [
        ("no attributes", json!({})),
        ("the same identity", with_identity(json!({ "version": 7 }))),
        ("its own claim", json!({ "holder": ME })),
        // A claim would rewrite these.
        (
            "outdated attributes",
            json!({ "askedForCache": "bandup-redis" }),
        ),
    ] {
        let replay = Replay::new([read(&attributes)]);

        let found = planned(&replay, &provision()).await;

        assert_eq!(found, free(), "{case}");
        assert_eq!(operations(&replay), ["GetItem"], "{case}");
    }
}

#[tokio::test]
async fn plan_returns_free_when_there_is_no_record() {
    let replay = Replay::new([Answer::ok("{}")]);

    let found = planned(&replay, &provision()).await;

    assert_eq!(found["status"], "free");
    assert_eq!(operations(&replay), ["GetItem"]);
}

#[tokio::test]
async fn plan_returns_free_when_holder_has_ended() {
    let replay = Replay::new([read(&held()), status("ABORTED")]);

    let found = planned(&replay, &provision()).await;

    assert_eq!(found, free());
    assert_eq!(operations(&replay), ["GetItem", "DescribeExecution"]);
}

#[tokio::test]
async fn plan_returns_held_when_another_run_holds() {
    let replay = Replay::new([read(&held()), status("RUNNING")]);

    let found = planned(&replay, &provision()).await;

    assert_eq!(
        found,
        json!({
            "status": "held",
            "outcome": format!("held by {OTHER}"),
            "waitSeconds": 30,
            "waitedFor": { "holder": OTHER, "since": 30 }
        })
    );
    assert_eq!(operations(&replay), ["GetItem", "DescribeExecution"]);
}

#[tokio::test]
async fn plan_returns_held_when_this_run_has_just_taken_over() {
    let replay = Replay::new([read(&json!({ "holder": ME, "takenOverAt": 30 }))]);

    let found = planned(&replay, &provision()).await;

    assert_eq!(found["status"], "held");
    assert_eq!(found["waitSeconds"], 45);
    assert_eq!(operations(&replay), ["GetItem"]);
}

#[tokio::test]
async fn plan_returns_superseded_when_newer_request_is_recorded() {
    let replay = Replay::new([read(&json!({ "requestedAt": START + 1 }))]);

    let found = planned(&replay, &provision()).await;

    assert_eq!(found["status"], "superseded");
    assert_eq!(operations(&replay), ["GetItem"]);
}

#[tokio::test]
async fn plan_fails_when_identity_differs() {
    for (attributes, expected) in [
        (with_identity(json!({})), vec!["GetItem"]),
        (with_identity(held()), vec!["GetItem", "DescribeExecution"]),
    ] {
        let replay = Replay::new([read(&attributes), status("ABORTED")]);

        let found = plan(&replay, 0, &provision_elsewhere()).await;

        assert_eq!(
            found.expect_err("another identity").name(),
            ErrorName::Immutable
        );
        assert_eq!(operations(&replay), expected);
    }
}

#[tokio::test]
async fn plan_fails_when_environment_is_protected() {
    let replay = Replay::new([read(&json!({ "protected": true }))]);

    let found = plan(&replay, 0, &remove()).await;

    assert_eq!(found.expect_err("protected").name(), ErrorName::Protected);
    assert_eq!(operations(&replay), ["GetItem"]);
}

#[tokio::test]
async fn dry_run_does_not_read_the_holders_status() {
    let replay = Replay::new([read(&held())]);

    let found = planned(&replay, &dry_run()).await;

    assert_eq!(found["status"], "free");
    assert_eq!(operations(&replay), ["GetItem"]);
}

#[tokio::test]
async fn plan_reports_protection_only_when_it_would_change() {
    let protecting = |protect: bool| provision_with(json!({ "protect": protect }));
    let protected = json!({ "protected": true });

    for (attributes, request, expected, change) in [
        (json!({}), provision(), false, Value::Null),
        (
            json!({}),
            protecting(true),
            true,
            json!({ "found": false, "wanted": true }),
        ),
        (protected.clone(), provision(), true, Value::Null),
        (protected.clone(), protecting(true), true, Value::Null),
        (
            protected,
            protecting(false),
            false,
            json!({ "found": true, "wanted": false }),
        ),
    ] {
        let replay = Replay::new([read(&attributes)]);

        let found = planned(&replay, &request).await;

        let found = &found["plan"];
        assert_eq!(found["protected"], expected, "{attributes}");
        assert_eq!(found["protectionChange"], change, "{attributes}");
    }
}

/// Returns the answer to a scan:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html>
fn scanned(records: &[Value], more: Value) -> Answer {
    let items: Vec<_> = records.iter().map(item).collect();
    Answer::ok(merge(json!({ "Items": items }), more).to_string())
}

#[tokio::test]
async fn plan_reads_other_records_only_when_the_request_adopts() {
    let adopting = provision_with(json!({ "options": { "adopt": true } }));
    // Another environment has the subnet group.
    let own = with_identity(json!({}));
    let other = json!({
        "environment": "web",
        "cacheIdentity": merge(
            replay::identity(),
            json!({ "cacheName": "web-redis", "securityGroupName": "web", "parameterPrefix": "/web/cache" })
        ).to_string(),
    });
    let page = json!({ "LastEvaluatedKey": { "environment": { "S": "bandup" } } });
    let replay = Replay::new([read(&own), scanned(&[], page), scanned(&[other], json!({}))]);

    let found = planned(&replay, &adopting).await;

    assert_eq!(
        found["belongsHere"],
        json!({ "cache": true, "securityGroup": true, "subnetGroup": false, "parameters": true })
    );
    assert_eq!(operations(&replay), ["GetItem", "Scan", "Scan"]);
    let (_, scan) = &replay.documents()[1];
    assert_eq!(scan["ConsistentRead"], true);
    assert_eq!(scan["FilterExpression"], "#environment <> :environment");
    assert_eq!(
        scan["ExpressionAttributeNames"],
        json!({ "#environment": "environment" })
    );
    assert_eq!(
        scan["ExpressionAttributeValues"],
        json!({ ":environment": { "S": "bandup" } })
    );
}

#[tokio::test]
async fn plan_names_the_table_when_the_scan_is_denied() {
    let adopting = provision_with(json!({ "options": { "adopt": true } }));
    let denied = Answer::json_fault(400, "AccessDeniedException", "not authorized");
    let replay = Replay::new([read(&json!({})), denied]);

    let error = plan(&replay, 30, &adopting).await.expect_err("no scan");

    assert_eq!(error.name(), ErrorName::AccessDenied);
    assert!(
        error.to_string().starts_with("Scan environments: "),
        "{error}"
    );
}
