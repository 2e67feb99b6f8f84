//! Tests of the request's tags.

use aws_sdk_elasticache::Client;
use contract::error::{ErrorName, StepResult};
use contract::message::EnsureSubnetGroupOutput;
use replay::elasticache::{accepted, list_tags_for_resource};
use replay::{Answer, Replay, form, network, owner_tags, reference};
use serde_json::{Value, json};

use super::{ARN, absent, up_to_date};
use crate::ensure;

/// Runs `EnsureSubnetGroup` for a request with these tags. An earlier request named the tag `stage`.
async fn ensured(
    replay: &Replay,
    tags: &Value,
    options: &Value,
) -> StepResult<EnsureSubnetGroupOutput> {
    let client = Client::new(&replay.config());
    let mut message = reference(json!({ "network": network(), "formerTags": ["stage"] }));
    message["plan"] = json!(options["dryRun"] == true);
    message["spec"]["options"] = options.clone();
    message["spec"]["tags"] = tags.clone();
    let message = serde_json::from_value(message).expect("the message");
    ensure(&client, "envcache", message).await
}

/// Returns the owner tags and these tags.
fn tagged(more: &[(&str, &str)]) -> Answer {
    list_tags_for_resource(&owner_tags("envcache", more))
}

#[tokio::test]
async fn new_group_has_owner_tags_and_requested_tags() {
    let replay = Replay::new([absent(), accepted("CreateCacheSubnetGroup")]);

    ensured(&replay, &json!({ "team": "web" }), &json!({}))
        .await
        .expect("created");

    let request = &replay.forms()[1];
    assert_eq!(request["Tags.Tag.2.Key"], "envcache:stack");
    assert_eq!(request["Tags.Tag.3.Key"], "team");
    assert_eq!(request["Tags.Tag.3.Value"], "web");
}

#[tokio::test]
async fn removes_former_tags_and_adds_requested_ones_with_owner_tags() {
    let found = tagged(&[("backup", "daily"), ("stage", "test"), ("team", "web")]);
    let replay = Replay::new([
        up_to_date(),
        found,
        accepted("RemoveTagsFromResource"),
        accepted("AddTagsToResource"),
    ]);

    ensured(&replay, &json!({ "team": "core" }), &json!({}))
        .await
        .expect("updated");

    assert_eq!(
        replay.forms()[2..],
        [
            form([
                ("Action", "RemoveTagsFromResource"),
                ("ResourceName", ARN),
                ("TagKeys.member.1", "stage"),
            ]),
            form([
                ("Action", "AddTagsToResource"),
                ("ResourceName", ARN),
                ("Tags.Tag.1.Key", "envcache:environment"),
                ("Tags.Tag.1.Value", "bandup"),
                ("Tags.Tag.2.Key", "envcache:stack"),
                ("Tags.Tag.2.Value", "envcache"),
                ("Tags.Tag.3.Key", "team"),
                ("Tags.Tag.3.Value", "core"),
            ]),
        ]
    );
}

#[tokio::test]
async fn is_not_found_when_a_tag_was_removed_meanwhile() {
    let not_found = Answer::query_fault(404, "TagNotFound", "AWS's own words.");
    let replay = Replay::new([up_to_date(), tagged(&[("stage", "test")]), not_found]);

    let error = ensured(&replay, &json!({}), &json!({}))
        .await
        .expect_err("it no longer exists");

    assert_eq!(
        error.name(),
        ErrorName::NotFound,
        "the state machine retries this"
    );
}

#[tokio::test]
async fn plan_lists_tags_with_both_values() {
    let plan = json!({ "dryRun": true });
    let requested = json!({ "team": "core" });
    let found = tagged(&[("stage", "test"), ("team", "web")]);
    let replay = Replay::new([up_to_date(), found]);
    let adopting = Replay::new([up_to_date(), tagged(&[]).replaced("envcache:", "other:")]);

    let changed = ensured(&replay, &requested, &plan).await.expect("a plan");
    let adopted = ensured(
        &adopting,
        &requested,
        &json!({ "dryRun": true, "adopt": true }),
    )
    .await;

    let action = |operation: &str, changes: Value| json!({ "operation": operation, "resource": "bandup-cached-subnet-group", "changes": changes });
    let difference = |key: &str, found: Value, wanted: Value| json!([{ "field": format!("tags.{key}"), "found": found, "wanted": wanted }]);
    let (add, remove) = ("AddTagsToResource", "RemoveTagsFromResource");
    assert_eq!(
        serde_json::to_value(changed.actions).expect("JSON"),
        json!([
            action(remove, difference("stage", json!("test"), Value::Null)),
            action(add, difference("team", json!("web"), json!("core"))),
        ])
    );
    assert_eq!(
        serde_json::to_value(adopted.expect("a plan").actions).expect("JSON"),
        json!([
            action(add, json!([])),
            action(add, difference("team", Value::Null, json!("core"))),
        ])
    );
}
