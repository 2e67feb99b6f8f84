//! Removal of an environment's cache: owned resources are deleted, unowned ones are kept.

use envcache_tests::{Ended, Environment, array, fast_world as world, text, unmanaged, until};
use local::gateway::elasticache::{Lifecycle, Outcome};
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

/// Returns an environment that has a cache.
fn provisioned() -> Environment {
    let environment = world().environment();
    let ended = world().run(&environment.request());
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    environment
}

/// Runs a manual removal, with only the environment's name as input.
fn remove(environment: &Environment) -> Ended {
    world().remove(&json!({ "environment": environment.name }))
}

/// Checks that only the environment's network exists, and that its record holds no identity.
fn assert_removed(environment: &Environment) {
    assert!(environment.cache(world()).is_err(), "the cache");
    assert!(subnet_group(environment).is_none(), "the subnet group");
    assert_eq!(
        world().security_groups(environment),
        ["backend", "default"],
        "the security group"
    );
    assert!(environment.parameters(world()).is_empty());
    let record = environment.record(world()).expect("a record");
    let mut fields: Vec<_> = record.as_object().expect("fields").keys().collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "environment",
            "expiresAt",
            "lastExecution",
            "lastResult",
            "requestedAt",
            "resultAt",
            "version"
        ],
        "only the result, and what a late event is compared with: {record}"
    );
}

fn subnet_group(environment: &Environment) -> Option<Value> {
    let name = format!("{}-cached-subnet-group", environment.name);
    world()
        .aws
        .call(
            "elasticache",
            "describe_cache_subnet_groups",
            &json!({ "CacheSubnetGroupName": name }),
        )
        .ok()
}

#[test]
fn removal_event_deletes_everything_and_is_announced() {
    let environment = provisioned();
    let listener = world().listen("envcache");

    let ended = world().deliver(
        "Environment Deleted",
        &json!({ "environment": environment.name }),
    );

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let retracted: Vec<_> = ["primary-endpoint", "host", "port", "url"]
        .map(|leaf| format!("/{}/cache/{leaf}", environment.name))
        .into();
    let output = json!({
        "environment": environment.name,
        "removed": true,
        "rolledBack": null,
        "parameters": retracted,
        "finalSnapshot": null,
        "left": [],
    });
    assert_eq!(ended.output, output);
    assert_removed(&environment);
    let announced = listener.wait_for(&environment.name);
    assert_eq!(announced["detail-type"], "Cache Removed", "{announced}");
    assert_eq!(announced["detail"]["removed"], true, "{announced}");
}

#[test]
fn removal_deletes_the_subnet_group_of_an_earlier_request() {
    let environment = world().environment();
    // The groups are created, and the cache isn't requested.
    environment.fault_scope.inject(Rule {
        step: "EnsureReplicationGroup".to_owned(),
        operation: "GetItem".to_owned(),
        when: When::Every,
        fault: Fault::AccessDenied,
    });
    let failed = world().run(&environment.request());
    assert_eq!(failed.error, "AccessDenied", "{failed:?}");
    assert!(subnet_group(&environment).is_some(), "it was created");
    environment.fault_scope.clear_faults();
    let other = json!({ "subnetGroupName": format!("{}-other", environment.name) });
    let renamed = world().run(&environment.request_with("/cache", other));
    assert_eq!(renamed.status, "SUCCEEDED", "{renamed:?}");

    let ended = remove(&environment);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(subnet_group(&environment), None, "it is deleted");
    let name = format!("{}-other", environment.name);
    let chosen = world().aws.call(
        "elasticache",
        "describe_cache_subnet_groups",
        &json!({ "CacheSubnetGroupName": name }),
    );
    assert!(chosen.is_err(), "{chosen:?}");
}

#[test]
fn removal_reports_a_security_group_that_lost_its_tags() {
    let environment = provisioned();
    let name = format!("{}-redis-sg", environment.name);
    let id = text(&environment.security_group(world(), &name)["GroupId"]);
    world().call(
        "ec2",
        "delete_tags",
        &json!({ "Resources": [id], "Tags": [{ "Key": "envcache:stack" }] }),
    );

    let ended = remove(&environment);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let left = format!("security group {name} ({id}) doesn't have this stack's tags");
    assert_eq!(ended.output["left"], json!([left]));
    assert_eq!(
        environment.security_group(world(), &name)["GroupId"],
        id,
        "it is kept"
    );
}

#[test]
fn endpoint_is_retracted_before_the_cache_is_deleted() {
    let environment = provisioned();

    assert_eq!(remove(&environment).status, "SUCCEEDED");

    let retracted = environment
        .fault_scope
        .call_times("RetractEndpoint", "DeleteParameter");
    let deleted = environment
        .fault_scope
        .call_times("DeleteReplicationGroup", "DeleteReplicationGroup");
    assert_eq!((retracted.len(), deleted.len()), (4, 1));
    assert!(
        retracted.iter().all(|time| *time < deleted[0]),
        "{retracted:?} before {deleted:?}"
    );
}

#[test]
fn member_of_a_global_datastore_keeps_its_endpoint() {
    let environment = provisioned();
    let cache = format!("{}-redis", environment.name);
    let gateway = world().gateway();
    gateway.set_global_datastore(&cache, Some("sgaui-sessions"));

    let ended = remove(&environment);

    assert_eq!(ended.error, "InUse", "{ended:?}");
    let expected = format!(
        "PlanDeletion: replication group `{cache}` can't be deleted: it is the primary member of the global datastore \
         `sgaui-sessions`. Nothing was removed"
    );
    assert!(ended.cause.starts_with(&expected), "{}", ended.cause);
    assert_eq!(environment.parameters(world()).len(), 4);

    gateway.set_global_datastore(&cache, None);
    assert_eq!(remove(&environment).status, "SUCCEEDED");
    assert_removed(&environment);
}

#[test]
fn removal_succeeds_when_there_is_nothing_to_remove() {
    let never_provisioned = world().environment();
    let provisioned = provisioned();
    assert_eq!(remove(&provisioned).status, "SUCCEEDED");

    for environment in [never_provisioned, provisioned] {
        let ended = remove(&environment);

        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        assert_eq!(ended.output["parameters"], json!([]), "{ended:?}");
        assert_removed(&environment);
    }
}

#[test]
fn removal_uses_the_names_of_the_recorded_request() {
    let environment = world().environment();
    let mut request = environment.request_with(
        "/cache",
        json!({
            "name": format!("{}-sessions", environment.name),
            "securityGroupName": format!("{}-chosen", environment.name),
            "subnetGroupName": format!("{}-chosen", environment.name),
        }),
    );
    request["parameterPrefix"] = json!(format!("/chosen/{}", environment.name));
    assert_eq!(world().run(&request).status, "SUCCEEDED");

    let ended = remove(&environment);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(array(&ended.output["parameters"]).count(), 4, "{ended:?}");
    let cache = world().aws.call(
        "elasticache",
        "describe_replication_groups",
        &json!({ "ReplicationGroupId": format!("{}-sessions", environment.name) }),
    );
    assert!(cache.is_err(), "{cache:?}");
    assert_removed(&environment);
}

#[test]
fn final_snapshot_is_created_when_requested() {
    let environment = world().environment();
    let cache = format!("{}-sessions", environment.name);
    let created = world().run(&environment.request_with("/cache", json!({ "name": cache })));
    assert_eq!(created.status, "SUCCEEDED", "{created:?}");

    let ended = world().remove(&json!({ "environment": environment.name, "finalSnapshot": true }));

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let name = text(&ended.output["finalSnapshot"]);
    let prefix = format!("{cache}-final-");
    assert!(name.starts_with(&prefix), "{name}");
    let snapshots = world().call(
        "elasticache",
        "describe_snapshots",
        &json!({ "SnapshotName": name }),
    );
    assert_eq!(
        snapshots["Snapshots"][0]["SnapshotName"], name,
        "{snapshots}"
    );
}

#[test]
fn final_snapshot_is_not_reported_when_none_was_created() {
    let failing = Lifecycle {
        outcome: Outcome::Failed {
            reason: "creation failed".to_owned(),
        },
        ..Lifecycle::default()
    };
    let failed = world().environment();
    let cache = format!("{}-redis", failed.name);
    for lifecycle in [failing.clone(), failing] {
        world().gateway().set_lifecycle(&cache, lifecycle);
    }
    assert_eq!(world().run(&failed.request()).error, "CreateFailed");
    let deleting = provisioned();
    world().call(
        "elasticache",
        "delete_replication_group",
        &json!({ "ReplicationGroupId": format!("{}-redis", deleting.name) }),
    );

    for environment in [failed, deleting] {
        let listener = world().listen("envcache");

        let ended =
            world().remove(&json!({ "environment": environment.name, "finalSnapshot": true }));

        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        assert_eq!(ended.output["finalSnapshot"], Value::Null, "{ended:?}");
        let announced = listener.wait_for(&environment.name);
        assert_eq!(
            announced["detail"]["finalSnapshot"],
            Value::Null,
            "{announced}"
        );
    }
}

#[test]
fn unowned_resources_are_kept_and_reported() {
    let environment = world().environment();
    unmanaged::cache(&environment, world(), &json!({}));
    let parameter = unmanaged::parameter(&environment, world(), "url", "unmanaged");
    let cache = format!("{}-redis", environment.name);
    let subnets = format!("{}-cached-subnet-group", environment.name);

    let ended = remove(&environment);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(
        ended.output["left"],
        json!([
            format!("replication group {cache} doesn't have this stack's tags"),
            format!("cache subnet group {subnets} doesn't have this stack's tags"),
            format!("parameter {parameter} doesn't have this stack's tags"),
        ])
    );
    assert_eq!(
        environment.cache(world()).expect("the cache")["Status"],
        "available"
    );
    assert!(subnet_group(&environment).is_some());
    assert_eq!(environment.parameters(world()).len(), 1);
}

#[test]
fn referenced_security_group_is_in_use_until_rule_is_revoked() {
    let environment = provisioned();
    let name = format!("{}-redis-sg", environment.name);
    let owned = text(&environment.security_group(world(), &name)["GroupId"]);
    let backend = text(&environment.security_group(world(), "backend")["GroupId"]);
    let rule = json!({
        "GroupId": backend,
        "IpPermissions": [{
            "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
            "UserIdGroupPairs": [{ "GroupId": owned }],
        }],
    });
    world().call("ec2", "authorize_security_group_ingress", &rule);
    let listener = world().listen("envcache");

    let ended = remove(&environment);

    assert_eq!(ended.error, "InUse", "{ended:?}");
    let expected = format!(
        "DeleteSecurityGroup: security group {owned} is still in use after 15 minutes of waiting: an inbound \
         rule of {backend} references it"
    );
    assert!(ended.cause.starts_with(&expected), "{}", ended.cause);
    assert!(environment.cache(world()).is_err(), "the cache is deleted");
    assert_eq!(
        listener.wait_for(&environment.name)["detail-type"],
        "Cache Removal Failed"
    );

    world().call("ec2", "revoke_security_group_ingress", &rule);
    let again = remove(&environment);

    assert_eq!(again.status, "SUCCEEDED", "{again:?}");
    assert_removed(&environment);
}

#[test]
fn removal_deletes_creating_and_create_failed_caches() {
    let failing = Lifecycle {
        outcome: Outcome::Failed {
            reason: "creation failed".to_owned(),
        },
        ..Lifecycle::default()
    };
    let failed = world().environment();
    failed.set_lifecycle(world(), failing);
    assert_eq!(world().run(&failed.request()).error, "CreateFailed");
    // Its run is stopped while ElastiCache creates the cache.
    let creating = world().environment();
    let execution = world().start(&creating.request());
    until("the cache is requested", || creating.cache(world()).ok());
    world().call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": execution }),
    );

    for environment in [failed, creating] {
        let ended = remove(&environment);

        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        assert_removed(&environment);
    }
}

#[test]
fn later_event_wins_when_events_arrive_out_of_order() {
    let stamped = |mut detail: Value, time: &str| {
        detail["event"] = json!({ "id": "an-event", "time": time });
        detail
    };
    let (early, late) = ("2026-11-23T10:00:00Z", "2026-11-23T10:00:05Z");

    // Created, then deleted; the creation event arrives last.
    let environment = world().environment();
    let removal = stamped(json!({ "environment": environment.name }), late);
    assert_eq!(world().remove(&removal).status, "SUCCEEDED");
    let ended = world().run(&stamped(environment.request(), early));
    assert_eq!(ended.output["superseded"], true, "{ended:?}");
    assert_removed(&environment);

    // Deleted, then created again; the deletion event arrives last.
    let environment = world().environment();
    let ended = world().run(&stamped(environment.request(), late));
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let removal = stamped(json!({ "environment": environment.name }), early);
    let ended = world().remove(&removal);
    assert_eq!(ended.output["superseded"], true, "{ended:?}");
    assert_eq!(environment.parameters(world()).len(), 4, "unchanged");
}

#[test]
fn identity_can_change_after_removal() {
    let environment = provisioned();
    assert_eq!(remove(&environment).status, "SUCCEEDED");

    let other = json!({ "name": format!("{}-other", environment.name) });
    let ended = world().run(&environment.request_with("/cache", other));

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let record = environment.record(world()).expect("a record");
    assert_eq!(
        record["expiresAt"],
        Value::Null,
        "the record doesn't expire: {record}"
    );
}

#[test]
fn removal_waits_for_a_running_execution() {
    let environment = world().environment();
    let creation = world().start(&environment.request());
    until("the run holds the claim", || {
        let record = environment.record(world()).expect("a record");
        (record["holder"]["S"] == creation).then_some(())
    });

    let ended = remove(&environment);

    assert_eq!(world().wait(&creation).status, "SUCCEEDED");
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_removed(&environment);
}

#[test]
fn protection_prevents_removal_until_a_run_lifts_it() {
    let environment = world().environment();
    let listener = world().listen("envcache");
    let created = world().run(&environment.request_with("/protect", json!(true)));
    assert_eq!(created.output["protected"], true, "{created:?}");
    let available = listener.wait_for(&environment.name);
    assert_eq!(available["detail"]["protected"], true, "{available}");
    let record = environment.request_record(world()).expect("a record");

    let manual = remove(&environment);
    let by_event = world().deliver(
        "Environment Deleted",
        &json!({ "environment": environment.name }),
    );

    for ended in [manual, by_event] {
        assert_eq!(ended.error, "Protected", "{ended:?}");
        let after = environment.request_record(world()).expect("a record");
        assert_eq!(after, record, "nothing was changed");
    }
    assert_eq!(environment.parameters(world()).len(), 4);

    // A request without `protect` keeps the protection, and a plan shows what a run would change.
    let again = world().run(&environment.request());
    assert_eq!(again.output["protected"], true, "{again:?}");
    let mut lifting = environment.request_with("/protect", json!(false));
    lifting["dryRun"] = json!(true);
    let plan = world().run(&lifting);
    assert_eq!(
        plan.output["protectionChange"],
        json!({ "found": true, "wanted": false }),
        "{plan:?}"
    );
    assert_eq!(
        remove(&environment).error,
        "Protected",
        "a plan changes nothing"
    );

    let lifted = world().run(&environment.request_with("/protect", json!(false)));
    assert_eq!(lifted.output["protected"], false, "{lifted:?}");
    assert_eq!(remove(&environment).status, "SUCCEEDED");
    assert_removed(&environment);
}

#[test]
fn protection_is_not_restored_after_removal() {
    let environment = world().environment();
    for protect in [true, false] {
        let ended = world().run(&environment.request_with("/protect", json!(protect)));
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    }
    assert_eq!(remove(&environment).status, "SUCCEEDED");

    let again = world().run(&environment.request());

    assert_eq!(again.output["protected"], false, "{again:?}");
    assert_eq!(again.output["protectionChange"], Value::Null, "{again:?}");
}

#[test]
fn invalid_removal_request_changes_nothing() {
    let environment = provisioned();
    let cases = [
        (json!({}), "missing field `environment`"),
        (
            json!({ "environment": environment.name, "dryRun": true }),
            "dryRun: a removal has no dry run",
        ),
    ];
    for (input, expected) in cases {
        let ended = world().remove(&input);

        assert_eq!(ended.error, "InvalidSpec", "{ended:?}");
        assert!(
            ended.cause.starts_with("ResolveRemoval: "),
            "{}",
            ended.cause
        );
        assert!(ended.cause.contains(expected), "{}", ended.cause);
    }
    assert_eq!(
        environment.parameters(world()).len(),
        4,
        "nothing is retracted"
    );
}
