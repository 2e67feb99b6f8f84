//! A first creation that failed: what it made is kept, or taken away again where that was asked for.

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

fn rolling_back(environment: &Environment) -> Value {
    environment.request_with("/onFailure", json!("rollback"))
}

/// Runs it, sees it fail, and waits until its rollback has ended.
fn fail_and_roll_back(request: &Value, error: &str) -> Ended {
    let failed = world().run(request);
    assert_eq!(failed.error, error, "{failed:?}");
    let (_, rollback) = failed
        .cause
        .split_once("What it created is being deleted by ")
        .unwrap_or_else(|| panic!("it says what takes away: {}", failed.cause));
    let ended = world().wait(rollback);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    ended
}

/// The security groups, and whether the subnet group and the cache are there.
fn what_is_there(environment: &Environment) -> (Vec<String>, bool, bool) {
    let name = format!("{}-cached-subnet-group", environment.name);
    let subnet_group = world().aws.call(
        "elasticache",
        "describe_cache_subnet_groups",
        &json!({ "CacheSubnetGroupName": name }),
    );
    let groups = world().security_groups(environment);
    let made = groups
        .into_iter()
        .filter(|name| !["backend", "default"].contains(&name.as_str()))
        .collect();
    (
        made,
        subnet_group.is_ok(),
        environment.cache(world()).is_ok(),
    )
}

/// Starts the rollback of a failed execution by hand, and waits for its end.
fn roll_back(environment: &Environment, execution: &str) -> Ended {
    world().remove(&json!({
        "environment": environment.name,
        "rollback": { "execution": execution },
    }))
}

#[test]
fn what_a_failed_first_run_made_is_taken_away_wherever_it_failed() {
    let cases = [
        // Its sibling branch goes on, and makes the subnet group.
        ("EnsureSecurityGroup", "AuthorizeSecurityGroupIngress"),
        ("EnsureSubnetGroup", "CreateCacheSubnetGroup"),
        ("EnsureReplicationGroup", "CreateReplicationGroup"),
        ("CheckReplicationGroup", "DescribeReplicationGroups"),
        ("PublishEndpoint", "PutParameter"),
    ];
    for (step, operation) in cases {
        let environment = world().environment();
        deny(&environment, step, operation);

        let ended = fail_and_roll_back(&rolling_back(&environment), "AccessDenied");

        assert_eq!(ended.output["left"], json!([]), "{step}: {ended:?}");
        assert_eq!(
            what_is_there(&environment),
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
fn a_failed_first_run_keeps_what_it_made_where_nothing_else_is_said() {
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
    let (groups, subnet_group, _) = what_is_there(&environment);
    assert_eq!((groups.len(), subnet_group), (1, true));
}

#[test]
fn what_was_there_before_stays() {
    let environment = world().environment();
    deny(&environment, "EnsureSubnetGroup", "CreateCacheSubnetGroup");
    assert_eq!(world().run(&environment.request()).error, "AccessDenied");
    environment.fault_scope.clear_faults();
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );

    fail_and_roll_back(&rolling_back(&environment), "AccessDenied");

    let group = format!("{}-redis-sg", environment.name);
    assert_eq!(
        what_is_there(&environment),
        (vec![group], false, false),
        "the security group was there before, the subnet group was not"
    );
}

#[test]
fn what_was_adopted_stays() {
    let environment = world().environment();
    unmanaged::security_group(&environment, world());
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );
    let mut request = rolling_back(&environment);
    request["adopt"] = json!(true);

    let ended = fail_and_roll_back(&request, "AccessDenied");

    let left = text(&ended.output["left"][0]);
    assert!(
        left.starts_with("security group sg-") && left.ends_with("was not made by the failed run"),
        "{ended:?}"
    );

    let group = format!("{}-redis-sg", environment.name);
    assert_eq!(what_is_there(&environment), (vec![group], false, false));
}

#[test]
fn what_was_adopted_stays_protected_when_its_run_is_rolled_back() {
    let environment = world().environment();
    unmanaged::cache_as_wanted(&environment, world());
    deny(&environment, "PublishEndpoint", "PutParameter");
    let mut request = rolling_back(&environment);
    request["adopt"] = json!(true);
    request["protect"] = json!(true);

    fail_and_roll_back(&request, "AccessDenied");

    let (_, _, has_cache) = what_is_there(&environment);
    assert!(has_cache, "it was there before");
    let stray = world().deliver(
        "Environment Deleted",
        &json!({ "environment": environment.name }),
    );
    assert_eq!(stray.error, "Protected", "{stray:?}");
}

#[test]
fn a_run_of_any_name_that_step_functions_takes_is_rolled_back() {
    let environment = world().environment();
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );
    // https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    let started = world().call(
        "stepfunctions",
        "start_execution",
        &json!({
            "stateMachineArn": world().stack.provision_state_machine_arn,
            "name": format!("release-1.2_(final)=@{}", environment.name),
            "input": rolling_back(&environment).to_string(),
        }),
    );
    let failed = world().wait(&text(&started["executionArn"]));

    let (_, rollback) = failed
        .cause
        .split_once("What it created is being deleted by ")
        .unwrap_or_else(|| panic!("it is rolled back: {}", failed.cause));
    let ended = world().wait(rollback);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(what_is_there(&environment), (vec![], false, false));
}

#[test]
fn a_change_that_failed_takes_nothing_away() {
    let environment = world().environment();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let mut request = rolling_back(&environment);
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
fn a_rollback_that_a_new_request_has_overtaken_takes_nothing_away() {
    let environment = world().environment();
    deny(&environment, "PublishEndpoint", "PutParameter");
    // Its rollback can't start, and so stays authorized.
    deny(&environment, "StartRollback", "StartExecution");
    let failed = world().start(&rolling_back(&environment));
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
fn a_rollback_that_could_not_be_started_can_be_started_manually() {
    let environment = world().environment();
    deny(&environment, "PublishEndpoint", "PutParameter");
    deny(&environment, "StartRollback", "StartExecution");
    let failed = world().start(&rolling_back(&environment));
    assert_eq!(world().wait(&failed).error, "AccessDenied");
    environment.fault_scope.clear_faults();

    let ended = roll_back(&environment, World::name_of(&failed));

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(what_is_there(&environment), (vec![], false, false));
}

#[test]
fn a_rollback_that_could_not_be_recorded_is_not_started() {
    let environment = world().environment();
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );
    deny(&environment, "RecordRollback", "UpdateItem");

    let failed = world().run(&rolling_back(&environment));

    assert_eq!(failed.error, "AccessDenied", "{failed:?}");
    assert!(
        failed.cause.contains("The rollback could not be recorded"),
        "{}",
        failed.cause
    );
    assert_eq!(
        what_is_there(&environment).0.len(),
        1,
        "its security group stays"
    );
}

#[test]
fn a_rollback_that_a_retry_with_the_same_event_has_overtaken_takes_nothing_away() {
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
        text(&ended.output["reason"]).contains("another run has followed it"),
        "{ended:?}"
    );
    assert_eq!(environment.parameters(world()).len(), 4);
}

#[test]
fn a_rollback_that_cannot_be_started_is_said() {
    let environment = world().environment();
    deny(
        &environment,
        "EnsureReplicationGroup",
        "CreateReplicationGroup",
    );
    deny(&environment, "StartRollback", "StartExecution");

    let failed = world().run(&rolling_back(&environment));

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
fn only_what_may_have_to_go_again_tells_who_made_it() {
    let environment = world().environment();
    let created_by = |request: &Value| {
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

    assert!(!created_by(&environment.request()));
    assert_eq!(
        world()
            .remove(&json!({ "environment": environment.name }))
            .status,
        "SUCCEEDED"
    );
    assert!(created_by(&rolling_back(&environment)));
}
