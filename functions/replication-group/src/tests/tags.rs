//! Tests of the request's tags.

use contract::error::ErrorName;
use replay::elasticache::list_tags_for_resource;
use replay::{Answer, form, owner_tags};
use serde_json::{Value, json};

use super::{
    ARN, Aws, absent, accepted, adopting, described, held, member, message, no_cluster, rejected,
    same, waiting, with,
};

/// Returns the message of a request with these tags. An earlier request named the tag `stage`.
fn requesting(tags: &Value) -> Value {
    let mut message = with(message(&json!({})), &json!({ "formerTags": ["stage"] }));
    message["spec"]["tags"] = tags.clone();
    message
}

/// Returns an account in which ElastiCache gives this answer after it described an owned group that has these tags.
fn account(tags: &[(&str, &str)], answer: Answer) -> Aws {
    Aws::with_record(
        &held(None),
        [
            described("available", same),
            list_tags_for_resource(&owner_tags("envcache", tags)),
            member(same),
            answer,
        ],
    )
}

#[tokio::test]
async fn new_group_has_owner_tags_and_requested_tags() {
    let aws = Aws::new([absent(), accepted("CreateReplicationGroup")]);

    aws.ensure(requesting(&json!({ "team": "web" })))
        .await
        .expect("requested");

    let request = &aws.elasticache.forms()[1];
    assert_eq!(request["Tags.Tag.2.Key"], "envcache:stack");
    assert_eq!(request["Tags.Tag.3.Key"], "team");
    assert_eq!(request["Tags.Tag.3.Value"], "web");
}

#[tokio::test]
async fn removes_former_tags_first() {
    let found = [("backup", "daily"), ("stage", "test"), ("team", "web")];
    let aws = account(&found, accepted("RemoveTagsFromResource"));

    let output = aws.ensure(requesting(&json!({ "team": "core" }))).await;

    assert_eq!(
        output.expect("removed"),
        waiting("changing tags.stage", 30),
        "one write in a round"
    );
    assert_eq!(
        aws.elasticache.forms()[3],
        form([
            ("Action", "RemoveTagsFromResource"),
            ("ResourceName", ARN),
            ("TagKeys.member.1", "stage"),
        ])
    );
    assert_eq!(aws.record_writes().len(), 1, "it requires the claim");
}

#[tokio::test]
async fn adds_requested_tags_with_owner_tags() {
    let found = [("backup", "daily"), ("team", "web")];
    let aws = account(&found, accepted("AddTagsToResource"));
    let tags = json!({ "cost center": "17", "team": "core" });

    let output = aws.ensure(requesting(&tags)).await.expect("added");

    assert_eq!(output, waiting("changing tags.cost center, tags.team", 30));
    assert_eq!(
        aws.elasticache.forms()[3],
        form([
            ("Action", "AddTagsToResource"),
            ("ResourceName", ARN),
            ("Tags.Tag.1.Key", "envcache:environment"),
            ("Tags.Tag.1.Value", "bandup"),
            ("Tags.Tag.2.Key", "envcache:stack"),
            ("Tags.Tag.2.Value", "envcache"),
            ("Tags.Tag.3.Key", "cost center"),
            ("Tags.Tag.3.Value", "17"),
            ("Tags.Tag.4.Key", "team"),
            ("Tags.Tag.4.Value", "core"),
        ])
    );
}

#[tokio::test]
async fn waits_while_tags_cannot_be_changed() {
    for code in [
        "InvalidReplicationGroupState",
        "InvalidCacheClusterState",
        "CacheClusterNotFound",
    ] {
        for (tags, found) in [
            (json!({}), ("stage", "test")),
            (json!({ "team": "core" }), ("team", "web")),
        ] {
            let aws = account(&[found], rejected(code));

            let output = aws.ensure(requesting(&tags)).await.expect("it waits");

            assert_eq!(output, waiting("found changing", 30), "{code}: {tags}");
        }
    }
}

#[tokio::test]
async fn is_not_found_when_a_tag_was_removed_meanwhile() {
    let not_found = Answer::query_fault(404, "TagNotFound", "AWS's own words.");
    let aws = account(&[("stage", "test")], not_found);

    let error = aws
        .ensure(requesting(&json!({})))
        .await
        .expect_err("it no longer exists");

    assert_eq!(
        error.name(),
        ErrorName::NotFound,
        "the state machine retries this"
    );
}

/// Runs `PlanReplicationGroup` and returns its output.
async fn planned(aws: &Aws, message: Value) -> Value {
    let found = aws.ensure(with(message, &json!({ "plan": true }))).await;
    serde_json::to_value(found.expect("a plan")).expect("JSON")
}

fn action(operation: &str, changes: &Value) -> Value {
    json!({ "operation": operation, "resource": "bandup-redis", "changes": changes })
}

fn difference(key: &str, found: Option<&str>, wanted: Option<&str>) -> Value {
    json!([{ "field": format!("tags.{key}"), "found": found, "wanted": wanted }])
}

#[tokio::test]
async fn plan_lists_tags_with_both_values() {
    let requested = json!({ "team": "core" });
    let found = [("stage", "test"), ("team", "web")];
    let existing = account(&found, accepted("AddTagsToResource"));
    let new = Aws::new([absent(), no_cluster()]);

    let of_change = planned(&existing, requesting(&requested)).await;
    let created = planned(&new, requesting(&requested)).await;

    assert_eq!(
        of_change["actions"],
        json!([
            action(
                "RemoveTagsFromResource",
                &difference("stage", Some("test"), None)
            ),
            action(
                "AddTagsToResource",
                &difference("team", Some("web"), Some("core"))
            ),
        ])
    );
    let changes = created["actions"][0]["changes"]
        .as_array()
        .expect("changes");
    let last = changes.last().expect("a change");
    assert_eq!(json!([last]), difference("team", None, Some("core")));
}

#[tokio::test]
async fn plan_of_an_adoption_hides_values_and_keeps_only_other_tags() {
    let aws = Aws::with_record(
        &held(None),
        [
            described("available", same),
            list_tags_for_resource(&[("backup", "daily"), ("team", "secret")]),
            member(same),
        ],
    );

    let found = planned(&aws, adopting(requesting(&json!({ "team": "core" })))).await;

    assert_eq!(
        found["actions"],
        json!([
            action("AddTagsToResource", &json!([])),
            action(
                "AddTagsToResource",
                &difference("team", Some("another value"), Some("core"))
            ),
        ])
    );
    let kept = found["kept"].as_array().expect("kept settings");
    let tags = kept.iter().find(|kept| kept["setting"] == "other tags");
    assert_eq!(tags.expect("a tag")["value"], "backup");
}
