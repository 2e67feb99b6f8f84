//! A run that is cut short: stopped at any state, or by an account that is new, slow or gone for a while.

use std::time::Duration;

use envcache_tests::matrix::{self, Scenario, Undisturbed};
use envcache_tests::{World, array, text, until};
use local::Settings;
use serde_json::json;

/// The states that a run passes; those of the branches stand in no history here, and are met by their calls.
const STATES: [&str; 11] = [
    "ResolveNetwork",
    "EnsureGroups",
    "RememberGroups",
    "EnsureReplicationGroup",
    "IsReplicationGroupSettled",
    "WaitForReplicationGroup",
    "CheckReplicationGroup",
    "IsReplicationGroupReady",
    "PublishEndpoint",
    "AnnounceAvailable",
    "Provisioned",
];
const STEPS: [&str; 6] = [
    "ResolveNetwork",
    "EnsureSecurityGroup",
    "EnsureSubnetGroup",
    "EnsureReplicationGroup",
    "CheckReplicationGroup",
    "PublishEndpoint",
];

#[test]
fn a_run_that_is_stopped_at_any_state_is_ended_by_the_next() {
    let world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    let machine = &world.stack.provision_state_machine_arn;
    let undisturbed = Undisturbed::run(&world, machine).expect("undisturbed runs");

    for state in STATES {
        let environment = world.environment();
        let execution = world.start(&environment.request());
        until(&format!("{state} is entered"), || {
            entered(&world, &execution, state).then_some(())
        });
        stop_and_start_again(&world, &undisturbed, &environment, &execution, state);
    }
    for step in STEPS {
        let environment = world.environment();
        let execution = world.start(&environment.request());
        let called = environment.tenant.wait(Duration::from_mins(1), |calls| {
            calls.iter().any(|call| call.step == step)
        });
        assert!(called, "{step} made no call");
        stop_and_start_again(&world, &undisturbed, &environment, &execution, step);
    }
}

fn entered(world: &World, execution: &str, state: &str) -> bool {
    let history = world.call(
        "stepfunctions",
        "get_execution_history",
        &json!({ "executionArn": execution }),
    );
    array(&history["events"]).any(|event| text(&event["stateEnteredEventDetails"]["name"]) == state)
}

fn stop_and_start_again(
    world: &World,
    undisturbed: &Undisturbed,
    environment: &envcache_tests::Environment,
    execution: &str,
    at: &str,
) {
    // One that has ended already cannot be stopped, which is as well.
    let _ = world.aws.call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": execution }),
    );

    let ended = world.run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "stopped at {at}: {ended:?}");
    undisturbed
        .compare(Scenario::Create, environment, world)
        .unwrap_or_else(|error| panic!("stopped at {at}: {error:#}"));
}

#[test]
fn the_first_use_of_an_account_succeeds_once_elasticache_has_made_its_role() {
    let world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    world.gateway().forget_service_linked_role();
    let environment = world.environment();

    let ended = world.run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}

#[test]
fn an_account_that_takes_few_calls_only_takes_longer() {
    let world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    // Four parameters are written, two at once, then one every two seconds of AWS's time.
    world.gateway().limit("PutParameter", 2, 0.5);
    world.gateway().limit("DescribeReplicationGroups", 1, 0.1);
    let environments = [world.environment(), world.environment()];

    let executions = environments
        .each_ref()
        .map(|environment| world.start(&environment.request()));

    for execution in executions {
        let ended = world.wait(&execution);
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    }
}

#[test]
fn a_run_survives_no_restart_of_aws_but_the_next_one_ends_it() {
    let mut world = World::deploy_with(Settings {
        persistent: true,
        ..matrix::SETTINGS
    })
    .expect("a stack");
    let environment = world.environment();
    let execution = world.start(&environment.request());
    until("it waits for the cache", || {
        entered(&world, &execution, "WaitForReplicationGroup").then_some(())
    });

    world.restart().expect("it starts again");

    let broken = world.wait(&execution);
    assert_eq!(broken.status, "FAILED", "{broken:?}");
    let ended = world.run(&environment.request());
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(
        ended.output["primaryEndpoint"],
        environment.primary_endpoint(&world)
    );
    assert_eq!(
        world.security_groups(&environment),
        [
            "backend",
            "default",
            &format!("{}-redis-sg", environment.name)
        ],
        "nothing was made twice"
    );
}
