//! An environment that is no more: what it had goes, what is not ours stays.

use envcache_tests::{Ended, Environment, array, fast_world as world, text, unmanaged, until};
use local::gateway::elasticache::{Lifecycle, Outcome};
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

/// An environment that has its cache.
fn provisioned() -> Environment {
    let environment = world().environment();
    let ended = world().run(&environment.request());
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    environment
}

/// The removal, by hand, with the environment's name alone.
fn remove(environment: &Environment) -> Ended {
    world().remove(&json!({ "environment": environment.name }))
}

/// Nothing of the environment is there but its network, and its record has forgotten what it was.
fn assert_nothing_is_left(environment: &Environment) {
    assert!(environment.cache(world()).is_err(), "the cache is gone");
    assert!(subnet_group(environment).is_none(), "its subnet group too");
    assert_eq!(
        world().security_groups(environment),
        ["backend", "default"],
        "and its security group"
    );
    assert!(environment.parameters(world()).is_empty());
    let record = environment.record(world()).expect("a record");
    let mut fields: Vec<_> = record.as_object().expect("fields").keys().collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "requestedAt",
            "environment",
            "expiresAt",
            "lastExecution",
            "version"
        ],
        "for a late event: {record}"
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

fn security_group(environment: &Environment, name: &str) -> Value {
    let found = world().call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [
            { "Name": "vpc-id", "Values": [environment.network.vpc] },
            { "Name": "group-name", "Values": [name] },
        ] }),
    );
    found["SecurityGroups"][0].clone()
}

#[test]
fn an_event_takes_away_all_that_an_event_made_and_says_so_on_the_bus() {
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
    assert_nothing_is_left(&environment);
    let told = listener.wait_for(&environment.name);
    assert_eq!(told["detail-type"], "Cache Removed", "{told}");
    assert_eq!(told["detail"]["removed"], true, "{told}");
}

#[test]
fn a_removal_deletes_the_subnet_group_of_an_earlier_request_too() {
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
    assert_eq!(subnet_group(&environment), None, "no orphan is left");
    let name = format!("{}-other", environment.name);
    let chosen = world().aws.call(
        "elasticache",
        "describe_cache_subnet_groups",
        &json!({ "CacheSubnetGroupName": name }),
    );
    assert!(chosen.is_err(), "{chosen:?}");
}

#[test]
fn a_removal_reports_a_security_group_that_lost_its_tags() {
    let environment = provisioned();
    let name = format!("{}-redis-sg", environment.name);
    let id = text(&security_group(&environment, &name)["GroupId"]);
    world().call(
        "ec2",
        "delete_tags",
        &json!({ "Resources": [id], "Tags": [{ "Key": "envcache:stack" }] }),
    );

    let ended = remove(&environment);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let left = format!("security group {name} ({id}) has not this stack's tags");
    assert_eq!(ended.output["left"], json!([left]));
    assert_eq!(
        security_group(&environment, &name)["GroupId"],
        id,
        "it stays"
    );
}

#[test]
fn the_endpoint_is_retracted_before_its_cache_goes() {
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
        retracted.iter().all(|moment| *moment < deleted[0]),
        "{retracted:?} before {deleted:?}"
    );
}

#[test]
fn what_is_not_there_is_a_success_and_removing_twice_as_well() {
    let never_provisioned = world().environment();
    let provisioned = provisioned();
    assert_eq!(remove(&provisioned).status, "SUCCEEDED");

    for environment in [never_provisioned, provisioned] {
        let ended = remove(&environment);

        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        assert_eq!(ended.output["parameters"], json!([]), "{ended:?}");
        assert_nothing_is_left(&environment);
    }
}

#[test]
fn names_that_the_request_chose_are_remembered() {
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
    let gone = world().aws.call(
        "elasticache",
        "describe_replication_groups",
        &json!({ "ReplicationGroupId": format!("{}-sessions", environment.name) }),
    );
    assert!(gone.is_err(), "{gone:?}");
    assert_nothing_is_left(&environment);
}

#[test]
fn a_last_backup_is_taken_where_one_is_asked_for_under_a_name_of_its_own() {
    let environment = world().environment();
    let cache = format!("{}-sessions", environment.name);
    let made = world().run(&environment.request_with("/cache", json!({ "name": cache })));
    assert_eq!(made.status, "SUCCEEDED", "{made:?}");

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
fn a_last_backup_that_was_never_taken_is_not_reported() {
    let failing = Lifecycle {
        outcome: Outcome::Failed {
            reason: "no luck".to_owned(),
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
        let told = listener.wait_for(&environment.name);
        assert_eq!(told["detail"]["finalSnapshot"], Value::Null, "{told}");
    }
}

#[test]
fn what_is_not_ours_stays_and_is_told() {
    let environment = world().environment();
    unmanaged::cache(&environment, world(), &json!({}));
    let parameter = unmanaged::parameter(&environment, world(), "url", "theirs");
    let cache = format!("{}-redis", environment.name);
    let subnets = format!("{}-cached-subnet-group", environment.name);

    let ended = remove(&environment);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(
        ended.output["left"],
        json!([
            format!("replication group {cache} has not this stack's tags"),
            format!("cache subnet group {subnets} has not this stack's tags"),
            format!("parameter {parameter} has not this stack's tags"),
        ])
    );
    assert_eq!(
        environment.cache(world()).expect("it is there")["Status"],
        "available"
    );
    assert!(subnet_group(&environment).is_some());
    assert_eq!(environment.parameters(world()).len(), 1);
}

#[test]
fn a_security_group_that_another_refers_to_is_in_use_and_a_later_run_finishes() {
    let environment = provisioned();
    let name = format!("{}-redis-sg", environment.name);
    let ours = text(&security_group(&environment, &name)["GroupId"]);
    let backend = text(&security_group(&environment, "backend")["GroupId"]);
    let rule = json!({
        "GroupId": backend,
        "IpPermissions": [{
            "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
            "UserIdGroupPairs": [{ "GroupId": ours }],
        }],
    });
    world().call("ec2", "authorize_security_group_ingress", &rule);
    let listener = world().listen("envcache");

    let ended = remove(&environment);

    assert_eq!(ended.error, "InUse", "{ended:?}");
    let expected = format!(
        "DeleteSecurityGroup: security group {ours} is still in use 15 minutes after the cache has gone: an inbound \
         rule of {backend} references it"
    );
    assert!(ended.cause.starts_with(&expected), "{}", ended.cause);
    assert!(environment.cache(world()).is_err(), "what could go is gone");
    assert_eq!(
        listener.wait_for(&environment.name)["detail-type"],
        "Cache Removal Failed"
    );

    world().call("ec2", "revoke_security_group_ingress", &rule);
    let again = remove(&environment);

    assert_eq!(again.status, "SUCCEEDED", "{again:?}");
    assert_nothing_is_left(&environment);
}

#[test]
fn a_cache_that_is_made_or_could_not_be_made_goes_too() {
    let failing = Lifecycle {
        outcome: Outcome::Failed {
            reason: "no luck".to_owned(),
        },
        ..Lifecycle::default()
    };
    let failed = world().environment();
    world()
        .gateway()
        .set_lifecycle(&format!("{}-redis", failed.name), failing);
    assert_eq!(world().run(&failed.request()).error, "CreateFailed");
    // Its run is stopped while ElastiCache is at work.
    let half_made = world().environment();
    let execution = world().start(&half_made.request());
    until("the cache is asked for", || half_made.cache(world()).ok());
    world().call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": execution }),
    );

    for environment in [failed, half_made] {
        let ended = remove(&environment);

        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        assert_nothing_is_left(&environment);
    }
}

#[test]
fn of_an_environments_two_events_the_later_one_counts_whatever_comes_last() {
    let stamped = |mut detail: Value, time: &str| {
        detail["event"] = json!({ "id": "an-event", "time": time });
        detail
    };
    let (early, late) = ("2026-11-23T10:00:00Z", "2026-11-23T10:00:05Z");

    // Created, then deleted; the creation comes last.
    let environment = world().environment();
    let removal = stamped(json!({ "environment": environment.name }), late);
    assert_eq!(world().remove(&removal).status, "SUCCEEDED");
    let ended = world().run(&stamped(environment.request(), early));
    assert_eq!(ended.output["superseded"], true, "{ended:?}");
    assert_nothing_is_left(&environment);

    // Deleted, then created anew; the deletion comes last.
    let environment = world().environment();
    let ended = world().run(&stamped(environment.request(), late));
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let removal = stamped(json!({ "environment": environment.name }), early);
    let ended = world().remove(&removal);
    assert_eq!(ended.output["superseded"], true, "{ended:?}");
    assert_eq!(environment.parameters(world()).len(), 4, "it is as it was");
}

#[test]
fn after_its_removal_an_environment_may_have_another_identity() {
    let environment = provisioned();
    assert_eq!(remove(&environment).status, "SUCCEEDED");

    let other = json!({ "name": format!("{}-other", environment.name) });
    let ended = world().run(&environment.request_with("/cache", other));

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let record = environment.record(world()).expect("a record");
    assert_eq!(
        record["expiresAt"],
        Value::Null,
        "it is remembered again: {record}"
    );
}

#[test]
fn a_removal_waits_for_the_run_that_is_at_work() {
    let environment = world().environment();
    let creation = world().start(&environment.request());
    until("it holds the environment", || {
        let record = environment.record(world()).expect("a record");
        (record["holder"]["S"] == creation).then_some(())
    });

    let ended = remove(&environment);

    assert_eq!(world().wait(&creation).status, "SUCCEEDED");
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_nothing_is_left(&environment);
}

#[test]
fn a_protected_environment_keeps_its_cache_until_a_run_lifts_the_protection() {
    let environment = world().environment();
    let listener = world().listen("envcache");
    let made = world().run(&environment.request_with("/protect", json!(true)));
    assert_eq!(made.output["protected"], true, "{made:?}");
    let available = listener.wait_for(&environment.name);
    assert_eq!(available["detail"]["protected"], true, "{available}");
    let record = environment.record(world()).expect("a record");

    let manual = remove(&environment);
    let by_event = world().deliver(
        "Environment Deleted",
        &json!({ "environment": environment.name }),
    );

    for ended in [manual, by_event] {
        assert_eq!(ended.error, "Protected", "{ended:?}");
        let after = environment.record(world()).expect("a record");
        assert_eq!(after, record, "nothing was changed");
    }
    assert_eq!(environment.parameters(world()).len(), 4);

    // A request that doesn't mention the protection keeps it, and a plan shows what a run would change.
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
    assert_nothing_is_left(&environment);
}

#[test]
fn protection_of_a_removed_environment_does_not_come_back() {
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
fn what_is_no_request_removes_nothing() {
    let environment = provisioned();
    let cases = [
        (json!({}), "missing field `environment`"),
        (
            json!({ "environment": environment.name, "dryRun": true }),
            "dryRun: unknown field",
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
