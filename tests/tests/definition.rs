//! The state machine and the template, read as data.

use std::collections::{BTreeMap, BTreeSet};

use contract::ErrorName;
use local::Workspace;
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;

/// What Step Functions and Lambda themselves report, by
/// <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html> and
/// <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception>.
const FOREIGN: [&str; 11] = [
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

fn state_machine() -> Value {
    let path = Workspace::root().join("statemachine/provision.asl.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the state machine"))
        .expect("the state machine is JSON")
}

/// Every state, also those of branches, by its name.
fn states() -> BTreeMap<String, Value> {
    fn collect(machine: &Value, into: &mut BTreeMap<String, Value>) {
        for (name, state) in machine["States"].as_object().expect("states") {
            assert!(
                into.insert(name.clone(), state.clone()).is_none(),
                "{name} stands twice"
            );
            for branch in state["Branches"].as_array().into_iter().flatten() {
                collect(branch, into);
            }
        }
    }
    let mut states = BTreeMap::new();
    collect(&state_machine(), &mut states);
    states
}

fn tasks() -> BTreeMap<String, Value> {
    let mut states = states();
    states.retain(|_, state| state["Type"] == "Task");
    states
}

/// The tasks that invoke a function, with the substitution that names it.
fn steps() -> BTreeMap<String, String> {
    tasks()
        .into_iter()
        .filter_map(|(name, task)| {
            let function = task["Arguments"]["FunctionName"].as_str()?;
            let word = function.strip_prefix("${")?.strip_suffix('}')?;
            Some((name, word.to_owned()))
        })
        .collect()
}

/// The template, with `!Ref X` read as `{"Ref": "X"}` and the like.
fn template() -> Value {
    fn plain(value: Yaml) -> Value {
        match value {
            Yaml::Tagged(tagged) => {
                json!({ tagged.tag.to_string().trim_start_matches('!'): plain(tagged.value) })
            }
            Yaml::Mapping(fields) => fields
                .into_iter()
                .map(|(key, value)| (key.as_str().expect("a text key").to_owned(), plain(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Yaml::Sequence(elements) => elements.into_iter().map(plain).collect(),
            scalar => serde_json::to_value(scalar).expect("a scalar"),
        }
    }
    let path = Workspace::root().join("template.yaml");
    let text = std::fs::read_to_string(path).expect("the template");
    plain(serde_yaml_ng::from_str(&text).expect("the template is YAML"))
}

fn resources(kind: &str) -> BTreeMap<String, Value> {
    template()["Resources"]
        .as_object()
        .expect("resources")
        .iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.clone(), resource.clone()))
        .collect()
}

fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(elements) => elements.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one],
        _ => Vec::new(),
    }
}

/// `EnsureSecurityGroup` as `ensure-security-group`.
fn hyphenated(word: &str) -> String {
    let mut name = String::new();
    for character in word.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

#[test]
fn every_state_is_explained() {
    for (name, state) in states() {
        assert!(
            state["Comment"]
                .as_str()
                .is_some_and(|text| text.len() > 20),
            "{name} has no useful comment"
        );
    }
}

#[test]
fn every_task_has_a_timeout_retries_and_a_catch_of_all() {
    for (name, task) in tasks() {
        assert!(task["TimeoutSeconds"].is_u64(), "{name}: no timeout");
        let retries = task["Retry"].as_array().expect(&name);
        assert!(!retries.is_empty(), "{name}: no retry");
        for retry in retries {
            assert!(
                retry["MaxAttempts"].as_u64().is_some_and(|most| most <= 5),
                "{name}: retries are bounded"
            );
            assert!(
                retry["BackoffRate"].as_f64().is_some_and(|rate| rate > 1.0),
                "{name}"
            );
            assert!(retry["MaxDelaySeconds"].is_u64(), "{name}");
            assert_eq!(retry["JitterStrategy"], "FULL", "{name}");
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
    let tasks = tasks();
    for name in steps().keys() {
        let retried: BTreeSet<_> = tasks[name]["Retry"]
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
    for (name, task) in tasks() {
        for rule in ["Retry", "Catch"] {
            for entry in task[rule].as_array().into_iter().flatten() {
                for error in strings(&entry["ErrorEquals"]) {
                    assert!(
                        ours.contains(&error) || FOREIGN.contains(&error),
                        "{name}: nobody reports {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_failure_is_explained_under_every_name_of_the_contract() {
    let states = states();
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
    for (name, state) in states() {
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
    walk(&state_machine());
}

#[test]
fn the_times_fit_into_one_another() {
    let template = template();
    let function = template["Globals"]["Function"]["Timeout"]
        .as_u64()
        .expect("the functions' timeout");
    // An SDK operation ends within 15 seconds, and a step makes several.
    assert!(function > 15);
    let tasks = tasks();
    for name in steps().keys() {
        assert!(
            tasks[name]["TimeoutSeconds"].as_u64() > Some(function),
            "{name}: Lambda's own timeout comes first, and says more"
        );
    }
    // The check's deadline is 60 minutes of waiting.
    assert!(state_machine()["TimeoutSeconds"].as_u64() > Some(60 * 60 + 10 * 60));
}

#[test]
fn one_word_names_state_function_role_and_binary() {
    let functions = resources("AWS::Serverless::Function");
    let roles = resources("AWS::IAM::Role");
    for (state, word) in steps() {
        assert_eq!(state, word, "the state is named like its function");
        assert!(functions.contains_key(&word), "{word} is no function");
    }
    for (word, function) in &functions {
        let binary = hyphenated(word);
        assert_eq!(
            function["Metadata"]["BuildMethod"], "rust-cargolambda",
            "{word}"
        );
        assert_eq!(
            function["Metadata"]["BuildProperties"]["Binary"], binary,
            "{word}"
        );
        let source = format!("src/bin/{binary}.rs");
        let crates = std::fs::read_dir(Workspace::root().join("functions")).expect("functions/");
        assert!(
            crates
                .map(|entry| entry.expect("an entry").path().join(&source))
                .any(|path| path.exists()),
            "no crate has {source}"
        );
        let role = format!("{word}Role");
        assert_eq!(
            function["Properties"]["Role"],
            json!({ "GetAtt": format!("{role}.Arn") }),
            "{word} has a role of its own"
        );
        assert!(roles.contains_key(&role), "{role} does not exist");
    }
}

#[test]
fn every_substitution_of_the_state_machine_is_given_and_none_is_idle() {
    let text = state_machine().to_string();
    let used: BTreeSet<_> = text
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name.to_owned())
        .collect();
    let machines = resources("AWS::Serverless::StateMachine");
    let given: BTreeSet<_> =
        machines["ProvisionStateMachine"]["Properties"]["DefinitionSubstitutions"]
            .as_object()
            .expect("substitutions")
            .keys()
            .cloned()
            .collect();
    assert_eq!(used, given);
}

#[test]
fn no_role_allows_more_than_named_actions_nor_all_resources_where_aws_knows_narrower_ones() {
    // These know no resource, by the Service Authorization Reference.
    let without_resource = |action: &str| {
        action.starts_with("ec2:Describe")
            || action == "elasticache:DescribeEvents"
            || action.starts_with("xray:")
            || (action.starts_with("logs:")
                && !["logs:CreateLogStream", "logs:PutLogEvents"].contains(&action))
    };
    for (name, role) in resources("AWS::IAM::Role") {
        for policy in role["Properties"]["Policies"].as_array().expect(&name) {
            let statements = policy["PolicyDocument"]["Statement"]
                .as_array()
                .expect(&name);
            for statement in statements {
                for action in strings(&statement["Action"]) {
                    assert!(!action.contains('*'), "{name}: {action}");
                    assert!(
                        statement["Resource"] != "*" || without_resource(action),
                        "{name}: {action} on every resource"
                    );
                }
            }
        }
        assert!(
            role["Properties"]["ManagedPolicyArns"].is_null(),
            "{name} has exactly the policies that stand here"
        );
    }
}

#[test]
fn no_event_is_lost_unseen() {
    let template = template();
    let queues = resources("AWS::SQS::Queue");
    for (name, queue) in &queues {
        assert_eq!(
            queue["Properties"]["MessageRetentionPeriod"],
            14 * 24 * 3600,
            "{name}"
        );
        assert_eq!(queue["Properties"]["SqsManagedSseEnabled"], true, "{name}");
    }
    let rule = &template["Resources"]["EnvironmentCreated"]["Properties"];
    assert_eq!(
        rule["Targets"][0]["DeadLetterConfig"]["Arn"],
        json!({ "GetAtt": "UndeliveredEvents.Arn" }),
        "what EventBridge cannot deliver"
    );
    assert_eq!(
        template["Resources"]["StartWorkflow"]["Properties"]["EventInvokeConfig"]["DestinationConfig"]
            ["OnFailure"]["Destination"],
        json!({ "GetAtt": "FailedEvents.Arn" }),
        "what the function fails on"
    );
    let policies = resources("AWS::SQS::QueuePolicy");
    for name in queues.keys() {
        assert!(
            policies
                .values()
                .any(|policy| policy["Properties"]["Queues"] == json!([{ "Ref": name }])),
            "{name} has no policy"
        );
    }
}

#[test]
fn the_rule_listens_to_the_source_and_the_kind_of_event_of_the_contract() {
    let template = template();
    let pattern = &template["Resources"]["EnvironmentCreated"]["Properties"]["EventPattern"];
    assert_eq!(
        *pattern,
        json!({ "source": [{ "Ref": "EventSource" }], "detail-type": ["Environment Created"] })
    );
    let parameters = &template["Parameters"];
    assert_eq!(
        parameters["EventSource"]["Default"],
        "envcache.environments"
    );
    assert_eq!(parameters["EventBusName"]["Default"], "default");
    assert_eq!(parameters["Architecture"]["Default"], "x86_64");
}

#[test]
fn every_log_group_forgets_and_every_output_of_the_contract_is_there() {
    for (name, group) in resources("AWS::Logs::LogGroup") {
        assert_eq!(
            group["Properties"]["RetentionInDays"],
            json!({ "Ref": "LogRetentionDays" }),
            "{name}"
        );
    }
    let template = template();
    for output in ["ProvisionStateMachineArn", "EventBusName"] {
        assert!(template["Outputs"][output].is_object(), "{output}");
    }
}
