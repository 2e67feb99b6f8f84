//! Records of earlier versions of envcache, which a claim reads and rewrites.

use contract::error::ErrorName;
use replay::Replay;
use serde_json::{Value, json};

use super::{
    OTHER, START, claim, claimed, merge, nothing, operations, provision, provision_elsewhere, read,
    remove, rollback, spec, with_identity,
};

/// Returns the attributes of a cache that is being created, as an earlier version wrote them.
fn outdated() -> Value {
    merge(
        replay::identity(),
        json!({
            "askedAt": START - 1,
            "lastExecution": OTHER,
            "spec": spec("bandup-cached-subnet-group"),
            "askedForCache": "bandup-redis",
            "protected": false,
            "rollbackOf": "run-1",
            "version": 7
        }),
    )
}

/// Returns the JSON in a text that a write sets.
fn written(update: &Value, value: &str) -> Value {
    let text = update["ExpressionAttributeValues"][value]["S"].as_str();
    serde_json::from_str(text.expect("a text")).expect("JSON")
}

#[tokio::test]
async fn outdated_attributes_are_rewritten_by_every_claim() {
    for (request, set, removed) in [
        (
            provision(),
            ", lastExecution = :lastExecution, requestedAt = :requestedAt, spec = :spec, protected = :protected",
            ", formerSubnetGroups, formerTags, expiresAt, rollbackOf",
        ),
        (
            remove(),
            ", lastExecution = :lastExecution, requestedAt = :requestedAt",
            ", rollbackOf",
        ),
        (rollback(), ", requestedAt = :requestedAt", ""),
    ] {
        let (_, update) = claimed(&outdated(), &request).await;

        assert_eq!(
            update["UpdateExpression"],
            format!(
                "SET holder = :holder, cacheIdentity = :cacheIdentity, creation = :creation{set} REMOVE \
                 askedAt, askedForCache, vpcId, cacheName, securityGroupName, subnetGroupName, parameterPrefix, \
                 takenOverAt{removed} ADD version :one"
            )
        );
        assert_eq!(written(&update, ":cacheIdentity"), replay::identity());
        assert_eq!(
            written(&update, ":creation"),
            // Of an unknown execution: the earlier version recorded only the cache's name.
            json!({
                "execution": "",
                "placement": [],
                "rejections": [],
                "replaced": false,
                "deletionRequested": false
            })
        );
    }
}

#[tokio::test]
async fn outdated_identity_counts_when_another_is_requested() {
    let replay = Replay::new([read(&outdated())]);

    let error = claim(&replay, 0, &provision_elsewhere())
        .await
        .expect_err("another identity");

    assert_eq!(error.name(), ErrorName::Immutable);
    assert_eq!(operations(&replay), ["GetItem"]);
}

#[tokio::test]
async fn removal_returns_the_values_of_an_outdated_record() {
    let (found, _) = claimed(&outdated(), &remove()).await;

    assert_eq!(found["vpcId"], "vpc-0a1b2c3d4e5f60718");
    assert_eq!(found["creationRecorded"], true);
}

#[tokio::test]
async fn current_attributes_are_written_as_they_were_read() {
    let creation = json!({
        "execution": "run-1",
        "placement": ["ap-southeast-1a"],
        "rejections": [{ "placement": ["ap-southeast-1b"], "reason": "no capacity" }],
        "replaced": true,
        "deletionRequested": true
    });
    let current = with_identity(json!({ "creation": creation.to_string() }));

    let (_, update) = claimed(&current, &provision()).await;

    assert_eq!(written(&update, ":cacheIdentity"), replay::identity());
    assert_eq!(written(&update, ":creation"), creation);
}

#[tokio::test]
async fn record_is_claimed_when_it_has_no_version() {
    // An earlier version of envcache, in which the state machines claimed without a function, wrote none.
    let attributes = json!({ "requestedAt": START - 1, "lastExecution": OTHER });
    let replay = Replay::new([read(&attributes), nothing()]);

    claim(&replay, 0, &provision()).await.expect("an output");

    let (_, update) = &replay.documents()[1];
    assert_eq!(
        update["ConditionExpression"],
        "attribute_not_exists(holder) AND attribute_not_exists(version)"
    );
    let expression = update["UpdateExpression"].as_str().expect("a text");
    assert!(expression.ends_with(" ADD version :one"), "{expression}");
}
