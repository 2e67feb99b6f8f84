//! The subnet groups of earlier requests: a removal deletes them too.

use serde_json::{Value, json};

use super::{claimed, merge, provision, remove, spec, with_identity};

/// The group that `provision` requests.
const REQUESTED: &str = "bandup-cached-subnet-group";

#[tokio::test]
async fn former_groups_are_recorded_unless_requested_again() {
    let last = |name: &str| json!({ "spec": spec(name) });
    let with_former =
        |name: &str, former: Value| merge(last(name), json!({ "formerSubnetGroups": former }));

    for (case, attributes, expected) in [
        ("another is requested", last("data"), json!(["data"])),
        (
            "another is requested a second time",
            with_former("more", json!(["data"])),
            json!(["data", "more"]),
        ),
        (
            "one is already recorded",
            with_former("data", json!(["old", "data"])),
            json!(["data", "old"]),
        ),
        (
            "one is requested again",
            with_former("data", json!([REQUESTED, "old"])),
            json!(["data", "old"]),
        ),
        (
            "the same is requested",
            with_former(REQUESTED, json!(["old"])),
            json!(["old"]),
        ),
        (
            "the cache has been requested meanwhile",
            with_identity(with_former(REQUESTED, json!(["old"]))),
            json!(["old"]),
        ),
    ] {
        let (_, update) = claimed(&attributes, &provision()).await;

        let written = &update["ExpressionAttributeValues"][":formerSubnetGroups"];
        assert_eq!(written, &json!({ "SS": expected }), "{case}");
    }
}

/// Returns a specification with this shared subnet group.
fn with_shared(name: &str) -> Value {
    let spec = spec(name);
    let mut spec: Value = serde_json::from_str(spec.as_str().expect("a text")).expect("JSON");
    let network = spec["network"].as_object_mut().expect("an object");
    network.remove("subnets");
    network.insert("subnetGroup".to_owned(), json!(name));
    json!(spec.to_string())
}

#[tokio::test]
async fn shared_group_is_never_a_former_one() {
    let attributes = json!({ "spec": with_shared("vpc-caches"), "formerSubnetGroups": ["data"] });

    let (_, update) = claimed(&attributes, &provision()).await;

    let written = &update["ExpressionAttributeValues"][":formerSubnetGroups"];
    assert_eq!(written, &json!({ "SS": ["data"] }));
}

#[tokio::test]
async fn removal_keeps_the_shared_group_and_deletes_the_former_ones() {
    let attributes =
        json!({ "spec": with_shared("vpc-caches"), "formerSubnetGroups": ["data", "vpc-caches"] });

    let (found, _) = claimed(&attributes, &remove()).await;

    assert_eq!(found["subnetGroupNames"], json!(["data"]));
    assert_eq!(found["sharedSubnetGroup"], "vpc-caches");
}

#[tokio::test]
async fn attribute_is_removed_when_no_former_group_is_left() {
    for (case, attributes) in [
        ("the first request", json!({})),
        ("the same group", json!({ "spec": spec(REQUESTED) })),
        (
            "the only former group is requested again",
            json!({ "spec": spec(REQUESTED), "formerSubnetGroups": [REQUESTED] }),
        ),
    ] {
        let (_, update) = claimed(&attributes, &provision()).await;

        let expression = update["UpdateExpression"].as_str().expect("a text");
        let (set, remove) = expression.split_once(" REMOVE ").expect("two clauses");
        assert!(!set.contains("formerSubnetGroups"), "{case}: {expression}");
        assert!(
            remove.contains("formerSubnetGroups"),
            "{case}: {expression}"
        );
        // DynamoDB rejects a value that no expression uses.
        let values = &update["ExpressionAttributeValues"];
        assert_eq!(values[":formerSubnetGroups"], Value::Null, "{case}");
    }
}

#[tokio::test]
async fn removal_returns_the_last_group_and_the_former_ones() {
    let attributes = json!({ "spec": spec("last"), "formerSubnetGroups": ["data", "more"] });

    let (found, update) = claimed(&attributes, &remove()).await;

    assert_eq!(found["subnetGroupNames"], json!(["last", "data", "more"]));
    // The record keeps them until they are deleted: another removal may have to finish this one.
    let expression = update["UpdateExpression"].as_str().expect("a text");
    assert!(!expression.contains("formerSubnetGroups"), "{expression}");
}
