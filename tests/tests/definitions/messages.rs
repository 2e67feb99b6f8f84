//! Compares the messages between the states and their functions with the types of the contract.

use std::collections::BTreeSet;

use contract::Action;
use contract::message::{
    BelongsHere, CheckReplicationGroupInput, CheckReplicationGroupOutput, Claim,
    ClaimEnvironmentInput, ClaimEnvironmentOutput, DeleteOutput, DeleteParameterGroupInput,
    DeleteReplicationGroupInput, DeleteSecurityGroupInput, DeleteSubnetGroupInput, Drift, Endpoint,
    Endpoints, EngineVersions, EnsureLogGroupInput, EnsureLogGroupOutput,
    EnsureParameterGroupInput, EnsureParameterGroupOutput, EnsureReplicationGroupInput,
    EnsureReplicationGroupOutput, EnsureSecurityGroupInput, EnsureSecurityGroupOutput,
    EnsureSubnetGroupInput, EnsureSubnetGroupOutput, EnvironmentPlan, KeptSetting, LogError,
    PendingChange, Protection, ProvisionClaim, PublishEndpointInput, PublishEndpointOutput,
    Published, RemovalClaim, ResolveNetworkInput, ResolveNetworkOutput, ResolveRemovalInput,
    ResolvedRemoval, RetractEndpointInput, RetractEndpointOutput, Timing, VerifyEndpointInput,
    VerifyEndpointOutput,
};
use envcache_tests::definition::{Machine, states, steps};
use envcache_tests::{array, messages, text};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn spec() -> Value {
    replay::reference(json!({}))["spec"].take()
}

/// Deserializes the message as the function's input type.
fn deserialize(function: &str, message: Value) -> Result<(), String> {
    fn read<T: DeserializeOwned>(message: Value) -> Result<(), String> {
        let read: Result<T, _> = serde_json::from_value(message);
        read.map(drop).map_err(|error| error.to_string())
    }
    let read = match function {
        "ResolveNetwork" => read::<ResolveNetworkInput>,
        "ResolveRemoval" => read::<ResolveRemovalInput>,
        "ClaimEnvironment" => read::<ClaimEnvironmentInput>,
        "EnsureSecurityGroup" => read::<EnsureSecurityGroupInput>,
        "EnsureSubnetGroup" => read::<EnsureSubnetGroupInput>,
        "EnsureLogGroup" => read::<EnsureLogGroupInput>,
        "EnsureParameterGroup" => read::<EnsureParameterGroupInput>,
        "EnsureReplicationGroup" => read::<EnsureReplicationGroupInput>,
        "CheckReplicationGroup" => read::<CheckReplicationGroupInput>,
        "VerifyEndpoint" => read::<VerifyEndpointInput>,
        "PublishEndpoint" => read::<PublishEndpointInput>,
        "RetractEndpoint" => read::<RetractEndpointInput>,
        "DeleteReplicationGroup" => read::<DeleteReplicationGroupInput>,
        "DeleteSubnetGroup" => read::<DeleteSubnetGroupInput>,
        "DeleteParameterGroup" => read::<DeleteParameterGroupInput>,
        "DeleteSecurityGroup" => read::<DeleteSecurityGroupInput>,
        other => panic!("{other} has no message in this test"),
    };
    read(message)
}

fn keys(object: &Value) -> BTreeSet<&str> {
    let fields = object.as_object().into_iter().flatten();
    fields.map(|(name, _)| name.as_str()).collect()
}

#[test]
fn payload_has_the_fields_of_the_function_input() {
    let messages = messages::of(&spec());
    for machine in Machine::ALL {
        for (state, function) in steps(machine) {
            let payload = &states(machine)[&state]["Arguments"]["Payload"];
            let mut message = messages[function.as_str()].clone();

            assert_eq!(keys(payload), keys(&message), "{state}");

            // Literal values must have the right type.
            for (field, value) in payload.as_object().into_iter().flatten() {
                if value.is_boolean() || value.is_number() {
                    message[field] = value.clone();
                }
            }
            assert_eq!(deserialize(&function, message), Ok(()), "{state}");
        }
    }
}

#[test]
fn rejects_message_with_missing_or_unknown_field() {
    for (function, message) in messages::of(&spec()) {
        for field in keys(&message) {
            // Fields that are null in the sample are optional, and so are some others.
            let mut without = message.clone();
            without.as_object_mut().expect("an object").remove(field);
            let optional = message[field].is_null()
                || [
                    "endpoints",
                    "finalSnapshot",
                    "parameterGroup",
                    "parameterGroups",
                    "recordedEngineVersion",
                    "sharedSubnetGroup",
                    "vpcId",
                ]
                .contains(&field)
                || (function, field) == ("DeleteParameterGroup", "secondsWaited");

            let result = deserialize(function, without);

            assert!(result.is_err() || optional, "{function} without {field}");
        }
        let mut more = message.clone();
        more["typo"] = json!(true);
        assert!(
            deserialize(function, more).is_err(),
            "{function} with a typo"
        );
    }
}

fn endpoints() -> Endpoints {
    let endpoint = Endpoint {
        host: "cache.example".to_owned(),
        port: 6379,
    };
    Endpoints {
        reader: Some(endpoint.clone()),
        primary: endpoint,
    }
}

fn engine_version() -> EngineVersions {
    EngineVersions {
        found: "8.1.0".to_owned(),
        requested: Some("8.0".to_owned().try_into().expect("a version")),
    }
}

fn timing() -> Timing {
    Timing {
        immediate: vec!["cache.replicas".to_owned()],
        pending: vec![PendingChange {
            field: "cache.nodeType".to_owned(),
            value: Some("cache.t3.small".to_owned()),
        }],
        log_errors: vec![LogError {
            log: "slow".to_owned(),
            message: "x".to_owned(),
        }],
    }
}

/// Returns every variant of a function's output, with every field.
fn outputs(function: &str) -> Vec<Value> {
    fn all<T: Serialize>(outputs: impl IntoIterator<Item = T>) -> Vec<Value> {
        let outputs = outputs.into_iter();
        outputs
            .map(|output| serde_json::to_value(output).expect("JSON"))
            .collect()
    }
    let name = || "x".to_owned();
    let actions = || vec![Action::new("Create", "x").sets("field", &"value")];
    let message = messages::of(&spec());
    match function {
        "ResolveNetwork" => all([ResolveNetworkOutput {
            spec: serde_json::from_value(spec()).expect("a specification"),
            network: serde_json::from_value(replay::network()).expect("a network"),
        }]),
        "ResolveRemoval" => all([ResolvedRemoval {
            environment: "bandup".to_owned().try_into().expect("a name"),
            names: contract::message::ResourceNames {
                cache_name: name(),
                security_group_name: name(),
                subnet_group_name: name(),
                shares_subnet_group: true,
                parameter_prefix: name(),
            },
            final_snapshot: true,
            rollback: None,
            requested_at: Some(1),
        }]),
        "ClaimEnvironment" => all(claims()),
        "EnsureSecurityGroup" => all([EnsureSecurityGroupOutput {
            security_group_id: name(),
            actions: actions(),
            drift: Drift::default(),
        }]),
        "EnsureSubnetGroup" => all([EnsureSubnetGroupOutput { actions: actions() }]),
        "EnsureLogGroup" => all([EnsureLogGroupOutput { actions: actions() }]),
        "EnsureParameterGroup" => all([EnsureParameterGroupOutput {
            parameter_group: Some(name()),
            former_parameter_groups: vec![name()],
            pending: timing().pending,
            actions: actions(),
        }]),
        "EnsureReplicationGroup" => all([
            EnsureReplicationGroupOutput::Waiting {
                outcome: name(),
                wait_seconds: 30,
            },
            EnsureReplicationGroupOutput::UpToDate {
                outcome: name(),
                endpoints: endpoints(),
                engine_version: engine_version(),
                timing: timing(),
                unused_parameter_groups: vec![name()],
            },
            EnsureReplicationGroupOutput::ClaimLost { reason: name() },
            EnsureReplicationGroupOutput::Planned {
                outcome: name(),
                actions: actions(),
                kept: vec![KeptSetting {
                    setting: name(),
                    value: name(),
                }],
                endpoints: Some(endpoints()),
                engine_version: Some(engine_version()),
                timing: timing(),
            },
        ]),
        "CheckReplicationGroup" => all([
            CheckReplicationGroupOutput::Pending {
                found: name(),
                wait_seconds: 30,
            },
            CheckReplicationGroupOutput::Ready { found: name() },
        ]),
        "VerifyEndpoint" => all([VerifyEndpointOutput {
            answered: vec![name()],
        }]),
        "PublishEndpoint" => all([
            PublishEndpointOutput::Published(Published {
                primary_endpoint: name(),
                url: name(),
                parameters: vec![name()],
                written: vec![name()],
                removed: vec![name()],
            }),
            PublishEndpointOutput::Planned { actions: actions() },
        ]),
        "RetractEndpoint" => all([RetractEndpointOutput {
            removed: vec![name()],
            left: vec![name()],
        }]),
        "DeleteReplicationGroup" => all(deletions().into_iter().chain([DeleteOutput::Possible])),
        "DeleteSubnetGroup" | "DeleteParameterGroup" | "DeleteSecurityGroup" => all(deletions()),
        other => panic!("{other} has no output in this test: {message:?}"),
    }
}

fn deletions() -> [DeleteOutput; 3] {
    let name = || "x".to_owned();
    [
        DeleteOutput::Absent {
            outcome: name(),
            final_snapshot: Some(name()),
        },
        DeleteOutput::Waiting {
            outcome: name(),
            wait_seconds: 30,
        },
        DeleteOutput::NotOwned { left: vec![name()] },
    ]
}

fn claims() -> [ClaimEnvironmentOutput; 5] {
    let name = || "x".to_owned();
    [
        ClaimEnvironmentOutput::Free {
            belongs_here: BelongsHere::default(),
            former_tags: vec![name()],
            engine_version: Some(name()),
            plan: EnvironmentPlan {
                environment: "bandup".to_owned().try_into().expect("a name"),
                protected: true,
                protection_change: Some(Protection {
                    found: false,
                    wanted: true,
                }),
            },
        },
        ClaimEnvironmentOutput::Claimed {
            belongs_here: BelongsHere::default(),
            former_tags: vec![name()],
            engine_version: Some(name()),
            claim: Claim::Provision(ProvisionClaim {
                identity: name(),
                rollback_requested: true,
                protected: true,
            }),
        },
        ClaimEnvironmentOutput::Claimed {
            belongs_here: BelongsHere::default(),
            former_tags: vec![name()],
            engine_version: Some(name()),
            claim: Claim::Removal(Box::new(RemovalClaim {
                cache_name: name(),
                creation_recorded: true,
                final_snapshot: Some(name()),
                subnet_group_names: vec![name()],
                shared_subnet_group: Some(name()),
                security_group_name: name(),
                vpc_id: Some(name()),
                parameter_prefix: name(),
                created_by: Some(name()),
                forgotten: name(),
                expires_at: name(),
            })),
        },
        ClaimEnvironmentOutput::Held {
            outcome: name(),
            wait_seconds: 30,
            waited_for: None,
        },
        ClaimEnvironmentOutput::Superseded { reason: name() },
    ]
}

/// Returns the paths that follow `prefix` in a text, such as `spec.environment`.
fn paths(text: &str, prefix: &str) -> BTreeSet<String> {
    text.split(prefix)
        .skip(1)
        .filter_map(|rest| rest.strip_prefix('.'))
        .map(|rest| {
            let end = rest.find(|next: char| !next.is_ascii_alphanumeric() && next != '.');
            rest[..end.unwrap_or(rest.len())]
                .trim_end_matches('.')
                .to_owned()
        })
        .filter(|path| !path.is_empty())
        .collect()
}

/// Returns whether any variant of the output has a value at the path.
fn is_returned(outputs: &[Value], path: &str) -> bool {
    let pointer = format!("/{}", path.replace('.', "/"));
    outputs
        .iter()
        .any(|output| output.pointer(&pointer).is_some())
}

#[test]
fn states_read_only_fields_that_functions_return() {
    let mut read = 0;
    for machine in Machine::ALL {
        let states = states(machine);
        let definition = json!(states).to_string();
        for (state, function) in steps(machine) {
            let outputs = outputs(&function);
            let task = &states[&state];
            let direct = paths(&task.to_string(), "$states.result.Payload");
            let assigned = task["Assign"].as_object().into_iter().flatten();
            let variables = assigned
                .filter(|(_, value)| **value == "{% $states.result.Payload %}")
                .map(|(variable, _)| format!("${variable}"));
            for path in direct {
                assert!(is_returned(&outputs, &path), "{state} reads {path}");
                read += 1;
            }
            for variable in variables {
                for path in paths(&definition, &variable) {
                    // Another state may assign its output to the same variable.
                    let is_known = steps(machine)
                        .into_iter()
                        .filter(|(other, _)| {
                            let key = variable.trim_start_matches('$');
                            states[other]["Assign"][key] == "{% $states.result.Payload %}"
                        })
                        .any(|(_, function)| is_returned(&self::outputs(&function), &path));
                    assert!(
                        is_known,
                        "{variable}.{path} is read, but no function returns it"
                    );
                    read += 1;
                }
            }
        }
    }
    assert!(read > 30, "{read} fields");
}

#[test]
fn choices_compare_only_statuses_that_functions_return() {
    let mut compared = 0;
    for machine in Machine::ALL {
        let states = states(machine);
        for (state, function) in steps(machine) {
            let next = text(&states[&state]["Next"]);
            let is_passed_on = states[&state]["Output"] == "{% $states.result.Payload %}";
            if states[&next]["Type"] != "Choice" || !is_passed_on {
                continue;
            }
            let statuses: BTreeSet<_> = outputs(&function)
                .iter()
                .map(|output| text(&output["status"]))
                .collect();
            for rule in array(&states[&next]["Choices"]) {
                let condition = text(&rule["Condition"]);
                let Some((_, expected)) = condition.split_once("$states.input.status = '") else {
                    continue;
                };
                let expected = expected.split('\'').next().unwrap_or_default();
                assert!(
                    statuses.contains(expected),
                    "{next}: {function} never returns {expected}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 6, "{compared} statuses");
}
