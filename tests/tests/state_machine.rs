//! The state machines, read as data.

use std::collections::BTreeSet;

use contract::ErrorName;
use envcache_tests::definition::{Machine, state_machine, states, steps, strings, tasks, template};
use serde_json::{Value, json};

/// What Step Functions and Lambda themselves report, by
/// <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html> and
/// <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception>.
const FOREIGN: [&str; 12] = [
    "DynamoDB.ConditionalCheckFailedException",
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.ALL",
    "States.TaskFailed",
    "States.Timeout",
];

/// The states of both machines.
fn all_states() -> impl Iterator<Item = (String, Value)> {
    Machine::ALL.into_iter().flat_map(states)
}

/// The tasks of both machines.
fn all_tasks() -> impl Iterator<Item = (String, Value)> {
    Machine::ALL.into_iter().flat_map(tasks)
}

/// What Lambda reports of a function in a VPC that was idle for long or whose network is slow to come:
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>
const OF_A_VPC: [&str; 4] = [
    "Lambda.EC2ThrottledException",
    "Lambda.EC2UnexpectedException",
    "Lambda.ENINotReadyException",
    "Lambda.ResourceNotReadyException",
];

/// The states that both machines have, and that differ in where they lead or in what they tell.
const DIFFERENT: [&str; 6] = [
    "AnnounceFailure",
    "ClaimEnvironment",
    "DeleteReplicationGroup",
    "HowItEnded",
    "IsEnvironmentClaimed",
    "KeepClaim",
];

#[test]
fn what_both_machines_do_they_do_in_the_same_way() {
    let provision = states(Machine::Provision);
    let deprovision = states(Machine::Deprovision);
    let mut same = 0;
    for (name, state) in &deprovision {
        match provision.get(name) {
            Some(other) if !DIFFERENT.contains(&name.as_str()) => {
                assert_eq!(state, other, "{name} differs");
                same += 1;
            }
            _ => {}
        }
    }
    assert!(
        same > 8,
        "waiting for the claim, release and failure: {same} states"
    );
}

#[test]
fn every_state_is_explained() {
    for (name, state) in all_states() {
        assert!(
            state["Comment"]
                .as_str()
                .is_some_and(|text| text.len() > 20),
            "{name} has no useful comment"
        );
    }
}

/// What a retry waits out: a role or a tag that IAM doesn't see yet, a resource that AWS doesn't show yet, and a name that
/// DNS doesn't know yet.
const WANT_TIME: [&str; 3] = ["AccessDenied", "EndpointUnreachable", "NotFound"];

#[test]
fn every_task_has_a_timeout_retries_and_a_catch_of_all() {
    for (name, task) in all_tasks() {
        assert!(task["TimeoutSeconds"].is_u64(), "{name}: no timeout");
        let retries = task["Retry"].as_array().expect(&name);
        assert!(!retries.is_empty(), "{name}: no retry");
        // An answer that is expected is not tried again: it leads elsewhere.
        for retry in retries.iter().filter(|retry| retry["MaxAttempts"] != 0) {
            assert!(
                retry["MaxAttempts"].as_u64().is_some_and(|most| most <= 5),
                "{name}: retries are bounded"
            );
            assert!(
                retry["BackoffRate"].as_f64().is_some_and(|rate| rate > 1.0),
                "{name}"
            );
            assert!(retry["MaxDelaySeconds"].is_u64(), "{name}");
            // Full jitter can take a wait away, and of these errors only time helps.
            let first = retry["ErrorEquals"][0].as_str().unwrap_or_default();
            let jitter = if WANT_TIME.contains(&first) || OF_A_VPC.contains(&first) {
                "NONE"
            } else {
                "FULL"
            };
            assert_eq!(retry["JitterStrategy"], jitter, "{name}");
            assert!(
                !strings(&retry["ErrorEquals"]).contains(&"States.ALL"),
                "{name}: only named errors are tried again"
            );
        }
        let last = task["Catch"].as_array().and_then(|all| all.last());
        assert_eq!(
            last.map(|catch| &catch["ErrorEquals"]),
            Some(&json!(["States.ALL"])),
            "{name}: no failure goes uncaught"
        );
    }
}

/// What DynamoDB answers where the condition of a write does not hold.
const LOST: &str = "DynamoDB.ConditionalCheckFailedException";

#[test]
fn nothing_is_written_to_a_record_by_a_run_that_has_lost_its_claim() {
    let writes: Vec<_> = all_tasks()
        .filter(|(_, task)| {
            task["Resource"]
                .as_str()
                .is_some_and(|resource| resource.ends_with("dynamodb:updateItem"))
        })
        .collect();
    assert!(writes.len() > 4, "{}", writes.len());
    for (name, task) in writes {
        let condition = task["Arguments"]["ConditionExpression"].as_str();
        let (expected, otherwise) = match name.as_str() {
            // The next run waits for the functions of the former holder, if this one has not.
            "ReleaseEnvironment" => (
                "holder = :me AND attribute_not_exists(takenOverAt)",
                "HowItEnded",
            ),
            // The claim is released by then: another run may hold it, but none has recorded its request.
            "RecordRollback" => ("lastExecution = :me", "ProvisioningFailed"),
            _ => ("holder = :me", "NoteTakenOver"),
        };
        assert_eq!(condition, Some(expected), "{name}");
        let catch = &task["Catch"][0];
        let caught = strings(&catch["ErrorEquals"])[0];
        assert!(
            [LOST, "States.ALL"].contains(&caught) && catch["Next"] == otherwise,
            "{name}: a claim that is lost leads to {otherwise}, not {catch}"
        );
        assert_eq!(
            task["Retry"][0],
            json!({ "ErrorEquals": [LOST], "MaxAttempts": 0 }),
            "{name}: asking again does not bring it back"
        );
        assert_eq!(
            task["Arguments"]["ExpressionAttributeValues"][":me"],
            json!({ "S": "{% $states.context.Execution.Id %}" }),
            "{name}"
        );
    }
}

#[test]
fn only_the_provisioning_machine_authorizes_a_rollback() {
    let authorizes = |machine| {
        let mut states: Vec<_> = tasks(machine)
            .into_iter()
            .filter(|(_, task)| {
                task["Arguments"]["UpdateExpression"]
                    .to_string()
                    .contains("SET rollbackOf")
            })
            .map(|(name, _)| name)
            .collect();
        states.sort();
        states
    };
    assert_eq!(authorizes(Machine::Provision), ["RecordRollback"]);
    assert!(authorizes(Machine::Deprovision).is_empty());
}

#[test]
fn every_write_of_a_state_counts_as_a_version_of_the_record() {
    for (name, task) in all_tasks() {
        let update = task["Arguments"]["UpdateExpression"].to_string();
        // Confirming and releasing a claim changes the holder alone, which a claim is conditional on as well.
        if task["Arguments"]["UpdateExpression"].is_null()
            || ["KeepClaim", "ReleaseEnvironment"].contains(&name.as_str())
        {
            continue;
        }
        assert!(update.contains("ADD version :one"), "{name}: {update}");
    }
}

#[test]
fn lambdas_own_transient_errors_and_ours_are_tried_again_by_every_step() {
    let wanted: BTreeSet<_> = FOREIGN
        .into_iter()
        .filter(|name| name.starts_with("Lambda."))
        .chain([
            ErrorName::Throttled.as_str(),
            ErrorName::ServiceUnavailable.as_str(),
            "Sandbox.Timedout",
            "Runtime.ExitError",
            "States.Timeout",
        ])
        .collect();
    let steps = Machine::ALL
        .into_iter()
        .flat_map(|machine| steps(machine).into_keys().map(move |name| (machine, name)));
    for (machine, name) in steps {
        let task = &tasks(machine)[&name];
        let retried: BTreeSet<_> = task["Retry"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|retry| strings(&retry["ErrorEquals"]))
            .collect();
        assert!(
            wanted.is_subset(&retried),
            "{name} does not try again: {:?}",
            wanted.difference(&retried).collect::<Vec<_>>()
        );
    }
}

#[test]
fn every_error_name_is_one_that_exists() {
    let ours = ErrorName::ALL.map(ErrorName::as_str);
    for (name, task) in all_tasks() {
        for rule in ["Retry", "Catch"] {
            for entry in task[rule].as_array().into_iter().flatten() {
                for error in strings(&entry["ErrorEquals"]) {
                    assert!(
                        ours.contains(&error)
                            || FOREIGN.contains(&error)
                            || (OF_A_VPC.contains(&error) && name == "VerifyEndpoint"),
                        "{name}: nobody reports {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_failure_is_explained_under_every_name_of_the_contract() {
    let states = states(Machine::Provision);
    let expression = states["ReadFailure"]["Assign"]["ours"]
        .as_str()
        .expect("an expression");
    let (_, list) = expression
        .split_once("error in [")
        .expect("the list of our names");
    let (list, _) = list.split_once(']').expect("the list's end");
    let listed: Vec<_> = list
        .split(", ")
        .map(|name| name.trim_matches('\''))
        .collect();
    assert_eq!(listed, ErrorName::ALL.map(ErrorName::as_str));
}

#[test]
fn a_caught_failure_names_its_own_state() {
    for (name, state) in all_states() {
        for catch in state["Catch"].as_array().into_iter().flatten() {
            let output = catch["Output"].as_str().unwrap_or_default();
            if catch["Next"] == "ReadFailure" || output.contains("'step'") {
                assert!(output.contains(&format!("'{name}'")), "{name}: {output}");
            }
        }
    }
}

#[test]
fn every_transition_leads_to_a_state_and_every_state_is_reached() {
    fn walk(machine: &Value) {
        let states = machine["States"].as_object().expect("states");
        let mut reached = BTreeSet::new();
        let mut open = vec![machine["StartAt"].as_str().expect("StartAt").to_owned()];
        while let Some(name) = open.pop() {
            let state = states
                .get(&name)
                .unwrap_or_else(|| panic!("{name} is led to, and is no state"));
            if !reached.insert(name.clone()) {
                continue;
            }
            if state["Type"] == "Choice" {
                assert!(state["Default"].is_string(), "{name} has no default");
            }
            let targets = [&state["Next"], &state["Default"]].into_iter().chain(
                ["Catch", "Choices"]
                    .into_iter()
                    .flat_map(|rule| state[rule].as_array().into_iter().flatten())
                    .map(|entry| &entry["Next"]),
            );
            open.extend(targets.filter_map(Value::as_str).map(str::to_owned));
            state["Branches"]
                .as_array()
                .into_iter()
                .flatten()
                .for_each(walk);
        }
        let all: BTreeSet<_> = states.keys().cloned().collect();
        assert_eq!(reached, all, "a state is never reached");
    }
    Machine::ALL.map(state_machine).iter().for_each(walk);
}

#[test]
fn the_times_fit_into_one_another() {
    let template = template();
    let function = template["Globals"]["Function"]["Timeout"]
        .as_u64()
        .expect("the functions' timeout");
    // An SDK operation ends within 15 seconds, and a step makes several.
    assert!(function > 15);
    for machine in Machine::ALL {
        let tasks = tasks(machine);
        for name in steps(machine).keys() {
            assert!(
                tasks[name]["TimeoutSeconds"].as_u64() > Some(function),
                "{name}: Lambda's own timeout comes first, and says more"
            );
        }
        // 90 minutes for its turn, 60 for the cache, 15 for its groups, and the steps between.
        let waits = (90 + 60 + 15) * 60;
        let timeout = state_machine(machine)["TimeoutSeconds"].as_u64();
        assert!(timeout > Some(waits + 30 * 60), "{machine:?}");
    }
}
