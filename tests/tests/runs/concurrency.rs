//! One run at a time for each environment, and precedence by event time.

use envcache_tests::{Ended, Environment, World, fast_world as world, text, unmanaged, until};
use local::gateway::elasticache::Lifecycle;
use serde_json::{Value, json};

/// Runs a request for the environment with an event time and cache settings.
fn run_at(environment: &Environment, time: &str, cache: &Value) -> Ended {
    let mut request = environment.request_with("/event", json!({ "id": time, "time": time }));
    request["cache"] = cache.clone();
    world().run(&request)
}

#[test]
fn request_is_recorded_before_anything_is_created() {
    let environment = world().environment();

    let ended = run_at(
        &environment,
        "2026-11-23T10:00:00Z",
        &json!({ "replicas": 1 }),
    );

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let first_call =
        |step: &str, operation: &str| environment.fault_scope.call_times(step, operation)[0];
    let recorded = first_call("ClaimEnvironment", "UpdateItem");
    let created = first_call("EnsureSecurityGroup", "CreateSecurityGroup")
        .min(first_call("EnsureSubnetGroup", "CreateCacheSubnetGroup"));
    assert!(
        recorded < created,
        "recorded at {recorded}, created at {created}"
    );
    let record = environment.record(world()).expect("a record");
    assert_eq!(
        record["requestedAt"]["N"], "1795428000000",
        "2026-11-23T10:00:00Z"
    );
    let identity = text(&record["cacheIdentity"]["S"]);
    let identity: Value = serde_json::from_str(&identity).expect("JSON");
    assert_eq!(identity["cacheName"], format!("{}-redis", environment.name));
    assert!(record["holder"].is_null(), "released: {record}");
    let spec: Value = serde_json::from_str(&text(&record["spec"]["S"])).expect("JSON");
    assert_eq!(spec["cache"]["replicas"], 1, "as requested: {spec}");
    assert_eq!(spec["cache"]["nodeType"], "cache.t3.micro", "with defaults");
}

#[test]
fn second_run_waits_until_the_first_releases_its_claim() {
    let environment = world().environment();
    let lifecycle = Lifecycle {
        creating: 120.0,
        ..Lifecycle::default()
    };
    environment.set_lifecycle(world(), lifecycle);
    let first = world().start(&environment.request());
    until("the first run holds the claim", || {
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
            .entered_states(&second)
            .contains(&"WaitForClaim".to_owned()),
        "the second run waits: {:?}",
        world().entered_states(&second)
    );
    let released = environment
        .fault_scope
        .call_times("ReleaseEnvironment", "UpdateItem")[0];
    let started = environment
        .fault_scope
        .call_times("EnsureSecurityGroup", "DescribeSecurityGroups");
    assert_eq!(started.len(), 2, "one call per run");
    assert!(
        started[1] > released,
        "the second run starts after the first has released its claim"
    );
}

#[test]
fn older_request_is_superseded_without_waiting() {
    let environment = world().environment();
    let slow = Lifecycle {
        creating: 1_800.0,
        ..Lifecycle::default()
    };
    environment.set_lifecycle(world(), slow);
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
        !world()
            .entered_states(&older)
            .contains(&"WaitForClaim".to_owned()),
        "the older run doesn't wait: {:?}",
        world().entered_states(&older)
    );
    let record = environment.record(world()).expect("a record");
    assert_eq!(
        record["holder"]["S"], newer,
        "the newer run still holds the claim"
    );
    assert_eq!(world().wait(&newer).status, "SUCCEEDED");
}

#[test]
fn takes_over_claim_when_holder_ended_or_is_unknown() {
    let stopped = world().environment();
    let execution = world().start(&stopped.request());
    until("the run holds the claim", || {
        let record = stopped.record(world()).ok()?;
        (record["holder"]["S"] == *execution).then_some(())
    });
    world().call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": execution }),
    );
    let with_unknown_holder = world().environment();
    let machine = &world().stack.provision_state_machine_arn;
    let ended_long_ago = World::execution(machine, "long-ago");
    with_unknown_holder
        .hold(world(), &ended_long_ago)
        .expect("a claim");
    // An earlier version of envcache named the state machines after the stack.
    let with_old_holder = world().environment();
    let (prefix, _) = ended_long_ago.rsplit_once(":envcache-").expect("a name");
    let old_holder = format!("{prefix}:envcache-provision:long-ago");
    with_old_holder.hold(world(), &old_holder).expect("a claim");

    for environment in [stopped, with_unknown_holder, with_old_holder] {
        let execution = world().start(&environment.request());

        let ended = world().wait(&execution);

        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        let states = world().entered_states(&execution);
        let waits = states.iter().filter(|state| *state == "WaitForClaim");
        assert!(
            waits.count() >= 1,
            "waits for in-flight functions of the former holder: {states:?}"
        );
        let record = environment.record(world()).expect("a record");
        assert!(record["holder"].is_null(), "released: {record}");
    }
}

#[test]
fn times_out_and_names_the_holder_that_keeps_its_claim() {
    let environment = world().environment();
    let machine = world().create_state_machine(
        "endless",
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
    assert_eq!(record["holder"]["S"], *holder, "the holder keeps its claim");
}

#[test]
fn older_event_is_superseded_and_changes_nothing() {
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
    assert_eq!(steps, ["PlanEnvironment"], "only reads the record");
    let again = run_at(&environment, "2026-11-23T10:00:00Z", &json!({}));
    assert_eq!(
        again.output["superseded"],
        Value::Null,
        "an equal event time is not older"
    );
}

#[test]
fn identity_change_is_immutable_and_changes_nothing() {
    let environment = world().environment();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let record = environment.request_record(world()).expect("a record");
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
        environment.request_record(world()).expect("a record"),
        record,
        "the record is unchanged"
    );
}

#[test]
fn names_can_change_before_the_cache_is_requested() {
    let environment = world().environment();
    unmanaged::security_group(&environment, world());
    let first = world().run(&environment.request());
    assert_eq!(first.error, "NotOwned", "{first:?}");

    let other = json!({ "securityGroupName": format!("{}-other-sg", environment.name) });
    let second = world().run(&environment.request_with("/cache", other));

    assert_eq!(
        second.status, "SUCCEEDED",
        "as the first run's cause advises: {second:?}"
    );
}

#[test]
fn future_event_does_not_block_later_requests() {
    let environment = world().environment();
    let future = run_at(&environment, "2099-01-01T00:00:00Z", &json!({}));
    assert_eq!(future.status, "SUCCEEDED", "{future:?}");

    let manual = world().run(&environment.request());

    assert_eq!(manual.status, "SUCCEEDED", "{manual:?}");
    assert_eq!(manual.output["superseded"], Value::Null, "{manual:?}");
}

#[test]
fn run_publishes_nothing_after_losing_its_claim() {
    let environment = world().environment();
    let execution = world().start(&environment.request());
    until("the run waits for the cache", || {
        world()
            .entered_states(&execution)
            .contains(&"WaitForReplicationGroup".to_owned())
            .then_some(())
    });

    environment.hold(world(), "another").expect("a claim");

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
        "the other run keeps its claim: {record}"
    );
}

#[test]
fn runs_take_over_a_stale_claim_one_at_a_time() {
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
    let started = environment
        .fault_scope
        .call_times("EnsureSecurityGroup", "DescribeSecurityGroups");
    assert!(!started.is_empty(), "no run reached EnsureSecurityGroup");
    for (after, before) in started.iter().skip(1).zip(&released) {
        assert!(
            before < after,
            "started at {started:?}, released at {released:?}: two runs at once"
        );
    }
}
