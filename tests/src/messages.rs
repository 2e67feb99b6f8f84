//! Sample messages, with every field, to the functions that the state machines invoke.

use std::collections::BTreeMap;

use replay::network;
use serde_json::{Value, json};

/// Returns a message for each function, by the function's logical ID. `spec` is the specification in the messages.
///
/// # Panics
/// Panics if a message isn't an object.
#[must_use]
pub fn of(spec: &Value) -> BTreeMap<&'static str, Value> {
    let endpoints = json!({
        "primary": { "host": "cache.example", "port": 6379 },
        "reader": { "host": "reader.example", "port": 6379 }
    });
    let group = json!({ "plan": false, "spec": spec, "belongsHere": false, "formerTags": ["team"], "network": network() });
    let request = json!({
        "environment": "bandup",
        "finalSnapshot": true,
        "cache": { "name": "bandup-redis" }
    });
    let messages = [
        (
            "ResolveNetwork",
            json!({
                "policy": { "adoption": "manual", "allowedNodeTypes": "", "allowLogDelivery": "true" },
                "request": request
            }),
        ),
        ("ResolveRemoval", json!({ "request": request })),
        (
            "ClaimEnvironment",
            json!({
                "executionArn": "arn:aws:states:ap-southeast-1:123456789012:execution:provision:run-1",
                "startedAt": 1_795_341_600_000_i64,
                "secondsWaited": 0,
                "waitedFor": null,
                "plan": false,
                "request": { "provision": { "spec": spec, "network": network() } }
            }),
        ),
        ("EnsureSecurityGroup", group.clone()),
        ("EnsureSubnetGroup", group),
        (
            "EnsureLogGroup",
            json!({ "plan": false, "spec": spec, "belongsHere": false, "formerTags": ["team"] }),
        ),
        (
            "EnsureParameterGroup",
            json!({
                "plan": false,
                "spec": spec,
                "formerTags": ["team"],
                "recordedEngineVersion": "8.1.0",
                "defaultEngineVersion": "8.2"
            }),
        ),
        (
            "EnsureReplicationGroup",
            json!({
                "executionArn": "arn:aws:states:ap-southeast-1:123456789012:execution:provision:run-1",
                "plan": false,
                "spec": spec,
                "belongsHere": false,
                "formerTags": ["team"],
                "network": network(),
                "securityGroupId": "sg-0c1b2c3d4e5f60718",
                "parameterGroup": "bandup-redis-valkey8",
                "formerParameterGroups": ["bandup-redis-valkey7"],
                "pendingParameters": [],
                "defaultEngineVersion": "8.2",
                "secondsWaited": 0
            }),
        ),
        (
            "CheckReplicationGroup",
            json!({ "cacheName": "bandup-redis", "restores": false, "secondsWaited": 45 }),
        ),
        ("VerifyEndpoint", json!({ "endpoints": endpoints })),
        (
            "PublishEndpoint",
            json!({ "plan": false, "spec": spec, "belongsHere": false, "formerTags": ["team"], "endpoints": endpoints }),
        ),
        (
            "RetractEndpoint",
            json!({ "parameterPrefix": "/bandup/cache", "createdBy": null }),
        ),
    ];
    messages
        .into_iter()
        .chain(deletions())
        .map(|(function, mut message)| {
            message["environment"] = json!("bandup");
            message["execution"] = json!("run-1");
            (function, message)
        })
        .collect()
}

/// Returns the messages to the functions that delete a resource.
fn deletions() -> [(&'static str, Value); 4] {
    [
        (
            "DeleteReplicationGroup",
            json!({
                "plan": false,
                "cacheName": "bandup-redis",
                "creationRecorded": true,
                "finalSnapshot": "bandup-redis-final-1",
                "secondsWaited": 0,
                "createdBy": null
            }),
        ),
        (
            "DeleteSubnetGroup",
            json!({
                "subnetGroupNames": ["bandup-cached-subnet-group"],
                "sharedSubnetGroup": "vpc-caches",
                "secondsWaited": 0,
                "createdBy": null
            }),
        ),
        (
            "DeleteParameterGroup",
            json!({
                "cacheName": "bandup-redis",
                "parameterGroups": ["bandup-redis-valkey7"],
                "secondsWaited": 0,
                "createdBy": null
            }),
        ),
        (
            "DeleteSecurityGroup",
            json!({
                "securityGroupName": "redis-sg",
                "vpcId": "vpc-0a1b2c3d4e5f60718",
                "secondsWaited": 0,
                "createdBy": null
            }),
        ),
    ]
}
