//! Checks the state machines as data.

use std::collections::BTreeSet;

use contract::ErrorName;
use contract::value::EnvironmentName;
use envcache_tests::definition::{Machine, state_machine, states, steps, strings, tasks, template};
use envcache_tests::{array, text};
use serde_json::{Value, json};

/// Returns the states of both machines.
fn all_states() -> impl Iterator<Item = (String, Value)> {
    Machine::ALL.into_iter().flat_map(states)
}

/// Returns the tasks of both machines.
fn all_tasks() -> impl Iterator<Item = (String, Value)> {
    Machine::ALL.into_iter().flat_map(tasks)
}

/// The states of both machines that differ in their transitions or their announcements.
const DIFFERENT: [&str; 8] = [
    "AnnounceFailure",
    "ClaimEnvironment",
    "ClassifyFailure",
    "ConfirmClaim",
    "DeleteParameterGroup",
    "IsEnvironmentClaimed",
    "DidRunFail",
    "WaitForClaim",
];

#[test]
fn shared_states_are_identical() {
    let provision = states(Machine::Provision);
    let deprovision = states(Machine::Deprovision);
    for name in DIFFERENT {
        let differs = provision.get(name) != deprovision.get(name);
        let is_in_both = provision.contains_key(name) && deprovision.contains_key(name);
        assert!(
            differs && is_in_both,
            "{name} must be in both machines and differ"
        );
    }
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
        same >= 3,
        "{same} identical states, such as the failure path"
    );
}

#[test]
fn every_state_has_a_useful_comment() {
    for (name, state) in all_states() {
        assert!(
            state["Comment"]
                .as_str()
                .is_some_and(|text| text.len() > 20),
            "{name} has no comment over 20 characters"
        );
    }
}

/// How often a state retries a throttled call, and the longest wait before a retry, in seconds. The retries of one state
/// end within two hours.
const THROTTLING_RETRIES: u64 = 60;
const LONGEST_THROTTLING_DELAY: u64 = 120;

/// Returns the retry policies of every task that invokes a function. The errors of Step Functions and Lambda themselves
/// are documented in <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>,
/// <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception>, and, for
/// a function that was idle for a long time or whose network isn't ready,
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>.
fn function_policies() -> [Value; 4] {
    [
        // Throttling, which ends when other runs have made their calls, however many there are. Spread out by jitter.
        json!({
            "ErrorEquals": ["Throttled", "Lambda.TooManyRequestsException"],
            "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": THROTTLING_RETRIES,
            "MaxDelaySeconds": LONGEST_THROTTLING_DELAY, "JitterStrategy": "FULL"
        }),
        // 5xx, spread out by jitter.
        json!({
            "ErrorEquals": [
                "ServiceUnavailable", "Lambda.ClientExecutionTimeoutException", "Lambda.ServiceException",
                "Lambda.AWSLambdaException", "Lambda.SdkClientException"
            ],
            "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 5, "JitterStrategy": "FULL"
        }),
        // A crash.
        json!({
            "ErrorEquals": ["States.Timeout", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown"],
            "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 2, "JitterStrategy": "FULL"
        }),
        // A function that becomes active: only waiting helps, and jitter could remove the wait.
        json!({
            "ErrorEquals": [
                "Lambda.ResourceNotReadyException", "Lambda.ResourceConflictException", "Lambda.ENINotReadyException",
                "Lambda.CodeArtifactUserPendingException", "Lambda.EC2ThrottledException", "Lambda.EC2UnexpectedException"
            ],
            "IntervalSeconds": 20, "BackoffRate": 2, "MaxAttempts": 5, "MaxDelaySeconds": 60, "JitterStrategy": "NONE"
        }),
    ]
}

/// Returns the retry policy of every direct service integration.
fn integration_policy() -> Value {
    json!({
        "ErrorEquals": ["States.TaskFailed", "States.Timeout"],
        "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 5, "JitterStrategy": "FULL"
    })
}

/// Returns the additional retry policies and their states. They have no jitter, because only waiting helps.
fn additional_policies() -> [(Value, &'static [&'static str]); 4] {
    [
        // AWS doesn't show a resource that was just created, or lists one that was just deleted.
        (
            json!({
                "ErrorEquals": ["NotFound"],
                "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 4, "JitterStrategy": "NONE"
            }),
            &[
                "PlanSubnetGroup",
                "PlanLogGroup",
                "PlanParameterGroup",
                "PlanReplicationGroup",
                "PlanEndpoint",
                "EnsureSecurityGroup",
                "EnsureSubnetGroup",
                "EnsureLogGroup",
                "EnsureParameterGroup",
                "EnsureReplicationGroup",
                "PublishEndpoint",
            ],
        ),
        // IAM doesn't know a role or a tag that was just created, or a resource was just deleted along with its tags.
        (
            json!({
                "ErrorEquals": ["AccessDenied"],
                "IntervalSeconds": 10, "BackoffRate": 2, "MaxAttempts": 2, "JitterStrategy": "NONE"
            }),
            &[
                "EnsureSecurityGroup",
                "EnsureSubnetGroup",
                "EnsureLogGroup",
                "EnsureParameterGroup",
                "EnsureReplicationGroup",
                "PublishEndpoint",
                "RetractEndpoint",
                "DeleteSubnetGroup",
                "DeleteParameterGroup",
                "DeleteSecurityGroup",
            ],
        ),
        // DNS doesn't resolve a new name yet.
        (
            json!({
                "ErrorEquals": ["EndpointUnreachable"],
                "IntervalSeconds": 10, "BackoffRate": 2, "MaxAttempts": 5, "MaxDelaySeconds": 60,
                "JitterStrategy": "NONE"
            }),
            &["VerifyEndpoint"],
        ),
        // ElastiCache is still applying an earlier change of the parameter group, or the cache's new one.
        (
            json!({
                "ErrorEquals": ["InUse"],
                "IntervalSeconds": 10, "BackoffRate": 2, "MaxAttempts": 5, "MaxDelaySeconds": 60,
                "JitterStrategy": "NONE"
            }),
            &["EnsureParameterGroup", "DeleteParameterGroup"],
        ),
    ]
}

#[test]
fn every_task_has_exactly_its_retry_policies() {
    let tasks_of_machines = Machine::ALL.into_iter().flat_map(|machine| {
        let tasks = tasks(machine).into_iter();
        tasks.map(move |(name, task)| (machine, name, task))
    });
    for (machine, name, task) in tasks_of_machines {
        let resource = task["Resource"].as_str().unwrap_or_default();
        let mut expected = if resource.ends_with(":lambda:invoke") {
            function_policies().to_vec()
        } else {
            vec![integration_policy()]
        };
        // A retry doesn't help if the condition of a write isn't met, or if an ended execution has the name.
        let is_final = [
            (":dynamodb:updateItem", CONDITION_FAILED),
            (
                ":states:startExecution",
                "StepFunctions.ExecutionAlreadyExistsException",
            ),
        ];
        for (integration, error) in is_final {
            if resource.ends_with(integration) {
                let never = json!({ "ErrorEquals": [error], "MaxAttempts": 0 });
                expected.insert(0, never);
            }
        }
        let additional = additional_policies()
            .into_iter()
            .filter(|(_, states)| states.contains(&name.as_str()))
            // In a removal, the function waits for a group that is in use.
            .filter(|(policy, _)| {
                machine == Machine::Provision || policy["ErrorEquals"] != json!(["InUse"])
            })
            .map(|(policy, _)| policy);
        expected.extend(additional);

        assert_eq!(task["Retry"], Value::from(expected), "{name}");
    }
    for (policy, names) in additional_policies() {
        for name in names {
            assert!(
                all_tasks().any(|(task, _)| task == *name),
                "{policy} names {name}, which isn't a task"
            );
        }
    }
}

#[test]
fn every_choice_rule_has_a_comment() {
    for (name, state) in all_states() {
        for rule in array(&state["Choices"]) {
            // The console and the diagrams show the comment at the rule's arrow:
            // https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_stepfunctions.ChoiceTransitionOptions.html
            let comment = text(&rule["Comment"]);
            assert!(
                !comment.is_empty() && !comment.contains('$'),
                "{name}: {rule} has no comment in plain words"
            );
        }
    }
}

#[test]
fn every_task_has_a_timeout_and_catches_every_error() {
    for (name, task) in all_tasks() {
        assert!(task["TimeoutSeconds"].is_u64(), "{name}: no timeout");
        let last = task["Catch"].as_array().and_then(|all| all.last());
        assert_eq!(
            last.map(|catch| &catch["ErrorEquals"]),
            Some(&json!(["States.ALL"])),
            "{name}: doesn't catch every error"
        );
    }
}

/// DynamoDB's error if the condition of a write isn't met.
const CONDITION_FAILED: &str = "DynamoDB.ConditionalCheckFailedException";

#[test]
fn record_writes_of_states_are_conditional() {
    let writes: Vec<_> = all_tasks()
        .filter(|(_, task)| {
            task["Resource"]
                .as_str()
                .is_some_and(|resource| resource.ends_with("dynamodb:updateItem"))
        })
        .collect();
    assert!(writes.len() > 5, "{}", writes.len());
    for (name, task) in writes {
        let condition = task["Arguments"]["ConditionExpression"].as_str();
        let (expected, otherwise) = match name.as_str() {
            // If this run hasn't waited for the functions of the former holder, the next run must.
            "ReleaseEnvironment" => (
                "holder = :me AND attribute_not_exists(takenOverAt)",
                "CanRecordResult",
            ),
            // A result doesn't depend on the claim.
            "RecordResult" => (
                "attribute_not_exists(resultAt) OR resultAt < :at",
                "DidRunFail",
            ),
            // The claim is already released: another run may hold it, but none has recorded its request.
            "RecordRollback" => ("lastExecution = :me", "ProvisioningFailed"),
            _ => ("holder = :me", "Superseded"),
        };
        assert_eq!(condition, Some(expected), "{name}");
        let catch = &task["Catch"][0];
        let caught = strings(&catch["ErrorEquals"])[0];
        assert!(
            [CONDITION_FAILED, "States.ALL"].contains(&caught) && catch["Next"] == otherwise,
            "{name}: a lost claim must lead to {otherwise}: {catch}"
        );
        // Its other failures have another reason, which says how to start the rollback manually.
        if name == "RecordRollback" {
            assert_eq!(caught, CONDITION_FAILED, "{name}: {catch}");
        }
        if expected.contains(":me") {
            assert_eq!(
                task["Arguments"]["ExpressionAttributeValues"][":me"],
                json!({ "S": "{% $states.context.Execution.Id %}" }),
                "{name}"
            );
        }
    }
}

#[test]
fn only_provision_authorizes_a_rollback() {
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
fn record_writes_increase_the_version() {
    for (name, task) in all_tasks() {
        let Some(update) = task["Arguments"]["UpdateExpression"].as_str() else {
            continue;
        };
        // Claims are also conditional on the holder, so a write that changes the holder needn't increase the version, even
        // if it also removes former tags. A result doesn't depend on the claim.
        let attributes = [
            "creation",
            "cacheIdentity",
            "engineVersion",
            "rollbackOf",
            "spec",
        ];
        let is_decision_input = attributes.iter().any(|name| update.contains(name));
        let is_known = update == "SET holder = :me"
            || ["ReleaseEnvironment", "RecordResult"].contains(&name.as_str());
        assert!(
            update.contains("ADD version :one") || (is_known && !is_decision_input),
            "{name}: {update}"
        );
    }
}

#[test]
fn foreign_errors_map_to_contract_names() {
    for machine in Machine::ALL {
        let states = states(machine);
        let table = array(&states["ParseFailure"]["Assign"]["errorNames"]);
        let mut entries = 0;
        for entry in table {
            let name = text(&entry["name"]);
            assert!(
                ErrorName::from_name(&name).is_some(),
                "{name} isn't an error name of the contract"
            );
            assert!(
                !strings(&entry["texts"]).is_empty(),
                "{name}: no text maps to it"
            );
            entries += 1;
        }
        assert!(entries > 3, "{entries} entries");
    }
}

/// `ParseFailure` recognizes a name of the contract by its form.
#[test]
fn contract_names_are_words_and_foreign_names_have_dots() {
    let is_word = |name: &str| {
        name.chars()
            .all(|character| character.is_ascii_alphabetic())
    };
    for name in ErrorName::ALL {
        assert!(is_word(name.as_str()), "{name}");
    }
    let policies = function_policies()
        .into_iter()
        .chain([integration_policy()]);
    for policy in policies {
        for name in strings(&policy["ErrorEquals"]) {
            assert!(
                ErrorName::from_name(name).is_some() != name.contains('.'),
                "{name}"
            );
        }
    }
}

#[test]
fn caught_failure_names_its_own_state() {
    for (name, state) in all_states() {
        for catch in state["Catch"].as_array().into_iter().flatten() {
            if catch["Next"] == "ParseFailure" {
                assert_eq!(
                    catch["Output"],
                    json!({ "step": name, "failure": "{% $states.errorOutput %}" }),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn published_endpoint_is_not_rolled_back() {
    let states = states(Machine::Provision);
    assert_eq!(states["PublishEndpoint"]["Next"], "HasFormerParameterGroup");
    assert_eq!(
        states["HasFormerParameterGroup"]["Default"],
        "AnnounceAvailable"
    );
    let deletion = &states["DeleteParameterGroup"];
    assert_eq!(deletion["Next"], "AnnounceAvailable");
    let [in_use, other] = [0_usize, 1].map(|index| &deletion["Catch"][index]);
    assert_eq!(in_use["ErrorEquals"], json!(["InUse"]));
    assert_eq!(in_use["Next"], "AnnounceAvailable");
    assert_eq!(
        other["Assign"],
        json!({ "claim": "{% $merge([$claim, {'rollbackRequested': false}]) %}" })
    );
}

#[test]
fn every_transition_has_a_target_and_every_state_is_reached() {
    fn walk(machine: &Value) {
        let states = machine["States"].as_object().expect("states");
        let mut reached = BTreeSet::new();
        let mut open = vec![machine["StartAt"].as_str().expect("StartAt").to_owned()];
        while let Some(name) = open.pop() {
            let state = states
                .get(&name)
                .unwrap_or_else(|| panic!("{name} is a target but no state"));
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
fn first_catch_assigns_what_the_failure_path_reads() {
    for machine in Machine::ALL {
        let definition = state_machine(machine);
        let first = &definition["States"][text(&definition["StartAt"])];
        let assigned = &first["Catch"][0]["Assign"];
        // No environment can have the name `-`, so neither a claim nor a result is written for it.
        let environment = assigned["environment"].as_str().unwrap_or_default();
        assert!(environment.ends_with(", '-'][0] %}"), "{machine:?}");
        assert!(EnvironmentName::try_from("-".to_owned()).is_err());
        assert_eq!(
            states(machine)["CanRecordResult"]["Choices"][0]["Condition"],
            "{% $environment = '-' %}"
        );
        let states = states(machine);
        for name in [
            "ReleaseEnvironment",
            "CanRecordResult",
            "RecordResult",
            "DidRunFail",
        ] {
            for variable in ["$claim", "$spec", "$network", "$removal"] {
                let is_read = states[name].to_string().contains(variable);
                let key = variable.trim_start_matches('$');
                assert!(
                    !is_read || !assigned[key].is_null(),
                    "{machine:?}: {name} reads {variable}"
                );
            }
        }
    }
}

#[test]
fn timeouts_are_nested() {
    let template = template();
    let function = template["Globals"]["Function"]["Timeout"]
        .as_u64()
        .expect("the functions' timeout");
    // An SDK operation ends within 15 seconds, and a function makes several.
    assert!(function > 15);
    for machine in Machine::ALL {
        let tasks = tasks(machine);
        for name in steps(machine).keys() {
            assert!(
                tasks[name]["TimeoutSeconds"].as_u64() > Some(function),
                "{name}: Lambda's timeout must be shorter, because its error is more specific"
            );
        }
        // 90 minutes for the claim, 60 for the cache (120 if it is restored), 15 for the groups that a removal deletes, all
        // retries of a throttled state, and 15 minutes for the other steps.
        let waits = match machine {
            Machine::Provision => (90 + 120) * 60,
            Machine::Deprovision => (90 + 60 + 15) * 60,
        };
        let timeout = state_machine(machine)["TimeoutSeconds"].as_u64();
        let throttled = THROTTLING_RETRIES * LONGEST_THROTTLING_DELAY;
        assert!(timeout > Some(waits + throttled + 15 * 60), "{machine:?}");
    }
}
