//! Runs that are interrupted: by a stop at any state, or by a restart of the simulator.

use envcache_tests::definition::{Machine, states};
use envcache_tests::matrix::{self, Baseline, Machines, Scenario};
use envcache_tests::{Environment, World, text, until};
use local::Settings;
use local::gateway::elasticache::Lifecycle;
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

#[test]
fn next_run_completes_a_run_stopped_at_any_state() {
    let world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    let baseline = Baseline::run(&world, Machines::deployed(&world)).expect("baseline runs");

    // Choice, Pass, and end states take no time, so a run stops before or after them.
    for (state, definition) in states(Machine::Provision) {
        match definition["Type"].as_str() {
            // It changes nothing, and a stack without the backend's network skips it.
            Some("Task") if state == "VerifyEndpoint" => {}
            Some("Task" | "Wait") => {
                let environment = world.environment();
                let (scenario, execution) = hold(&world, &baseline, &environment, &state);
                world.call(
                    "stepfunctions",
                    "stop_execution",
                    &json!({ "executionArn": execution }),
                );
                environment.fault_scope.clear_faults();
                let stopped = world.wait(&execution);
                assert_eq!(stopped.status, "ABORTED", "stopped at {state}: {stopped:?}");

                let ended = world.run(&scenario.request(&environment));

                assert_eq!(ended.status, "SUCCEEDED", "stopped at {state}: {ended:?}");
                baseline
                    .compare(scenario, &environment, &world)
                    .unwrap_or_else(|error| panic!("stopped at {state}: {error:#}"));
            }
            Some("Choice" | "Pass" | "Parallel" | "Succeed" | "Fail") => {}
            other => panic!("{state}: stopping a state of type {other:?} is not implemented"),
        }
    }
}

/// Starts a run and holds it at a state: the state's call gets no reply, or its wait is long. Returns the scenario that the next
/// run completes, and the execution.
fn hold(
    world: &World,
    baseline: &Baseline,
    environment: &Environment,
    state: &str,
) -> (Scenario, String) {
    let mut scenario = Scenario::Create;
    let mut request = scenario.request(environment);
    let (step, operation) = match state {
        "WaitForClaim" => {
            hold_by_another(world, environment);
            return (scenario, start_and_wait_for(world, &request, state));
        }
        "WaitForReplicationGroup" => {
            let slow = Lifecycle {
                creating: 300.0,
                ..Lifecycle::default()
            };
            environment.set_lifecycle(world, slow);
            return (scenario, start_and_wait_for(world, &request, state));
        }
        "AnnounceFailure" => {
            request["network"]["vpc"] = json!("no-such-vpc");
            (state, "PutEvents")
        }
        "RecordResult" => {
            request["network"]["vpc"] = json!("no-such-vpc");
            (state, "UpdateItem")
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
            let (found, first) = Scenario::ALL
                .into_iter()
                .filter(|scenario| *scenario != Scenario::Remove)
                .find_map(of_step)
                .expect("the step calls AWS");
            found
                .prepare(world, environment)
                .expect("the scenario's resources");
            scenario = found;
            request = found.request(environment);
            (step, first.operation.as_str())
        }
    };
    let calls = || environment.fault_scope.call_times(step, operation).len();
    let calls_before = calls();
    environment.fault_scope.inject(Rule {
        step: step.to_owned(),
        operation: operation.to_owned(),
        when: When::Every,
        fault: Fault::NoReply,
    });
    let execution = world.start(&request);
    until(&format!("{state}: {step} calls {operation}"), || {
        (calls() > calls_before).then_some(())
    });
    (scenario, execution)
}

/// Lets another execution hold the environment's claim for a limited time.
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
        .expect("a claim");
}

fn start_and_wait_for(world: &World, request: &Value, state: &str) -> String {
    let execution = world.start(request);
    until(&format!("{state} is entered"), || {
        entered(world, &execution, state).then_some(())
    });
    execution
}

fn entered(world: &World, execution: &str, state: &str) -> bool {
    world
        .entered_states(execution)
        .iter()
        .any(|name| name == state)
}

#[test]
fn next_removal_completes_a_removal_stopped_at_any_call() {
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
fn next_run_completes_a_run_that_a_restart_ended() {
    let mut world = World::deploy_with(Settings {
        persistent: true,
        ..matrix::SETTINGS
    })
    .expect("a stack");
    let environment = world.environment();
    let execution = world.start(&environment.request());
    until("the run waits for the cache", || {
        entered(&world, &execution, "WaitForReplicationGroup").then_some(())
    });

    world.restart().expect("a restart");

    let interrupted = world.wait(&execution);
    assert_eq!(interrupted.status, "FAILED", "{interrupted:?}");
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
        "nothing was created twice"
    );
}
