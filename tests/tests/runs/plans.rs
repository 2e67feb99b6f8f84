//! A plan tells what a run would do, and does nothing; and the run then does exactly that.

use envcache_tests::{Environment, array, fast_world as world, resources, text, unmanaged};
use envcache_tests::lambda::reads;
use serde_json::{Value, json};

/// The calls that wrote since then, each once: by functions, and by states.
fn writes(environment: &Environment, since: usize) -> (Vec<String>, Vec<String>) {
    let calls = environment.fault_scope.calls().split_off(since);
    let (mut by_functions, mut by_states) = (Vec::new(), Vec::new());
    for call in calls {
        let reads = reads(&call.operation) || call.operation.starts_with("DescribeExecution");
        if reads || call.operation == "GetItem" {
            continue;
        }
        // No plan shows what is written to the record.
        if call.by_function && call.operation != "UpdateItem" {
            by_functions.push(call.operation);
        } else {
            by_states.push(call.operation);
        }
    }
    by_functions.sort();
    (by_functions, by_states)
}

/// Asks for a plan, and sees that nothing is written and everything stays as it is.
fn plan(environment: &Environment, request: &Value) -> Value {
    let before = resources::of(environment, world()).expect("what is there");
    let calls = environment.fault_scope.calls().len();
    let mut dry = request.clone();
    dry["dryRun"] = json!(true);

    let ended = world().run(&dry);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(ended.output["plan"], true, "{ended:?}");
    let (by_functions, by_states) = writes(environment, calls);
    assert!(by_functions.is_empty(), "{by_functions:?}");
    assert!(by_states.is_empty(), "{by_states:?}");
    let after = resources::of(environment, world()).expect("what is there");
    assert_eq!(before, after);
    ended.output
}

/// Asks for a plan, then for the run, and compares the two.
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
    assert_eq!(planned, done, "what was planned is what was done: {plan}");
    let again = self::plan(environment, request);
    assert_eq!(again["actions"], json!([]), "nothing is left to do");
    plan
}

#[test]
fn a_first_run_is_planned_from_the_group_to_the_parameters() {
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
fn a_change_is_planned_with_found_and_wanted() {
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
fn what_a_run_would_refuse_a_plan_refuses_and_nobody_is_told() {
    let environment = world().environment();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let cases = [
        (
            "/cache",
            json!({ "port": 6380 }),
            "Immutable",
            "PlanReplicationGroup: ",
        ),
        (
            "/parameterPrefix",
            json!("/elsewhere"),
            "Immutable",
            "PlanEnvironment: ",
        ),
        (
            "/cache",
            json!({ "replicas": 9 }),
            "InvalidSpec",
            "ResolveNetwork: ",
        ),
    ];
    for (pointer, value, error, step) in cases {
        let mut request = environment.request_with(pointer, value);
        request["dryRun"] = json!(true);
        let calls = environment.fault_scope.calls().len();

        let ended = world().run(&request);

        assert_eq!(ended.error, error, "{ended:?}");
        assert!(ended.cause.starts_with(step), "{}", ended.cause);
        let (by_functions, by_states) = writes(&environment, calls);
        assert!(
            by_functions.is_empty() && by_states.is_empty(),
            "{by_functions:?} {by_states:?}"
        );
    }
}

#[test]
fn a_plan_does_not_wait_for_a_run_that_is_at_work() {
    let environment = world().environment();
    let execution = world().start(&environment.request());
    assert!(
        environment.fault_scope.wait(
            "EnsureReplicationGroup",
            "CreateReplicationGroup",
            std::time::Duration::from_mins(1)
        ),
        "the cache is asked for"
    );
    let mut dry = environment.request();
    dry["dryRun"] = json!(true);

    let ended = world().run(&dry);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(ended.output["cache"], "found creating", "{ended:?}");
    assert_eq!(world().wait(&execution).status, "SUCCEEDED");
}

/// Makes by hand all that envcache would make. Tells the security group's id.
fn make_by_hand(environment: &Environment) -> String {
    let security_group = unmanaged::cache_as_wanted(environment, world());
    unmanaged::parameter(environment, world(), "url", "rediss://by-hand.example:6379");
    security_group
}

#[test]
fn what_was_made_by_hand_is_adopted_where_that_is_asked_for_and_then_goes_as_our_own() {
    let environment = world().environment();
    make_by_hand(&environment);
    let refused = world().run(&environment.request());
    assert_eq!(refused.error, "NotOwned", "{refused:?}");
    assert!(
        refused.cause.contains("\"adopt\": true"),
        "{}",
        refused.cause
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
    let found = resources::of(&environment, world()).expect("what is there");
    assert!(resources::broken_promises(&found).is_empty(), "{found}");
    // From now on it is ours: no word of adoption is needed any more, and it can be removed.
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let removed = world().remove(&json!({ "environment": environment.name }));
    assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
    assert_eq!(removed.output["left"], json!([]), "{removed:?}");
    assert!(environment.cache(world()).is_err());
}

#[test]
fn what_another_stack_owns_is_never_adopted() {
    let environment = world().environment();
    let id = make_by_hand(&environment);
    world().call(
        "ec2",
        "create_tags",
        &json!({ "Resources": [id], "Tags": [{ "Key": "envcache:stack", "Value": "another" }] }),
    );

    let ended = world().run(&environment.request_with("/adopt", json!(true)));

    assert_eq!(ended.error, "NotOwned", "{ended:?}");
    assert!(
        ended.cause.contains("its tags say envcache:stack=another"),
        "{}",
        ended.cause
    );
}
