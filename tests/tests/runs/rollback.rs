//! A failed first creation: its resources are kept, or deleted if the request has `onFailure: rollback`.

use std::time::Duration;

use envcache_tests::{Ended, Environment, World, array, fast_world as world, text, unmanaged};
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

fn deny(environment: &Environment, step: &str, operation: &str) {
    environment.fault_scope.inject(Rule {
        step: step.to_owned(),
        operation: operation.to_owned(),
        when: When::Every,
        fault: Fault::AccessDenied,
    });
}

fn with_rollback(environment: &Environment) -> Value {
    environment.request_with("/onFailure", json!("rollback"))
}

/// Runs a request, checks that it fails with this error, and waits until its rollback has ended.
fn fail_and_roll_back(request: &Value, error: &str) -> Ended {
    let failed = world().run(request);
    assert_eq!(failed.error, error, "{failed:?}");
    let (_, rollback) = failed
        .cause
        .split_once("What it created is being deleted by ")
        .unwrap_or_else(|| panic!("the cause names no rollback: {}", failed.cause));
    let ended = world().wait(rollback);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    ended
}

/// Returns the created security groups, and whether the subnet group and the cache exist.
fn existing_resources(environment: &Environment) -> (Vec<String>, bool, bool) {
    let name = format!("{}-cached-subnet-group", environment.name);
    let subnet_group = world().aws.call(
        "elasticache",
        "describe_cache_subnet_groups",
        &json!({ "CacheSubnetGroupName": name }),
    );
    let groups = world().security_groups(environment);
    let created = groups
        .into_iter()
        .filter(|name| !["backend", "default"].contains(&name.as_str()))
        .collect();
    (
        created,
        subnet_group.is_ok(),
        environment.cache(world()).is_ok(),
    )
}

/// Starts the rollback of a failed execution manually, and waits for its end.
fn roll_back(environment: &Environment, execution: &str) -> Ended {
    world().remove(&json!({
        "environment": environment.name,
        "rollback": { "execution": execution },
    }))
}

#[test]
fn rollback_deletes_what_the_failed_first_run_created() {
    let cases = [
        ("EnsureSecurityGroup", "AuthorizeSecurityGroupIngress"),
        ("EnsureSubnetGroup", "CreateCacheSubnetGroup"),
        ("EnsureReplicationGroup", "CreateReplicationGroup"),
        ("CheckReplicationGroup", "DescribeReplicationGroups"),
        ("PublishEndpoint", "PutParameter"),
    ];
    for (step, operation) in cases {
        let environment = world().environment();
        deny(&environment, step, operation);

        let ended = fail_and_roll_back(&with_rollback(&environment), "AccessDenied");

        assert_eq!(ended.output["left"], json!([]), "{step}: {ended:?}");
        let record = environment.record(world()).expect("a record");
        assert!(
            text(&record["lastResult"]["S"]).contains(r#""error":"AccessDenied""#),
            "{step}: the record still says why the environment has no cache: {record}"
        );
        assert_eq!(
            existing_resources(&environment),
            (vec![], false, false),
            "{step}"
        );
        assert!(environment.parameters(world()).is_empty(), "{step}");
        environment.fault_scope.clear_faults();
        let again = world().run(&environment.request());
        assert_eq!(again.status, "SUCCEEDED", "{step}: {again:?}");
    }
}

#[test]
fn rollback_deletes_the_parameter_group() {
    let cases = [
        ("EnsureParameterGroup", "ModifyCacheParameterGroup"),
        ("EnsureReplicationGroup", "CreateReplicationGroup"),
    ];
    for (step, operation) in cases {
        let environment = world().environment();
        deny(&environment, step, operation);
        let mut request = with_rollback(&environment);
        request["cache"] = json!({ "parameters": { "timeout": 300 } });

        let ended = fail_and_roll_back(&request, "AccessDenied");

        assert_eq!(ended.output["left"], json!([]), "{step}: {ended:?}");
        let mut calls = environment.fault_scope.calls().into_iter();
        assert!(
            calls.any(|call| call.operation == "DeleteCacheParameterGroup"),
            "{step}: it had been created"
        );
        let name = format!("{}-redis-valkey8", environment.name);
        let found = world().aws.call(
            "elasticache",
            "describe_cache_parameter_groups",
            &json!({ "CacheParameterGroupName": name }),
        );
        assert!(found.is_err(), "{step}: {found:?}");
    }
}

#[test]
fn failed_first_run_keeps_its_resources_by_default() {
    let environment = world().environment();
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );

    let failed = world().run(&environment.request());

    assert_eq!(failed.error, "AccessDenied", "{failed:?}");
    assert!(
        !failed.cause.contains("is being deleted by"),
        "{}",
        failed.cause
    );
    let (groups, subnet_group, _) = existing_resources(&environment);
    assert_eq!((groups.len(), subnet_group), (1, true));
}

#[test]
fn rollback_keeps_resources_of_an_earlier_run() {
    let environment = world().environment();
    deny(&environment, "EnsureSubnetGroup", "CreateCacheSubnetGroup");
    assert_eq!(world().run(&environment.request()).error, "AccessDenied");
    environment.fault_scope.clear_faults();
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );

    fail_and_roll_back(&with_rollback(&environment), "AccessDenied");

    let group = format!("{}-redis-sg", environment.name);
    assert_eq!(
        existing_resources(&environment),
        (vec![group], false, false),
        "only the security group existed before the failed run"
    );
}

#[test]
fn rollback_keeps_adopted_resources() {
    let environment = world().environment();
    unmanaged::security_group(&environment, world());
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );
    let mut request = with_rollback(&environment);
    request["adopt"] = json!(true);

    let ended = fail_and_roll_back(&request, "AccessDenied");

    let left = text(&ended.output["left"][0]);
    assert!(
        left.starts_with("security group sg-")
            && left.ends_with("was not created by the failed run"),
        "{ended:?}"
    );

    let group = format!("{}-redis-sg", environment.name);
    assert_eq!(
        existing_resources(&environment),
        (vec![group], false, false)
    );
}

#[test]
fn adopted_cache_stays_protected_after_a_rollback() {
    let environment = world().environment();
    unmanaged::cache_as_requested(&environment, world());
    deny(&environment, "PublishEndpoint", "PutParameter");
    let mut request = with_rollback(&environment);
    request["adopt"] = json!(true);
    request["protect"] = json!(true);

    fail_and_roll_back(&request, "AccessDenied");

    let (_, _, has_cache) = existing_resources(&environment);
    assert!(has_cache, "the adopted cache is kept");
    let removal = world().deliver(
        "Environment Deleted",
        &json!({ "environment": environment.name }),
    );
    assert_eq!(removal.error, "Protected", "{removal:?}");
}

#[test]
fn execution_with_any_valid_name_is_rolled_back() {
    let environment = world().environment();
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );
    // https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    let name = format!("release-1.2_(final)=@{}", environment.name);
    let failed = run_named(
        &world().stack.provision_state_machine_arn,
        &name,
        &with_rollback(&environment),
    );

    let (_, rollback) = failed
        .cause
        .split_once("What it created is being deleted by ")
        .unwrap_or_else(|| panic!("the cause names no rollback: {}", failed.cause));
    let ended = world().wait(rollback);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(existing_resources(&environment), (vec![], false, false));
}

/// Starts an execution with this name and waits for its end.
fn run_named(state_machine: &str, name: &str, input: &Value) -> Ended {
    let started = world().call(
        "stepfunctions",
        "start_execution",
        &json!({ "stateMachineArn": state_machine, "name": name, "input": input.to_string() }),
    );
    world().wait(&text(&started["executionArn"]))
}

/// The reply to `StartRollback` can be lost, and the rollback can have ended before it is started again: an ended
/// execution keeps its name
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>).
#[test]
fn rollback_that_has_already_run_is_named() {
    let environment = world().environment();
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );
    let stack = &world().stack;
    let name = format!("{}-release", environment.name);
    let rollback = format!("{name}-rollback");
    let input = json!({ "environment": environment.name, "rollback": { "execution": name } });
    run_named(&stack.deprovision_state_machine_arn, &rollback, &input);

    let failed = run_named(
        &stack.provision_state_machine_arn,
        &name,
        &with_rollback(&environment),
    );

    assert_eq!(failed.error, "AccessDenied", "{failed:?}");
    let expected = format!(". The rollback has already run: {rollback}");
    assert!(failed.cause.ends_with(&expected), "{}", failed.cause);
}

#[test]
fn failed_update_is_not_rolled_back() {
    let environment = world().environment();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let mut request = with_rollback(&environment);
    request["cache"] = json!({ "port": 6380 });

    let failed = world().run(&request);

    assert_eq!(failed.error, "Immutable", "{failed:?}");
    assert!(
        !failed.cause.contains("is being deleted by"),
        "{}",
        failed.cause
    );
    assert_eq!(environment.parameters(world()).len(), 4);
}

#[test]
fn published_endpoint_is_not_rolled_back() {
    let environment = world().environment();
    let requesting = |version: &str| {
        let mut request = with_rollback(&environment);
        request["cache"] = json!({ "engineVersion": version, "parameters": { "timeout": 300 } });
        request
    };
    // A parameter group of an earlier version remains, and no run was about to create the cache.
    deny(
        &environment,
        "EnsureReplicationGroup",
        "DescribeReplicationGroups",
    );
    let mut first = requesting("7.2");
    first["onFailure"] = json!("keep");
    assert_eq!(world().run(&first).error, "AccessDenied");
    environment.fault_scope.clear_faults();
    deny(
        &environment,
        "DeleteParameterGroup",
        "DeleteCacheParameterGroup",
    );

    let failed = world().run(&requesting("8.0"));

    assert_eq!(failed.error, "AccessDenied", "{failed:?}");
    assert!(
        failed.cause.starts_with("DeleteParameterGroup: "),
        "{}",
        failed.cause
    );
    assert!(
        !failed.cause.contains("is being deleted by"),
        "{}",
        failed.cause
    );
    assert_eq!(environment.parameters(world()).len(), 4);
    environment.fault_scope.clear_faults();
    let ended = world().run(&requesting("8.0"));
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}

#[test]
fn rollback_is_superseded_by_a_newer_request() {
    let environment = world().environment();
    deny(&environment, "PublishEndpoint", "PutParameter");
    // The rollback can't start, so the record still authorizes it.
    deny(&environment, "StartRollback", "StartExecution");
    let failed = world().start(&with_rollback(&environment));
    assert_eq!(world().wait(&failed).error, "AccessDenied");
    let name = World::name_of(&failed);
    let record = environment.record(world()).expect("a record");
    assert_eq!(record["rollbackOf"]["S"], name, "{record}");
    environment.fault_scope.clear_faults();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");

    let ended = roll_back(&environment, name);

    assert_eq!(ended.output["superseded"], true, "{ended:?}");
    assert_eq!(environment.parameters(world()).len(), 4);
    let record = environment.record(world()).expect("a record");
    assert_eq!(record["rollbackOf"], Value::Null, "{record}");
}

#[test]
fn rollback_can_be_started_manually_after_a_failed_start() {
    let environment = world().environment();
    deny(&environment, "PublishEndpoint", "PutParameter");
    deny(&environment, "StartRollback", "StartExecution");
    let failed = world().start(&with_rollback(&environment));
    assert_eq!(world().wait(&failed).error, "AccessDenied");
    environment.fault_scope.clear_faults();

    let ended = roll_back(&environment, World::name_of(&failed));

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(existing_resources(&environment), (vec![], false, false));
}

#[test]
fn rollback_is_not_started_when_it_cannot_be_recorded() {
    let environment = world().environment();
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );
    deny(&environment, "RecordRollback", "UpdateItem");

    let failed = world().run(&with_rollback(&environment));

    assert_eq!(failed.error, "AccessDenied", "{failed:?}");
    assert!(
        failed.cause.contains("The rollback could not be recorded"),
        "{}",
        failed.cause
    );
    assert_eq!(
        existing_resources(&environment).0.len(),
        1,
        "the security group is kept"
    );
}

#[test]
fn rollback_is_superseded_by_a_retry_of_the_same_event() {
    let environment = world().environment();
    let time = "2026-11-22T10:00:00Z";
    let request = environment.request_with("/event", json!({ "id": "7bf73129", "time": time }));
    deny(&environment, "PublishEndpoint", "PutParameter");
    let failed = world().start(&request);
    assert_eq!(world().wait(&failed).error, "AccessDenied");
    environment.fault_scope.clear_faults();
    let retried = world().run(&request);
    assert_eq!(retried.status, "SUCCEEDED", "{retried:?}");
    let name = World::name_of(&failed);

    let ended = roll_back(&environment, name);

    assert_eq!(ended.output["superseded"], true, "{ended:?}");
    assert!(
        text(&ended.output["reason"]).contains("another run has claimed the environment since"),
        "{ended:?}"
    );
    assert_eq!(environment.parameters(world()).len(), 4);
}

#[test]
fn cause_reports_a_rollback_that_cannot_be_started() {
    let environment = world().environment();
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );
    deny(&environment, "StartRollback", "StartExecution");

    let failed = world().run(&with_rollback(&environment));

    assert_eq!(failed.error, "AccessDenied", "{failed:?}");
    assert!(
        failed.cause.contains("The rollback could not be started"),
        "{}",
        failed.cause
    );
    assert!(
        environment
            .fault_scope
            .wait("StartRollback", "StartExecution", Duration::ZERO)
    );
}

#[test]
fn execution_tag_is_set_only_for_rollback_requests() {
    let environment = world().environment();
    let sets_execution_tag = |request: &Value| {
        let ended = world().run(request);
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        let found = world().call(
            "ec2",
            "describe_security_groups",
            &json!({ "Filters": [{ "Name": "vpc-id", "Values": [environment.network.vpc] }] }),
        );
        let tags: Vec<_> = array(&found["SecurityGroups"])
            .flat_map(|group| array(&group["Tags"]))
            .map(|tag| text(&tag["Key"]))
            .collect();
        tags.contains(&"envcache:execution".to_owned())
    };

    assert!(!sets_execution_tag(&environment.request()));
    assert_eq!(
        world()
            .remove(&json!({ "environment": environment.name }))
            .status,
        "SUCCEEDED"
    );
    assert!(sets_execution_tag(&with_rollback(&environment)));
}
