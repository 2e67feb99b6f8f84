//! A run that is cut short: stopped at any state, or by a restart of AWS.

use std::time::Duration;

use envcache_tests::definition::{Machine, states};
use envcache_tests::matrix::{self, Baseline, Machines, Scenario};
use envcache_tests::{Environment, World, text, until};
use local::Settings;
use local::gateway::elasticache::Lifecycle;
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

#[test]
fn a_run_that_is_stopped_at_any_state_is_ended_by_the_next() {
    let world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    let baseline = Baseline::run(&world, Machines::deployed(&world)).expect("baseline runs");

    // Choices, passes and ends take no time: a run is stopped before or after them.
    for (state, definition) in states(Machine::Provision) {
        match definition["Type"].as_str() {
            // It changes nothing, and a stack without the backend's network does not pass it.
            Some("Task") if state == "VerifyEndpoint" => {}
            Some("Task" | "Wait") => {
                let environment = world.environment();
                let execution = hold(&world, &baseline, &environment, &state);
                stop_and_start_again(&world, &baseline, &environment, &execution, &state);
            }
            Some("Choice" | "Pass" | "Parallel" | "Succeed" | "Fail") => {}
            other => panic!("{state} is {other:?}: say how it is stopped"),
        }
    }
}

/// Starts a run and holds it at a state: its call is never answered, or it has to wait for long.
fn hold(world: &World, baseline: &Baseline, environment: &Environment, state: &str) -> String {
    let mut request = environment.request();
    let (step, operation) = match state {
        "WaitForClaim" => {
            hold_by_another(world, environment);
            return start_and_wait_for(world, &request, state);
        }
        "WaitForReplicationGroup" => {
            let slow = Lifecycle {
                creating: 300.0,
                ..Lifecycle::default()
            };
            world
                .gateway()
                .set_lifecycle(&format!("{}-redis", environment.name), slow);
            return start_and_wait_for(world, &request, state);
        }
        "AnnounceFailure" => {
            request["network"]["vpc"] = json!("no-such-vpc");
            (state, "PutEvents")
        }
        "RecordRollback" | "StartRollback" => {
            request["onFailure"] = json!("rollback");
            environment.fault_scope.inject(Rule {
                step: "EnsureReplicationGroup".to_owned(),
                operation: "CreateReplicationGroup".to_owned(),
                when: When::Every,
                fault: Fault::AccessDenied,
            });
            let operation = if state == "StartRollback" {
                "StartExecution"
            } else {
                "UpdateItem"
            };
            (state, operation)
        }
        step => {
            let of_step = |scenario: Scenario| {
                let mut calls = baseline.calls(scenario).iter();
                Some((scenario, calls.find(|call| call.step == step)?))
            };
            let (scenario, first) = Scenario::FIRST
                .into_iter()
                .filter(|scenario| *scenario != Scenario::Remove)
                .find_map(of_step)
                .expect("it calls AWS");
            scenario
                .prepare(world, environment)
                .expect("what is there before");
            (step, first.operation.as_str())
        }
    };
    environment.fault_scope.inject(Rule {
        step: step.to_owned(),
        operation: operation.to_owned(),
        when: When::Every,
        fault: Fault::NoReply,
    });
    let execution = world.start(&request);
    let called = environment
        .fault_scope
        .wait(step, operation, Duration::from_mins(1));
    assert!(called, "{state}: {step} did not call {operation}");
    execution
}

/// Somebody else is at work on the environment, and stops after a while.
fn hold_by_another(world: &World, environment: &Environment) {
    let machine = world.create_state_machine(
        &format!("other-{}", environment.name),
        &json!({
            "StartAt": "Work",
            "States": { "Work": { "Type": "Wait", "Seconds": 300, "End": true } },
        }),
    );
    let started = world.call(
        "stepfunctions",
        "start_execution",
        &json!({ "stateMachineArn": machine, "input": "{}" }),
    );
    world.allow_other_holders();
    environment
        .hold(world, &text(&started["executionArn"]))
        .expect("its claim");
}

fn start_and_wait_for(world: &World, request: &Value, state: &str) -> String {
    let execution = world.start(request);
    until(&format!("{state} is entered"), || {
        entered(world, &execution, state).then_some(())
    });
    execution
}

fn entered(world: &World, execution: &str, state: &str) -> bool {
    world.entered(execution).iter().any(|name| name == state)
}

fn stop_and_start_again(
    world: &World,
    baseline: &Baseline,
    environment: &Environment,
    execution: &str,
    state: &str,
) {
    world.call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": execution }),
    );
    environment.fault_scope.clear_faults();
    let stopped = world.wait(execution);
    assert_eq!(stopped.status, "ABORTED", "stopped at {state}: {stopped:?}");

    let ended = world.run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "stopped at {state}: {ended:?}");
    baseline
        .compare(Scenario::Create, environment, world)
        .unwrap_or_else(|error| panic!("stopped at {state}: {error:#}"));
}

#[test]
fn a_removal_that_is_stopped_at_any_call_is_ended_by_the_next() {
    let world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    let machines = Machines::deployed(&world);
    let baseline = Baseline::run(&world, machines).expect("baseline runs");
    let machine = machines.of(Scenario::Remove);

    for call in baseline.calls(Scenario::Remove) {
        let environment = world.environment();
        Scenario::Remove
            .prepare(&world, &environment)
            .expect("a cache");
        let calls_before = environment
            .fault_scope
            .call_times(&call.step, &call.operation)
            .len();
        environment.fault_scope.inject(Rule {
            step: call.step.clone(),
            operation: call.operation.clone(),
            when: When::Every,
            fault: Fault::NoReply,
        });
        let execution = world.start_on(machine, &Scenario::Remove.request(&environment));
        until(&format!("{call:?} is made"), || {
            let calls = environment
                .fault_scope
                .call_times(&call.step, &call.operation);
            (calls.len() > calls_before).then_some(())
        });
        world.call(
            "stepfunctions",
            "stop_execution",
            &json!({ "executionArn": execution }),
        );
        environment.fault_scope.clear_faults();
        assert_eq!(world.wait(&execution).status, "ABORTED", "{call:?}");

        let ended = world.run_on(machine, &Scenario::Remove.request(&environment));

        assert_eq!(ended.status, "SUCCEEDED", "stopped at {call:?}: {ended:?}");
        baseline
            .compare(Scenario::Remove, &environment, &world)
            .unwrap_or_else(|error| panic!("stopped at {call:?}: {error:#}"));
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
