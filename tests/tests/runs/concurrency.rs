//! One run at a time for each environment, and the last word in event time.

use envcache_tests::{Ended, Environment, World, fast_world as world, text, unmanaged, until};
use local::gateway::elasticache::Lifecycle;
use serde_json::{Value, json};

/// Asks for the environment at a moment, with other settings.
fn run_at(environment: &Environment, time: &str, cache: &Value) -> Ended {
    let mut request = environment.request_with("/event", json!({ "id": time, "time": time }));
    request["cache"] = cache.clone();
    world().run(&request)
}

#[test]
fn what_is_asked_for_is_remembered_before_anything_is_created() {
    let environment = world().environment();

    let ended = run_at(
        &environment,
        "2026-11-23T10:00:00Z",
        &json!({ "replicas": 1 }),
    );

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let moments =
        |step: &str, operation: &str| environment.fault_scope.call_times(step, operation)[0];
    let remembered = moments("ClaimEnvironment", "UpdateItem");
    let created = moments("EnsureSecurityGroup", "CreateSecurityGroup")
        .min(moments("EnsureSubnetGroup", "CreateCacheSubnetGroup"));
    assert!(remembered < created, "{remembered} and {created}");
    let record = environment.record(world()).expect("a record");
    assert_eq!(
        record["requestedAt"]["N"], "1795428000000",
        "2026-11-23T10:00:00Z"
    );
    let identity = text(&record["cacheIdentity"]["S"]);
    let identity: Value = serde_json::from_str(&identity).expect("JSON");
    assert_eq!(identity["cacheName"], format!("{}-redis", environment.name));
    assert!(record["holder"].is_null(), "it is released: {record}");
    let spec: Value = serde_json::from_str(&text(&record["spec"]["S"])).expect("JSON");
    assert_eq!(spec["cache"]["replicas"], 1, "as applied: {spec}");
    assert_eq!(spec["cache"]["nodeType"], "cache.t3.micro", "without gaps");
}

#[test]
fn a_second_run_for_an_environment_waits_for_its_turn() {
    let environment = world().environment();
    let lifecycle = Lifecycle {
        creating: 120.0,
        ..Lifecycle::default()
    };
    world()
        .gateway()
        .set_lifecycle(&format!("{}-redis", environment.name), lifecycle);
    let first = world().start(&environment.request());
    until("the first holds it", || {
        let record = environment.record(world()).ok()?;
        (record["holder"]["S"] == *first).then_some(())
    });

    let second = world().start(&environment.request());

    for execution in [&first, &second] {
        let ended = world().wait(execution);
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    }
    assert!(
        world()
            .entered(&second)
            .contains(&"WaitForClaim".to_owned()),
        "the second waits: {:?}",
        world().entered(&second)
    );
    let released = environment
        .fault_scope
        .call_times("ReleaseEnvironment", "UpdateItem")[0];
    let looked = environment
        .fault_scope
        .call_times("EnsureSecurityGroup", "DescribeSecurityGroups");
    assert_eq!(looked.len(), 2, "each looks once");
    assert!(
        looked[1] > released,
        "the second begins once the first has released it"
    );
}

#[test]
fn a_waiting_run_ends_as_superseded_as_soon_as_a_newer_request_is_recorded() {
    let environment = world().environment();
    let slow = Lifecycle {
        creating: 1_800.0,
        ..Lifecycle::default()
    };
    world()
        .gateway()
        .set_lifecycle(&format!("{}-redis", environment.name), slow);
    let at = |time: &str| environment.request_with("/event", json!({ "id": time, "time": time }));
    let newer = world().start(&at("2026-11-23T10:00:05Z"));
    until("the newer request is recorded", || {
        let record = environment.record(world()).expect("a record");
        (record["lastExecution"]["S"] == newer).then_some(())
    });

    let older = world().start(&at("2026-11-23T10:00:00Z"));
    let ended = world().wait(&older);

    assert_eq!(ended.output["superseded"], true, "{ended:?}");
    assert!(
        !world().entered(&older).contains(&"WaitForClaim".to_owned()),
        "it doesn't wait: {:?}",
        world().entered(&older)
    );
    let record = environment.record(world()).expect("a record");
    assert_eq!(
        record["holder"]["S"], newer,
        "the newer run is still at work"
    );
    assert_eq!(world().wait(&newer).status, "SUCCEEDED");
}

#[test]
fn a_claim_whose_execution_is_over_or_forgotten_is_taken_over() {
    let stopped = world().environment();
    let execution = world().start(&stopped.request());
    until("it holds the environment", || {
        let record = stopped.record(world()).ok()?;
        (record["holder"]["S"] == *execution).then_some(())
    });
    world().call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": execution }),
    );
    let forgotten = world().environment();
    let machine = &world().stack.provision_state_machine_arn;
    let ended_long_ago = World::execution(machine, "long-ago");
    forgotten.hold(world(), &ended_long_ago).expect("a claim");

    for environment in [stopped, forgotten] {
        let execution = world().start(&environment.request());

        let ended = world().wait(&execution);

        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        let states = world().entered(&execution);
        let waits = states.iter().filter(|state| *state == "WaitForClaim");
        assert!(
            waits.count() >= 1,
            "it waits for the functions of the former holder: {states:?}"
        );
        let record = environment.record(world()).expect("a record");
        assert!(record["holder"].is_null(), "released: {record}");
    }
}

#[test]
fn an_environment_that_another_run_holds_for_too_long_is_given_up_with_its_name() {
    let environment = world().environment();
    let machine = world().create_state_machine(
        "for-ever",
        &json!({
            "StartAt": "Hang",
            "States": { "Hang": { "Type": "Wait", "Seconds": 1_000_000, "End": true } },
        }),
    );
    let started = world().call(
        "stepfunctions",
        "start_execution",
        &json!({ "stateMachineArn": machine, "input": "{}" }),
    );
    let holder = text(&started["executionArn"]);
    world().allow_other_holders();
    environment.hold(world(), &holder).expect("a claim");

    let ended = world().run(&environment.request());

    assert_eq!(ended.error, "Timeout", "{ended:?}");
    assert_eq!(
        ended.cause,
        format!(
            "PlanEnvironment: environment `{}` is held by {holder}, which still runs after 90 minutes of waiting. \
             Nothing was changed. Check that execution, stop it if it hangs, then start again",
            environment.name
        )
    );
    let record = environment.record(world()).expect("a record");
    assert_eq!(record["holder"]["S"], *holder, "it is left its claim");
}

#[test]
fn an_event_older_than_the_one_last_applied_changes_nothing_and_succeeds() {
    let environment = world().environment();
    let first = run_at(&environment, "2026-11-23T10:00:00Z", &json!({}));
    assert_eq!(first.status, "SUCCEEDED", "{first:?}");
    let before = environment.fault_scope.calls().len();

    let late = run_at(
        &environment,
        "2026-11-23T09:59:59Z",
        &json!({ "snapshotRetentionDays": 9 }),
    );

    assert_eq!(late.status, "SUCCEEDED", "{late:?}");
    assert_eq!(
        late.output,
        json!({
            "environment": environment.name,
            "superseded": true,
            "reason": "this request is from 2026-11-23T09:59:59.000Z; a newer request from 2026-11-23T10:00:00.000Z \
                       takes precedence. Nothing was changed. To apply this request anyway, start an execution manually \
                       without its `event` field",
        })
    );
    let steps: Vec<_> = environment.fault_scope.calls()[before..]
        .iter()
        .map(|call| call.step.clone())
        .filter(|step| step != "ResolveNetwork")
        .collect();
    assert_eq!(steps, ["PlanEnvironment"], "it reads the record, no more");
    let again = run_at(&environment, "2026-11-23T10:00:00Z", &json!({}));
    assert_eq!(
        again.output["superseded"],
        Value::Null,
        "of the same moment is not older"
    );
}

#[test]
fn another_identity_is_immutable_and_nothing_is_changed() {
    let environment = world().environment();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let record = environment.record(world()).expect("a record");
    let cases = [
        (
            "/parameterPrefix",
            json!("/elsewhere"),
            "parameterPrefix is `/",
        ),
        ("/cache", json!({ "name": "other" }), "cache.name is `"),
        (
            "/cache",
            json!({ "securityGroupName": "other" }),
            "cache.securityGroupName is `",
        ),
        (
            "/cache",
            json!({ "subnetGroupName": "other" }),
            "cache.subnetGroupName is `",
        ),
    ];
    for (pointer, value, expected) in cases {
        let before = environment.fault_scope.calls().len();

        let ended = world().run(&environment.request_with(pointer, value));

        assert_eq!(ended.error, "Immutable", "{pointer}: {ended:?}");
        assert!(ended.cause.starts_with("PlanEnvironment: "), "{ended:?}");
        assert!(ended.cause.contains(expected), "{pointer}: {}", ended.cause);
        let called = environment.fault_scope.calls().split_off(before);
        let ensured = called.iter().any(|call| call.step.starts_with("Ensure"));
        assert!(!ensured, "{pointer}: {called:?}");
    }
    assert_eq!(
        environment.record(world()).expect("a record"),
        record,
        "what was applied is remembered still"
    );
}

#[test]
fn before_its_cache_is_asked_for_an_environment_may_choose_other_names() {
    let environment = world().environment();
    unmanaged::security_group(&environment, world());
    let first = world().run(&environment.request());
    assert_eq!(first.error, "NotOwned", "{first:?}");

    let other = json!({ "securityGroupName": format!("{}-other-sg", environment.name) });
    let second = world().run(&environment.request_with("/cache", other));

    assert_eq!(
        second.status, "SUCCEEDED",
        "as the cause advised: {second:?}"
    );
}

#[test]
fn an_event_from_the_future_does_not_lock_the_environment() {
    let environment = world().environment();
    let far = run_at(&environment, "2099-01-01T00:00:00Z", &json!({}));
    assert_eq!(far.status, "SUCCEEDED", "{far:?}");

    let now = world().run(&environment.request());

    assert_eq!(now.status, "SUCCEEDED", "{now:?}");
    assert_eq!(now.output["superseded"], Value::Null, "{now:?}");
}

#[test]
fn a_run_that_has_lost_its_claim_changes_and_publishes_nothing_more() {
    let environment = world().environment();
    let execution = world().start(&environment.request());
    until("it waits for the cache", || {
        world()
            .entered(&execution)
            .contains(&"WaitForReplicationGroup".to_owned())
            .then_some(())
    });

    environment.hold(world(), "another").expect("its claim");

    let ended = world().wait(&execution);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(ended.output["superseded"], true, "{ended:?}");
    assert!(
        environment.parameters(world()).is_empty(),
        "nothing is published"
    );
    let record = environment.record(world()).expect("a record");
    assert_eq!(
        record["holder"]["S"], "another",
        "the claim is left: {record}"
    );
}

#[test]
fn of_many_runs_on_a_stale_claim_one_is_at_work_at_a_time() {
    let environment = world().environment();
    let machine = &world().stack.provision_state_machine_arn;
    let ended_long_ago = World::execution(machine, "stale");
    environment.hold(world(), &ended_long_ago).expect("a claim");

    let executions: Vec<_> = (0..4)
        .map(|_| world().start(&environment.request()))
        .collect();

    for execution in executions {
        let ended = world().wait(&execution);
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    }
    let released = environment
        .fault_scope
        .call_times("ReleaseEnvironment", "UpdateItem");
    let begun = environment
        .fault_scope
        .call_times("EnsureSecurityGroup", "DescribeSecurityGroups");
    assert!(!begun.is_empty(), "somebody was at work");
    for (after, before) in begun.iter().skip(1).zip(&released) {
        assert!(
            before < after,
            "begun at {begun:?}, released at {released:?}: two at work at once"
        );
    }
}
