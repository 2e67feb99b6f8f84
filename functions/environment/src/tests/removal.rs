//! Removals and rollbacks.

use serde_json::{Value, json};

use super::{
    ME, OTHER, START, claimed, decide, merge, remove, remove_with, rollback, with_identity, word,
};
use crate::decide::HolderStatus::{Ended, Running};

/// Returns the attributes of a cache with other names than the removal requests.
fn recorded() -> Value {
    json!({
        "version": 7,
        "lastExecution": OTHER,
        "spec": json!({
            "cache": {
                "name": "sessions",
                "securityGroupName": "sessions-sg",
                "subnetGroupName": "data",
                "nodeTyp": "of an earlier version"
            },
            "parameterPrefix": "/elsewhere"
        }).to_string(),
        "creation": json!({ "execution": "run-1" }).to_string(),
        "cacheIdentity": replay::identity().to_string(),
        "formerSubnetGroups": ["old"],
        "rollbackOf": "run-1"
    })
}

#[test]
fn removes_unless_the_environment_is_protected() {
    for (case, attributes, expected) in [
        ("no record", json!({}), "claim"),
        ("a cache", with_identity(json!({})), "claim"),
        ("protected", json!({ "protected": true }), "Protected"),
        (
            "no longer protected",
            json!({ "protected": false }),
            "claim",
        ),
    ] {
        let found = decide(&attributes, None, 0, &remove());

        assert_eq!(word(found), expected, "{case}");
    }
}

#[test]
fn rejects_removal_of_protected_environment_before_takeover() {
    let protected = json!({ "holder": OTHER, "protected": true });

    for (holder, expected) in [
        // The other run may turn protection off.
        (Running, "wait 30"),
        (Ended, "Protected"),
    ] {
        let found = decide(&protected, Some(holder), 0, &remove());

        assert_eq!(word(found), expected, "{holder:?}");
    }
}

#[test]
fn rolls_back_only_the_recorded_execution() {
    let authorized = json!({ "rollbackOf": "run-1" });

    for (case, attributes, holder, expected) in [
        ("no record", json!({}), None, "superseded"),
        (
            "another execution",
            json!({ "rollbackOf": "run-2" }),
            None,
            "superseded",
        ),
        ("authorized", authorized.clone(), None, "claim"),
        (
            "authorized, protected, and older than the record",
            merge(
                authorized.clone(),
                json!({ "protected": true, "requestedAt": START + 1 }),
            ),
            None,
            "claim",
        ),
        (
            "authorized, but another run holds the environment",
            merge(authorized, json!({ "holder": OTHER })),
            Some(Running),
            "wait 30",
        ),
    ] {
        let found = decide(&attributes, holder, 0, &rollback());

        assert_eq!(word(found), expected, "{case}");
    }
}

#[tokio::test]
async fn removal_returns_recorded_names() {
    let request = remove_with(json!({ "finalSnapshot": true }));

    let (found, _) = claimed(&recorded(), &request).await;

    assert_eq!(
        found,
        json!({
            "cacheName": "sessions",
            "creationRecorded": true,
            "finalSnapshot": format!("sessions-final-{START}"),
            "subnetGroupNames": ["data", "old"],
            "sharedSubnetGroup": null,
            "securityGroupName": "sessions-sg",
            "vpcId": "vpc-0a1b2c3d4e5f60718",
            "parameterPrefix": "/elsewhere",
            "createdBy": null,
            "forgotten": "creation, cacheIdentity, engineVersion, restoredFrom, observed, rollbackOf, spec, formerSubnetGroups, formerTags, protected",
            // 90 days after the start.
            "expiresAt": "1803204000"
        })
    );
}

#[tokio::test]
async fn removal_returns_requested_names_without_a_record() {
    for attributes in [json!({}), json!({ "spec": "not JSON" })] {
        let (found, _) = claimed(&attributes, &remove()).await;

        assert_eq!(
            found,
            json!({
                "cacheName": "bandup-redis",
                "creationRecorded": false,
                "finalSnapshot": null,
                "subnetGroupNames": ["bandup-cached-subnet-group"],
                "sharedSubnetGroup": null,
                "securityGroupName": "redis-sg",
                "vpcId": null,
                "parameterPrefix": "/bandup/cache",
                "createdBy": null,
                "forgotten": "creation, cacheIdentity, engineVersion, restoredFrom, observed, rollbackOf, spec, formerSubnetGroups, formerTags, protected",
                "expiresAt": "1803204000"
            }),
            "{attributes}"
        );
    }
}

#[tokio::test]
async fn rollback_returns_the_execution_and_keeps_protection() {
    let attributes = merge(recorded(), json!({ "protected": true }));

    let (found, _) = claimed(&attributes, &rollback()).await;

    assert_eq!(found["createdBy"], "run-1");
    // The cache existed before the failed run, and stays protected.
    assert_eq!(
        found["forgotten"],
        "creation, cacheIdentity, engineVersion, restoredFrom, observed, rollbackOf"
    );
}

#[tokio::test]
async fn removal_records_its_request_and_keeps_the_spec() {
    let (_, update) = claimed(&json!({ "version": 7, "rollbackOf": "run-1" }), &remove()).await;

    assert_eq!(
        update["UpdateExpression"],
        "SET holder = :holder, lastExecution = :lastExecution, requestedAt = :requestedAt REMOVE askedAt, askedForCache, vpcId, \
         cacheName, securityGroupName, subnetGroupName, parameterPrefix, takenOverAt, rollbackOf ADD version :one"
    );
    assert_eq!(
        update["ExpressionAttributeValues"],
        json!({
            ":holder": { "S": ME },
            ":lastExecution": { "S": ME },
            ":requestedAt": { "N": START.to_string() },
            ":read_version": { "N": "7" },
            ":one": { "N": "1" }
        })
    );
}

#[tokio::test]
async fn removal_records_when_its_event_requested_it() {
    for (requested_at, expected) in [(START - 1000, START - 1000), (START + 1000, START)] {
        let request = remove_with(json!({ "requestedAt": requested_at }));

        let (_, update) = claimed(&json!({}), &request).await;

        let written = &update["ExpressionAttributeValues"][":requestedAt"];
        assert_eq!(written, &json!({ "N": expected.to_string() }));
    }
}

#[tokio::test]
async fn rollback_keeps_the_last_recorded_request() {
    // The failed execution stays the last one, and its authorization stays until the rollback has ended.
    let (_, update) = claimed(&json!({ "rollbackOf": "run-1", "version": 2 }), &rollback()).await;

    assert_eq!(
        update["UpdateExpression"],
        "SET holder = :holder REMOVE askedAt, askedForCache, vpcId, cacheName, securityGroupName, subnetGroupName, \
         parameterPrefix, takenOverAt ADD version :one"
    );
    assert_eq!(
        update["ExpressionAttributeValues"],
        json!({
            ":holder": { "S": ME },
            ":read_version": { "N": "2" },
            ":one": { "N": "1" }
        })
    );
}
