//! The template, read as data.

use std::collections::BTreeSet;

use envcache_tests::definition::{
    Machine, resources, state_machine, statements, steps, strings, template,
};
use local::Workspace;
use serde_json::json;

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
fn one_word_names_state_function_role_and_binary() {
    let functions = resources("AWS::Serverless::Function");
    let roles = resources("AWS::IAM::Role");
    for (state, word) in Machine::ALL.into_iter().flat_map(steps) {
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
fn every_substitution_of_a_state_machine_is_given_and_none_is_idle() {
    let machines = resources("AWS::Serverless::StateMachine");
    for machine in Machine::ALL {
        let text = state_machine(machine).to_string();
        let used: BTreeSet<_> = text
            .split("${")
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| name.to_owned())
            .collect();
        let properties = &machines[machine.logical_id()]["Properties"];
        let given: BTreeSet<_> = properties["DefinitionSubstitutions"]
            .as_object()
            .expect("substitutions")
            .keys()
            .cloned()
            .collect();
        assert_eq!(used, given, "{machine:?}");
        let role = format!("{}Role", machine.logical_id());
        let invoked: BTreeSet<_> = statements(&resources("AWS::IAM::Role")[&role])
            .filter(|statement| statement["Action"] == "lambda:InvokeFunction")
            .flat_map(|statement| {
                statement["Resource"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default()
            })
            .filter_map(|resource| {
                Some(
                    resource["GetAtt"]
                        .as_str()?
                        .strip_suffix(".Arn")?
                        .to_owned(),
                )
            })
            .collect();
        let steps: BTreeSet<_> = steps(machine).into_values().collect();
        assert_eq!(
            invoked, steps,
            "{machine:?} may invoke its steps and no other"
        );
    }
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
        assert!(statements(&role).count() > 0, "{name} may nothing");
        for statement in statements(&role).filter(|statement| statement["Effect"] == "Allow") {
            for action in strings(&statement["Action"]) {
                assert!(!action.contains('*'), "{name}: {action}");
                assert!(
                    statement["Resource"] != "*" || without_resource(action),
                    "{name}: {action} on every resource"
                );
            }
        }
        assert!(
            role["Properties"]["ManagedPolicyArns"].is_null(),
            "{name} has exactly the policies that stand here"
        );
    }
}

#[test]
fn on_its_first_use_in_an_account_elasticache_may_make_its_role_and_no_other() {
    let roles = resources("AWS::IAM::Role");
    let may_make_roles: Vec<_> = roles
        .iter()
        .flat_map(|(name, role)| statements(role).map(move |statement| (name, statement)))
        .filter(|(_, statement)| {
            strings(&statement["Action"]).contains(&"iam:CreateServiceLinkedRole")
        })
        .collect();
    for (name, statement) in &may_make_roles {
        assert_eq!(
            statement["Condition"],
            json!({ "StringEquals": { "iam:AWSServiceName": "elasticache.amazonaws.com" } }),
            "{name}"
        );
    }
    let names: Vec<_> = may_make_roles.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["EnsureReplicationGroupRole", "EnsureSubnetGroupRole"],
        "either may be the first to need it"
    );
}

/// The rules that start a workflow.
const RULES: [&str; 2] = ["EnvironmentCreated", "EnvironmentDeleted"];

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
    for rule in RULES.into_iter().chain(["ExecutionEnded"]) {
        let properties = &template["Resources"][rule]["Properties"];
        assert_eq!(
            properties["Targets"][0]["DeadLetterConfig"]["Arn"],
            json!({ "GetAtt": "UndeliveredEvents.Arn" }),
            "{rule}: what EventBridge cannot deliver"
        );
        let policy = template["Resources"]["UndeliveredEventsPolicy"].to_string();
        assert!(
            policy.contains(&format!("{rule}.Arn")),
            "{rule} may write to its queue"
        );
    }
    for function in ["StartWorkflow", "ReportEnd"] {
        let properties = &template["Resources"][function]["Properties"];
        assert_eq!(
            properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"],
            json!({ "GetAtt": "FailedEvents.Arn" }),
            "what {function} fails on"
        );
    }
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
fn the_rules_listen_to_the_source_and_the_kinds_of_event_of_the_contract() {
    let template = template();
    for (rule, kind) in RULES
        .into_iter()
        .zip(["Environment Created", "Environment Deleted"])
    {
        assert_eq!(
            template["Resources"][rule]["Properties"]["EventPattern"],
            json!({ "source": [{ "Ref": "EventSource" }], "detail-type": [kind] })
        );
    }
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
    for output in [
        "ProvisionStateMachineArn",
        "DeprovisionStateMachineArn",
        "EventBusName",
    ] {
        assert!(template["Outputs"][output].is_object(), "{output}");
    }
}
