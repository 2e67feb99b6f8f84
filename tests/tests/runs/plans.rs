//! A dry run writes nothing, and its plan lists exactly the calls that the run then makes.

use envcache_tests::lambda::is_read_only;
use envcache_tests::{Environment, array, fast_world as world, resources, text, unmanaged};
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

/// Returns the operations that wrote since that number of calls: those of functions, sorted, and those of states.
fn writes(environment: &Environment, since: usize) -> (Vec<String>, Vec<String>) {
    let calls = environment.fault_scope.calls().split_off(since);
    let (mut by_functions, mut by_states) = (Vec::new(), Vec::new());
    for call in calls {
        let reads =
            is_read_only(&call.operation) || call.operation.starts_with("DescribeExecution");
        if reads || call.operation == "GetItem" {
            continue;
        }
        // A plan doesn't list writes to the record.
        if call.by_function && call.operation != "UpdateItem" {
            by_functions.push(call.operation);
        } else {
            by_states.push(call.operation);
        }
    }
    by_functions.sort();
    (by_functions, by_states)
}

/// Starts a dry run, checks that it writes and changes nothing, and returns the plan.
fn plan(environment: &Environment, request: &Value) -> Value {
    let before = resources::of(environment, world()).expect("the resources");
    let calls = environment.fault_scope.calls().len();
    let mut dry = request.clone();
    dry["dryRun"] = json!(true);

    let ended = world().run(&dry);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(ended.output["plan"], true, "{ended:?}");
    let (by_functions, by_states) = writes(environment, calls);
    assert!(by_functions.is_empty(), "{by_functions:?}");
    assert!(by_states.is_empty(), "{by_states:?}");
    let after = resources::of(environment, world()).expect("the resources");
    assert_eq!(before, after);
    ended.output
}

/// Starts a dry run, then the run, checks that the run makes the planned calls, and returns the plan.
fn plan_and_run(environment: &Environment, request: &Value) -> Value {
    let plan = plan(environment, request);
    let calls = environment.fault_scope.calls().len();

    let ended = world().run(request);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let mut planned: Vec<_> = array(&plan["actions"])
        .map(|action| text(&action["operation"]))
        .collect();
    planned.sort();
    let (done, _) = writes(environment, calls);
    assert_eq!(planned, done, "planned and actual calls: {plan}");
    let again = self::plan(environment, request);
    assert_eq!(again["actions"], json!([]), "no action is left");
    plan
}

#[test]
fn plan_lists_every_call_of_a_first_run() {
    let environment = world().environment();

    let plan = plan_and_run(&environment, &environment.request());

    let operations: Vec<_> = array(&plan["actions"])
        .map(|action| text(&action["operation"]))
        .collect();
    assert_eq!(
        operations,
        [
            "CreateSecurityGroup",
            "AuthorizeSecurityGroupIngress",
            "CreateCacheSubnetGroup",
            "CreateReplicationGroup",
            "PutParameter",
            "PutParameter",
            "PutParameter",
            "PutParameter",
        ]
    );
    assert_eq!(plan["cache"], "not there");
}

#[test]
fn plan_lists_found_and_wanted_values_of_a_change() {
    let environment = world().environment();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let mut request = environment.request_with(
        "/cache",
        json!({ "replicas": 1, "snapshotRetentionDays": 5, "nodeType": "cache.t3.small" }),
    );
    request["network"]["subnets"] = json!(["subnet-one", "subnet-two", "subnet-three"]);

    let plan = plan_and_run(&environment, &request);

    let change = |field: &str| {
        array(&plan["actions"])
            .flat_map(|action| array(&action["changes"]))
            .find(|change| change["field"] == field)
            .map_or_else(
                || panic!("no change of {field}: {plan}"),
                |change| (text(&change["found"]), text(&change["wanted"])),
            )
    };
    assert_eq!(change("cache.replicas"), ("0".into(), "1".into()));
    assert_eq!(
        change("cache.snapshotRetentionDays"),
        ("1".into(), "5".into())
    );
    assert_eq!(
        change("cache.nodeType"),
        ("cache.t3.micro".into(), "cache.t3.small".into())
    );
    let (found, wanted) = change("network.subnets");
    assert_eq!(
        (
            found.matches("subnet-").count(),
            wanted.matches("subnet-").count()
        ),
        (2, 3)
    );
}

#[test]
fn rejected_plan_succeeds_with_the_error_and_announces_nothing() {
    let environment = world().environment();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let cases = [
        (
            "/cache",
            json!({ "port": 6380 }),
            "Immutable",
            "PlanReplicationGroup",
        ),
        (
            "/parameterPrefix",
            json!("/elsewhere"),
            "Immutable",
            "PlanEnvironment",
        ),
        (
            "/cache",
            json!({ "replicas": 9 }),
            "InvalidSpec",
            "ResolveNetwork",
        ),
        (
            "/environment",
            json!("Not A Name"),
            "InvalidSpec",
            "ResolveNetwork",
        ),
    ];
    for (pointer, value, error, step) in cases {
        let mut request = environment.request_with(pointer, value);
        request["dryRun"] = json!(true);
        let calls = environment.fault_scope.calls().len();

        let ended = world().run(&request);

        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        assert_eq!(ended.output["environment"], request["environment"]);
        let rejected = &ended.output["rejected"];
        assert_eq!(
            (&rejected["error"], &rejected["step"]),
            (&json!(error), &json!(step))
        );
        assert!(!text(&rejected["reason"]).is_empty(), "{rejected}");
        let (by_functions, by_states) = writes(&environment, calls);
        assert!(
            by_functions.is_empty() && by_states.is_empty(),
            "{by_functions:?} {by_states:?}"
        );
    }
}

#[test]
fn dry_run_that_makes_no_plan_fails_without_announcement() {
    let environment = world().environment();
    environment.fault_scope.inject(Rule {
        step: "PlanSubnetGroup".to_owned(),
        operation: "DescribeCacheSubnetGroups".to_owned(),
        when: When::Every,
        fault: Fault::AccessDenied,
    });
    let mut request = environment.request();
    request["dryRun"] = json!(true);

    let ended = world().run(&request);

    assert_eq!(ended.error, "AccessDenied", "{ended:?}");
    assert!(ended.cause.starts_with("PlanSubnetGroup: "), "{ended:?}");
    let (by_functions, by_states) = writes(&environment, 0);
    assert!(
        by_functions.is_empty() && by_states.is_empty(),
        "{by_functions:?} {by_states:?}"
    );
}

#[test]
fn plan_does_not_wait_for_a_running_execution() {
    let environment = world().environment();
    let execution = world().start(&environment.request());
    assert!(
        environment.fault_scope.wait(
            "EnsureReplicationGroup",
            "CreateReplicationGroup",
            std::time::Duration::from_mins(1)
        ),
        "the cache is requested"
    );
    let mut dry = environment.request();
    dry["dryRun"] = json!(true);

    let ended = world().run(&dry);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(ended.output["cache"], "found creating", "{ended:?}");
    assert_eq!(world().wait(&execution).status, "SUCCEEDED");
}

/// Creates outside envcache each resource that envcache would create. Returns the security group's ID.
fn create_unmanaged(environment: &Environment) -> String {
    let security_group = unmanaged::cache_as_requested(environment, world());
    unmanaged::parameter(
        environment,
        world(),
        "url",
        "rediss://unmanaged.example:6379",
    );
    security_group
}

#[test]
fn adopted_resources_are_changed_and_removed_as_owned() {
    let environment = world().environment();
    create_unmanaged(&environment);
    let rejected = world().run(&environment.request());
    assert_eq!(rejected.error, "NotOwned", "{rejected:?}");
    assert!(
        rejected.cause.contains("\"adopt\": true"),
        "{}",
        rejected.cause
    );

    let plan = plan_and_run(
        &environment,
        &environment.request_with("/adopt", json!(true)),
    );

    let adopted: Vec<_> = array(&plan["actions"])
        .filter(|action| {
            ["CreateTags", "AddTagsToResource"].contains(&text(&action["operation"]).as_str())
        })
        .map(|action| text(&action["resource"]).replace(&environment.name, "env"))
        .collect();
    assert_eq!(
        adopted,
        [
            "env-redis-sg",
            "env-cached-subnet-group",
            "env-redis",
            "/env/cache/url"
        ]
    );
    let found = resources::of(&environment, world()).expect("the resources");
    assert!(resources::violations(&found).is_empty(), "{found}");
    // The stack now owns the resources: later requests don't need `adopt`, and a removal deletes them.
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let removed = world().remove(&json!({ "environment": environment.name }));
    assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
    assert_eq!(removed.output["left"], json!([]), "{removed:?}");
    assert!(environment.cache(world()).is_err());
}

#[test]
fn resources_of_another_stack_are_never_adopted() {
    let environment = world().environment();
    let id = create_unmanaged(&environment);
    world().call(
        "ec2",
        "create_tags",
        &json!({ "Resources": [id], "Tags": [{ "Key": "envcache:stack", "Value": "another" }] }),
    );

    let ended = world().run(&environment.request_with("/adopt", json!(true)));

    assert_eq!(ended.error, "NotOwned", "{ended:?}");
    assert!(
        ended
            .cause
            .contains("its owner tags are envcache:stack=another"),
        "{}",
        ended.cause
    );
}
