//! The tags of earlier requests: a run removes them from the resources.

use replay::Replay;
use serde_json::{Value, json};

use super::{claimed, merge, plan, provision_with, read, remove, rollback};

/// Returns the recorded specification of a request for these tags.
fn spec(tags: &Value) -> Value {
    let mut spec = replay::reference(json!({}))["spec"].take();
    spec["tags"] = tags.clone();
    spec.to_string().into()
}

/// Returns the cases: a record, the requested tags, and the keys to remove.
fn cases() -> [(&'static str, Value, Value, Value); 5] {
    let last = |tags: Value| json!({ "spec": spec(&tags) });
    let with_former =
        |tags: Value, former: Value| merge(last(tags), json!({ "formerTags": former }));
    let two = json!({ "team": "web", "stage": "test" });
    [
        (
            "one is no longer requested",
            last(two.clone()),
            json!({ "team": "core", "owner": "a" }),
            json!(["stage"]),
        ),
        (
            "none is requested",
            last(two.clone()),
            json!({}),
            json!(["stage", "team"]),
        ),
        // The run of the last request ended before it had updated every resource.
        (
            "one of an earlier request is still recorded",
            with_former(two.clone(), json!(["cost center", "team"])),
            json!({}),
            json!(["cost center", "stage", "team"]),
        ),
        (
            "one of an earlier request is requested again",
            with_former(two, json!(["cost center", "owner"])),
            json!({ "owner": "a" }),
            json!(["cost center", "stage", "team"]),
        ),
        (
            "keys that differ in case are different tags",
            last(json!({ "team": "web" })),
            json!({ "Team": "web" }),
            json!(["team"]),
        ),
    ]
}

#[tokio::test]
async fn former_keys_are_returned_and_recorded_by_the_claim() {
    for (case, attributes, requested, expected) in cases() {
        let request = provision_with(json!({ "tags": requested }));

        let (found, update) = claimed(&attributes, &request).await;

        assert_eq!(found["formerTags"], expected, "{case}");
        let written = &update["ExpressionAttributeValues"][":formerTags"];
        assert_eq!(written, &json!({ "SS": expected }), "{case}");
    }
}

#[tokio::test]
async fn former_keys_are_returned_by_a_plan() {
    for (case, attributes, requested, expected) in cases() {
        let request = provision_with(json!({ "tags": requested }));
        let replay = Replay::new([read(&attributes)]);

        let found = plan(&replay, 0, &request).await.expect("an output");

        let found = serde_json::to_value(found).expect("JSON");
        assert_eq!(found["formerTags"], expected, "{case}");
    }
}

#[tokio::test]
async fn attribute_is_removed_when_every_former_key_is_requested_again() {
    let attributes = json!({ "spec": spec(&json!({})), "formerTags": ["team"] });
    let request = provision_with(json!({ "tags": { "team": "web" } }));

    let (_, update) = claimed(&attributes, &request).await;

    let expression = update["UpdateExpression"].as_str().expect("a text");
    let (set, remove) = expression.split_once(" REMOVE ").expect("two clauses");
    assert!(!set.contains("formerTags"), "{expression}");
    assert!(remove.contains("formerTags"), "{expression}");
    // DynamoDB rejects a value that no expression uses.
    let values = &update["ExpressionAttributeValues"];
    assert_eq!(values[":formerTags"], Value::Null);
}

#[tokio::test]
async fn removal_and_rollback_keep_the_attribute() {
    let attributes = json!({
        "spec": spec(&json!({ "team": "web" })),
        "formerTags": ["stage"],
        "rollbackOf": "run-1"
    });
    for request in [remove(), rollback()] {
        let (_, update) = claimed(&attributes, &request).await;

        let expression = update["UpdateExpression"].as_str().expect("a text");
        assert!(!expression.contains("formerTags"), "{expression}");
    }
}
