//! Checks the template as data.

use std::collections::BTreeSet;

use envcache_tests::definition::{
    Machine, if_met, resources, state_machine, statements, states, steps, strings, template,
};
use local::Workspace;
use serde_json::{Value, json};

/// Returns a name such as `EnsureSecurityGroup` as `ensure-security-group`.
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
fn state_function_role_and_binary_share_a_name() {
    let functions = resources("AWS::Serverless::Function");
    let roles = resources("AWS::IAM::Role");
    for (state, word) in Machine::ALL.into_iter().flat_map(steps) {
        // The only exception: a Plan state invokes the function of the corresponding later state.
        let expected = match state.as_str() {
            "PlanEnvironment" => "ClaimEnvironment",
            "PlanSecurityGroup" => "EnsureSecurityGroup",
            "PlanSubnetGroup" => "EnsureSubnetGroup",
            "PlanLogGroup" => "EnsureLogGroup",
            "PlanParameterGroup" => "EnsureParameterGroup",
            "PlanReplicationGroup" => "EnsureReplicationGroup",
            "PlanEndpoint" => "PublishEndpoint",
            "PlanDeletion" => "DeleteReplicationGroup",
            state => state,
        };
        assert_eq!(word, expected, "the function of {state}");
        assert!(functions.contains_key(&word), "there is no function {word}");
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
            "{word} has its own role"
        );
        assert!(roles.contains_key(&role), "{role} doesn't exist");
    }
}

#[test]
fn definition_substitutions_match_their_uses() {
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
        let defined: BTreeSet<_> = properties["DefinitionSubstitutions"]
            .as_object()
            .expect("substitutions")
            .keys()
            .cloned()
            .collect();
        assert_eq!(used, defined, "{machine:?}");
        let role = format!("{}Role", machine.logical_id());
        let invoked: BTreeSet<_> = statements(&resources("AWS::IAM::Role")[&role])
            .into_iter()
            .filter(|statement| statement["Action"] == "lambda:InvokeFunction")
            .flat_map(|statement| {
                statement["Resource"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default()
            })
            .filter_map(|resource| {
                let function = resource["Sub"].as_str()?.strip_prefix("${")?;
                Some(function.strip_suffix(".Arn}:*")?.to_owned())
            })
            .collect();
        let steps: BTreeSet<_> = steps(machine).into_values().collect();
        assert_eq!(invoked, steps, "{machine:?} can invoke exactly its steps");
    }
}

#[test]
fn state_machines_invoke_published_versions() {
    let functions = resources("AWS::Serverless::Function");
    let machines = resources("AWS::Serverless::StateMachine");
    for machine in Machine::ALL {
        let substitutions =
            &machines[machine.logical_id()]["Properties"]["DefinitionSubstitutions"];
        for function in steps(machine).into_values() {
            assert_eq!(
                substitutions[&function],
                json!({ "Ref": format!("{function}.Version") }),
                "{machine:?}: {function}"
            );
            let properties = &functions[&function]["Properties"];
            assert_eq!(properties["AutoPublishAlias"], "live", "{function}");
            // Without it, a changed variable or timeout would affect running executions.
            assert_eq!(
                properties["AutoPublishAliasAllProperties"], true,
                "{function}"
            );
        }
    }
    // With an alias, SAM would configure the failure queue for the alias, but the rules invoke the function.
    for name in ["ReportOutcome", "StartWorkflow"] {
        let properties = &functions[name]["Properties"];
        assert!(properties["EventInvokeConfig"].is_object(), "{name}");
        assert!(properties["AutoPublishAlias"].is_null(), "{name}");
    }
}

#[test]
fn roles_allow_only_named_actions_on_limited_resources() {
    // According to the Service Authorization Reference, these don't support resource-level permissions.
    let without_resource = |action: &str| {
        action.starts_with("ec2:Describe")
            || [
                "elasticache:DescribeEngineDefaultParameters",
                "elasticache:DescribeEvents",
            ]
            .contains(&action)
            || action.starts_with("xray:")
            || (action.starts_with("logs:")
                && !["logs:CreateLogStream", "logs:PutLogEvents"].contains(&action))
    };
    for (name, role) in resources("AWS::IAM::Role") {
        assert!(!statements(&role).is_empty(), "{name} has no statement");
        for statement in statements(&role)
            .iter()
            .filter(|statement| statement["Effect"] == "Allow")
        {
            for action in strings(&statement["Action"]) {
                assert!(!action.contains('*'), "{name}: {action}");
                assert!(
                    statement["Resource"] != "*" || without_resource(action),
                    "{name}: {action} on every resource"
                );
            }
        }
        let policy = match role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
            ["Service"]
            .as_str()
        {
            Some("lambda.amazonaws.com") => "FunctionTelemetry",
            _ => "ExecutionTelemetry",
        };
        assert_eq!(
            role["Properties"]["ManagedPolicyArns"],
            json!([{ "Ref": policy }]),
            "{name} has only this template's policies"
        );
    }
}

/// Returns whether an action adds the tags of its request to one of these resources. `CreateReplicationGroup` doesn't
/// change the tags of the parameter group and the subnet group that it uses, and its members get theirs from
/// `AddTagsToResource`.
fn tags(action: &str, arns: &[&str]) -> bool {
    let on = |kind: &str| arns.iter().any(|arn| arn.contains(kind));
    match action {
        "elasticache:CreateReplicationGroup" => on(":replicationgroup:"),
        "ec2:CreateSecurityGroup" => on(":security-group/"),
        "ec2:CreateTags"
        | "elasticache:CreateCacheParameterGroup"
        | "elasticache:CreateCacheSubnetGroup"
        | "logs:CreateLogGroup"
        | "logs:TagResource" => true,
        action => action.ends_with(":AddTagsToResource"),
    }
}

/// Returns the value that a condition operator requires of a key, or null if none.
fn required<'a>(statement: &'a Value, operator: &str, key: &str) -> &'a Value {
    &statement["Condition"][operator][key]
}

const OWN_STACK: &str = "aws:ResourceTag/envcache:stack";

/// Returns the patterns of a statement's resources: the text of a `Sub`, the attribute of a `GetAtt`, or the text
/// itself.
fn arns(resource: &Value) -> Vec<&str> {
    let list = match resource {
        Value::Array(resources) => resources.iter().collect(),
        resource => vec![resource],
    };
    list.into_iter()
        .map(if_met)
        .map(|arn| {
            [
                &arn["Sub"],
                &arn["Sub"][0],
                &arn["GetAtt"],
                &arn["Ref"],
                arn,
            ]
            .into_iter()
            .find_map(Value::as_str)
            .unwrap_or_else(|| panic!("this test can't read the resource {arn}"))
        })
        .collect()
}

/// Returns the statements that allow a selected action, each with the role's name and the action.
fn allowing(is_selected: impl Fn(&str, &[&str]) -> bool) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (name, role) in resources("AWS::IAM::Role") {
        for statement in statements(&role)
            .into_iter()
            .filter(|statement| statement["Effect"] == "Allow")
        {
            let arns = arns(&statement["Resource"]);
            for action in strings(&statement["Action"]) {
                if is_selected(action, &arns) {
                    found.push((name.clone(), action.to_owned(), statement.clone()));
                }
            }
        }
    }
    found
}

#[test]
fn tagging_requires_owner_tags() {
    let stack = json!({ "Ref": "AWS::StackName" });
    let tagging = allowing(tags);
    assert_eq!(tagging.len(), 15, "{tagging:#?}");
    for (role, action, statement) in tagging {
        let sid = &statement["Sid"];
        if sid == "TagFinalSnapshots" {
            // ElastiCache copies the group's tags to the snapshot, including those of others.
            assert!(is_final_snapshot(&statement), "{statement}");
            assert_eq!(
                required(&statement, "StringEqualsIfExists", OWN_STACK),
                &stack,
                "{statement}"
            );
            continue;
        }
        assert_eq!(
            required(&statement, "StringEquals", "aws:RequestTag/envcache:stack"),
            &stack,
            "{role}, {sid}: {action} without this stack's tag"
        );
        assert_eq!(
            required(&statement, "Null", "aws:RequestTag/envcache:environment"),
            "false",
            "{role}, {sid}: {action} without an environment"
        );
        // A security group is new when these actions tag it. Any other resource may belong to another stack.
        let creates = action == "ec2:CreateSecurityGroup"
            || required(&statement, "StringEquals", "ec2:CreateAction") == "CreateSecurityGroup";
        assert!(
            creates
                || required(&statement, "StringEqualsIfExists", OWN_STACK) == &stack
                || required(&statement, "StringEquals", OWN_STACK) == &stack
                || required(&statement, "Null", OWN_STACK) == "true",
            "{role}, {sid}: {action} on another stack's resource"
        );
    }
}

#[test]
fn owner_tags_cannot_be_removed() {
    let removing = allowing(|action, _| {
        ["ec2:DeleteTags", "logs:UntagResource"].contains(&action)
            || action.ends_with(":RemoveTagsFromResource")
    });
    assert_eq!(removing.len(), 6, "{removing:#?}");
    for (role, action, statement) in removing {
        let sid = &statement["Sid"];
        assert_eq!(
            required(&statement, "ForAllValues:StringNotLike", "aws:TagKeys"),
            "envcache:*",
            "{role}, {sid}: {action} of owner tags"
        );
        // Without keys, the other condition is met, and EC2 removes all tags.
        assert_eq!(
            required(&statement, "Null", "aws:TagKeys"),
            "false",
            "{role}, {sid}: {action} without keys"
        );
    }
}

/// Returns whether a statement allows only final snapshots, whose names derive from their group's.
fn is_final_snapshot(statement: &Value) -> bool {
    arns(&statement["Resource"])
        .iter()
        .all(|arn| arn.ends_with(":snapshot:*-final-*"))
}

/// The actions that change or delete an existing resource.
const CHANGES: [&str; 20] = [
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteTags",
    "ec2:RevokeSecurityGroupIngress",
    "elasticache:CreateSnapshot",
    "elasticache:DecreaseReplicaCount",
    "elasticache:DeleteCacheParameterGroup",
    "elasticache:DeleteCacheSubnetGroup",
    "elasticache:DeleteReplicationGroup",
    "elasticache:IncreaseReplicaCount",
    "elasticache:ModifyCacheParameterGroup",
    "elasticache:ModifyCacheSubnetGroup",
    "elasticache:ModifyReplicationGroup",
    "elasticache:RemoveTagsFromResource",
    "elasticache:ResetCacheParameterGroup",
    "logs:PutRetentionPolicy",
    "logs:UntagResource",
    "ssm:DeleteParameter",
    "ssm:PutParameter",
    "ssm:RemoveTagsFromResource",
];

#[test]
fn changes_are_limited_to_owned_resources() {
    let stack = json!({ "Ref": "AWS::StackName" });
    // IAM may not see a create-failed group's tags. A final snapshot is new, and its name derives from its group's.
    let exceptions = [
        "DeleteFailedGroups",
        "DeleteOwnedOrFailedGroups",
        "CreateFinalSnapshots",
        "DeleteWithFinalSnapshots",
    ];
    let changing = allowing(|action, _| CHANGES.contains(&action));
    for action in CHANGES {
        assert!(
            changing.iter().any(|(_, found, _)| found == action),
            "no role allows {action}"
        );
    }
    for (role, action, statement) in changing {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        let creates = action == "ssm:PutParameter"
            && required(&statement, "StringEquals", "aws:RequestTag/envcache:stack") == &stack;
        let is_new = sid == "DeleteWithFinalSnapshots" && is_final_snapshot(&statement);
        if sid == "ModifyWithDefaultParameterGroups" {
            // This statement allows only the use of the parameter group; another one limits the replication group.
            let arns = arns(&statement["Resource"]);
            assert!(
                arns.iter()
                    .all(|arn| arn.ends_with(":parametergroup:default.valkey*")),
                "{statement}"
            );
            continue;
        }
        if exceptions.contains(&sid) || creates {
            assert!(
                is_new || required(&statement, "StringEqualsIfExists", OWN_STACK) == &stack,
                "{role}, {sid}: {action} on another stack's resource"
            );
        } else {
            assert_eq!(
                required(&statement, "StringEquals", OWN_STACK),
                &stack,
                "{role}, {sid}: {action} on a resource that this stack doesn't own"
            );
        }
    }
}

#[test]
fn node_types_are_limited_where_aws_supports_it() {
    for (action, kinds, operator) in [
        (
            "elasticache:CreateReplicationGroup",
            &[":replicationgroup:", ":cluster:"][..],
            "StringEqualsIgnoreCase",
        ),
        (
            "elasticache:ModifyReplicationGroup",
            &[":replicationgroup:"][..],
            "StringEqualsIgnoreCaseIfExists",
        ),
    ] {
        for kind in kinds {
            let found = allowing(|found, arns| {
                found == action && arns.iter().any(|arn| arn.contains(kind))
            });
            let [(_, _, statement)] = &found[..] else {
                panic!("{action} on {kind}: {found:#?}");
            };
            let limit = json!({ "If": [
                "LimitsNodeTypes",
                { "elasticache:CacheNodeType": { "Split": [",", { "Ref": "AllowedNodeTypes" }] } },
                { "Ref": "AWS::NoValue" }
            ] });
            assert_eq!(
                statement["Condition"][operator], limit,
                "{action} on {kind}"
            );
        }
    }
}

#[test]
fn unowned_security_groups_are_taggable_only_with_adoption() {
    let role = &resources("AWS::IAM::Role")["EnsureSecurityGroupRole"];
    let statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        .as_array()
        .expect("statements");
    for sid in ["TagUnownedGroups", "TagGroupsWithoutEnvironment"] {
        let adopting: Vec<_> = statements
            .iter()
            .filter(|statement| statement.to_string().contains(sid))
            .collect();
        let [adopting] = adopting[..] else {
            panic!("{adopting:#?}");
        };
        assert_eq!(adopting["If"][0], "AllowsAdoption");
        assert_eq!(adopting["If"][2], json!({ "Ref": "AWS::NoValue" }));
    }
}

#[test]
fn limiting_parameters_reach_roles_and_functions() {
    let template = template();
    for (condition, parameter, off, default) in [
        ("AllowsAdoption", "Adoption", "never", "manual"),
        ("HasEventAccounts", "EventAccounts", "", ""),
        ("LimitsNodeTypes", "AllowedNodeTypes", "", ""),
    ] {
        assert_eq!(
            template["Conditions"][condition],
            json!({ "Not": [{ "Equals": [{ "Ref": parameter }, off] }] })
        );
        assert_eq!(template["Parameters"][parameter]["Default"], default);
    }
    let substitutions =
        &template["Resources"]["ProvisionStateMachine"]["Properties"]["DefinitionSubstitutions"];
    let states = states(Machine::Provision);
    let policy = &states["ResolveNetwork"]["Arguments"]["Payload"]["policy"];
    for (field, parameter) in [
        ("adoption", "Adoption"),
        ("allowedNodeTypes", "AllowedNodeTypes"),
        ("allowLogDelivery", "AllowLogDelivery"),
    ] {
        assert_eq!(substitutions[parameter], json!({ "Ref": parameter }));
        assert_eq!(policy[field], format!("${{{parameter}}}"));
    }
    let version = "DefaultEngineVersion";
    assert_eq!(substitutions[version], json!({ "Ref": version }));
    for state in ["PlanReplicationGroup", "EnsureReplicationGroup"] {
        let payload = &states[state]["Arguments"]["Payload"];
        assert_eq!(payload["defaultEngineVersion"], format!("${{{version}}}"));
    }
}

/// The actions are those of <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Logging-destinations.html>.
#[test]
fn log_delivery_is_allowed_only_if_the_parameter_says_so() {
    let template = template();
    assert_eq!(
        template["Parameters"]["AllowLogDelivery"]["Default"],
        "false"
    );
    assert_eq!(
        template["Conditions"]["AllowsLogDelivery"],
        json!({ "Equals": [{ "Ref": "AllowLogDelivery" }, "true"] })
    );
    let role = &template["Resources"]["EnsureReplicationGroupRole"];
    let statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].clone();
    let statements = statements.as_array().expect("statements");
    let of_logs: Vec<_> = statements
        .iter()
        .filter(|statement| statement.to_string().contains("\"logs:"))
        .collect();
    let [delivery] = of_logs[..] else {
        panic!("{of_logs:#?}");
    };
    assert_eq!(delivery["If"][0], "AllowsLogDelivery");
    assert_eq!(delivery["If"][2], json!({ "Ref": "AWS::NoValue" }));
    assert_eq!(
        strings(&if_met(delivery)["Action"]),
        [
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ]
    );
}

/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html>
#[test]
fn default_engine_version_is_the_newest_8_and_valid() {
    let parameter = &template()["Parameters"]["DefaultEngineVersion"];
    assert_eq!(parameter["Default"], "8.2");
    let pattern = parameter["AllowedPattern"].as_str().expect("a pattern");
    let allowed = jsonschema::validator_for(&json!({ "type": "string", "pattern": pattern }))
        .expect("a pattern");
    for version in [
        "7.1", "7.2", "8.0", "8.2", "9.1", "10.0", "8", "8.0.1", "8.x", "",
    ] {
        let is_version = contract::setting::EngineVersion::try_from(version.to_owned()).is_ok();
        assert_eq!(allowed.is_valid(&json!(version)), is_version, "{version}");
    }
}

/// SAM derives a version's logical ID from the function's properties in the template, which contain references to
/// parameters instead of their values.
#[test]
fn changed_stack_parameter_publishes_a_version() {
    let parameters = template()["Parameters"].clone();
    for (name, function) in resources("AWS::Serverless::Function") {
        let properties = &function["Properties"];
        let mut configuration = properties.clone();
        let fields = configuration.as_object_mut().expect("properties");
        fields.remove("VersionDescription");
        let used = parameters
            .as_object()
            .into_iter()
            .flatten()
            .map(|(parameter, _)| parameter);
        for parameter in used {
            let is_used = [
                format!("\"Ref\":\"{parameter}\""),
                format!("${{{parameter}}}"),
            ]
            .iter()
            .any(|reference| configuration.to_string().contains(reference));
            // Only asynchronous events invoke these, at their latest version.
            let is_unversioned = ["ReportOutcome", "StartWorkflow"].contains(&name.as_str());
            let described = properties["VersionDescription"].to_string();
            assert!(
                !is_used || is_unversioned || described.contains(parameter.as_str()),
                "{name} would keep the old value of {parameter}"
            );
        }
    }
    let verify = &template()["Resources"]["VerifyEndpoint"];
    assert_eq!(
        verify["UpdateReplacePolicy"], "Retain",
        "a replaced version is retained"
    );
}

/// A version keeps the role that it was published with, and SAM doesn't see a replaced role either.
#[test]
fn replaced_role_publishes_a_version() {
    let functions = resources("AWS::Serverless::Function");
    for function in Machine::ALL
        .into_iter()
        .flat_map(|machine| steps(machine).into_values())
    {
        let role_id = format!("{function}Role.RoleId");
        let description = &functions[&function]["Properties"]["VersionDescription"];
        if function == "VerifyEndpoint" {
            let text = description["Sub"][0].as_str().unwrap_or_default();
            assert!(text.contains(&format!("${{{role_id}}}")), "{description}");
        } else {
            assert_eq!(description, &json!({ "GetAtt": role_id }), "{function}");
        }
    }
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html>
#[test]
fn version_description_has_at_most_256_characters() {
    let id = |prefix: &str| format!("{prefix}{}", "0".repeat(17));
    let subnet_ids = vec![id("subnet-"); 9].join(",");
    let pattern = template()["Parameters"]["VerifySubnetIds"]["AllowedPattern"].clone();
    let allowed = jsonschema::validator_for(&json!({ "type": "string", "pattern": pattern }))
        .expect("a pattern");
    assert!(allowed.is_valid(&json!(subnet_ids)));
    assert!(!allowed.is_valid(&json!(format!("{subnet_ids},{}", id("subnet-")))));
    let properties = &template()["Resources"]["VerifyEndpoint"]["Properties"];
    let description = &properties["VersionDescription"]["Sub"];
    assert_eq!(
        description[1],
        json!({ "SubnetIds": { "Join": ["", { "Split": ["subnet-", { "Ref": "VerifySubnetIds" }] }] } })
    );
    let text = description[0].as_str().expect("a text");
    let text = text
        .replace("${VerifyEndpointRole.RoleId}", &id("AROA"))
        .replace("${VerifySecurityGroupId}", &id("sg-"))
        .replace("${SubnetIds}", &subnet_ids.replace("subnet-", ""));
    assert!(!text.contains('$') && text.len() <= 256, "{text}");
}

#[test]
fn creates_no_cluster_that_another_stack_owns() {
    let creating = allowing(|action, arns| {
        action == "elasticache:CreateReplicationGroup"
            && arns.iter().any(|arn| arn.contains(":cluster:"))
    });
    assert_eq!(creating.len(), 1, "{creating:#?}");
    for (role, _, statement) in creating {
        assert_eq!(
            required(&statement, "StringEqualsIfExists", OWN_STACK),
            &json!({ "Ref": "AWS::StackName" }),
            "{role}"
        );
    }
}

/// Returns the statement of `EnsureReplicationGroup`'s role with this ID.
fn statement_of_the_cache(sid: &str) -> Value {
    let role = resources("AWS::IAM::Role")["EnsureReplicationGroupRole"].clone();
    let found = statements(&role).into_iter();
    let mut found = found.filter(|statement| statement["Sid"] == sid);
    found.next().expect(sid)
}

#[test]
fn restores_no_snapshot_of_another_stack() {
    let restoring = allowing(|action, arns| {
        action == "elasticache:CreateReplicationGroup"
            && arns.iter().any(|arn| arn.contains(":snapshot:"))
    });

    assert_eq!(restoring.len(), 1, "{restoring:#?}");
    assert_eq!(
        required(
            &statement_of_the_cache("RestoreSnapshots"),
            "StringEqualsIfExists",
            OWN_STACK
        ),
        &json!({ "Ref": "AWS::StackName" })
    );
}

/// Other parameter groups may be those of other stacks or teams.
#[test]
fn creates_caches_only_with_default_or_owned_parameter_groups() {
    let with_parameter_group = allowing(|action, arns| {
        action == "elasticache:CreateReplicationGroup"
            && arns.iter().any(|arn| arn.contains(":parametergroup:"))
    });

    let sids: Vec<_> = with_parameter_group
        .iter()
        .map(|(_, _, statement)| statement["Sid"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        sids,
        [
            "CreateWithDefaultParameterGroups",
            "CreateWithOwnedParameterGroups"
        ]
    );
    let default = statement_of_the_cache(sids[0]);
    let arns = arns(&default["Resource"]);
    assert!(
        arns.iter()
            .all(|arn| arn.ends_with(":parametergroup:default.valkey*")),
        "{default}"
    );
    assert_eq!(
        required(&statement_of_the_cache(sids[1]), "StringEquals", OWN_STACK),
        &json!({ "Ref": "AWS::StackName" })
    );
}

#[test]
fn files_are_read_only_by_elasticache() {
    let reading = allowing(|action, _| action.starts_with("s3:"));

    assert_eq!(reading.len(), 1, "{reading:#?}");
    let statement = statement_of_the_cache("RestoreFiles");
    assert_eq!(
        required(&statement, "Bool", "aws:ViaAWSService"),
        "true",
        "{statement}"
    );
    assert_eq!(
        required(&statement, "StringEquals", "aws:ResourceAccount"),
        &json!({ "Ref": "AWS::AccountId" })
    );
}

#[test]
fn verification_code_cannot_create_network_interfaces() {
    let role = &resources("AWS::IAM::Role")["VerifyEndpointRole"];
    let (mut allowed, mut denied) = (BTreeSet::new(), BTreeSet::new());
    let statements = statements(role);
    for statement in &statements {
        let into = if statement["Effect"] == "Deny" {
            // The condition doesn't depend on the function's generated name.
            assert_eq!(
                statement["Condition"],
                json!({ "Null": { "lambda:SourceFunctionArn": "false" } })
            );
            &mut denied
        } else {
            &mut allowed
        };
        into.extend(
            strings(&statement["Action"])
                .into_iter()
                .filter(|action| action.starts_with("ec2:")),
        );
    }
    assert_eq!(allowed, denied);
}

#[test]
fn only_elasticache_service_linked_role_can_be_created() {
    let roles = resources("AWS::IAM::Role");
    let creating: Vec<_> = roles
        .iter()
        .flat_map(|(name, role)| {
            statements(role)
                .into_iter()
                .map(move |statement| (name, statement))
        })
        .filter(|(_, statement)| {
            strings(&statement["Action"]).contains(&"iam:CreateServiceLinkedRole")
        })
        .collect();
    for (name, statement) in &creating {
        assert_eq!(
            statement["Condition"],
            json!({ "StringEquals": { "iam:AWSServiceName": "elasticache.amazonaws.com" } }),
            "{name}"
        );
    }
    let names: Vec<_> = creating.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["EnsureReplicationGroupRole", "EnsureSubnetGroupRole"],
        "either step may be the first to use ElastiCache in the account"
    );
}

#[test]
fn undelivered_and_failed_events_reach_queues() {
    let template = template();
    let queues = resources("AWS::SQS::Queue");
    for (name, queue) in &queues {
        assert_eq!(
            queue["Properties"]["MessageRetentionPeriod"],
            14 * 24 * 3600,
            "{name}"
        );
    }
    for rule in ["EnvironmentChanged", "ExecutionEnded"] {
        let properties = &template["Resources"][rule]["Properties"];
        assert_eq!(
            properties["Targets"][0]["DeadLetterConfig"]["Arn"],
            json!({ "GetAtt": "UndeliveredEvents.Arn" }),
            "{rule}: events that EventBridge can't deliver"
        );
        let policy = template["Resources"]["UndeliveredEventsPolicy"].to_string();
        assert!(
            policy.contains(&format!("{rule}.Arn")),
            "{rule} must be allowed to write to the queue"
        );
    }
    for function in ["StartWorkflow", "ReportOutcome"] {
        let properties = &template["Resources"][function]["Properties"];
        assert_eq!(
            properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"],
            json!({ "GetAtt": "FailedEvents.Arn" }),
            "events that {function} fails on"
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
fn rules_match_contract_accounts_source_and_detail_types() {
    let template = template();
    let own = json!([{ "Ref": "AWS::AccountId" }]);
    let with_event_accounts =
        json!({ "Split": [",", { "Sub": "${AWS::AccountId},${EventAccounts}" }] });
    assert_eq!(
        template["Resources"]["EnvironmentChanged"]["Properties"]["EventPattern"],
        json!({
            "account": { "If": ["HasEventAccounts", with_event_accounts, own] },
            "source": [{ "Ref": "EventSource" }],
            "detail-type": ["Environment Created", "Environment Deleted"],
        })
    );
    assert_eq!(
        template["Resources"]["ExecutionEnded"]["Properties"]["EventPattern"]["account"],
        json!([{ "Ref": "AWS::AccountId" }])
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
fn log_groups_expire_and_contract_outputs_exist() {
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

/// Returns the value of a property that a parameter sets, unless the parameter is empty.
fn optional(condition: &str, value: &Value) -> Value {
    json!({ "If": [condition, value, { "Ref": "AWS::NoValue" }] })
}

#[test]
fn optional_parameters_change_nothing_by_default() {
    let template = template();
    for (condition, parameter, default) in [
        ("HasPermissionsBoundary", "PermissionsBoundaryArn", ""),
        ("HasRolePath", "RolePath", "/"),
        ("HasLogsKey", "LogsKeyArn", ""),
        ("HasQueuesKey", "QueuesKeyArn", ""),
        ("HasTableKey", "TableKeyArn", ""),
        ("HasVpcOwner", "VpcOwnerAccount", ""),
    ] {
        assert_eq!(
            template["Conditions"][condition],
            json!({ "Not": [{ "Equals": [{ "Ref": parameter }, default] }] })
        );
        assert_eq!(template["Parameters"][parameter]["Default"], default);
    }
}

/// The ARNs of a shared VPC and its subnets have the account ID of their owner. Only two calls name them.
#[test]
fn vpc_owner_is_only_in_the_resources_of_two_statements() {
    let mut found = Vec::new();
    for (role, definition) in resources("AWS::IAM::Role") {
        for statement in statements(&definition) {
            if statement.to_string().contains("VpcOwnerAccount") {
                found.push((role.clone(), statement));
            }
        }
    }

    let arn = |resource: &str| {
        format!("arn:${{AWS::Partition}}:ec2:${{AWS::Region}}:${{VpcOwnerAccount}}:{resource}/*")
    };
    let [(creator, create), (verifier, join)] = &found[..] else {
        panic!("two statements: {found:?}");
    };
    assert_eq!(creator, "EnsureSecurityGroupRole");
    assert_eq!(create["Action"], "ec2:CreateSecurityGroup");
    assert_eq!(
        create["Resource"][1],
        json!({ "If": ["HasVpcOwner", { "Sub": arn("vpc") }, { "Ref": "AWS::NoValue" }] })
    );
    assert_eq!(verifier, "VerifyEndpointRole");
    assert_eq!(join["Action"], "ec2:CreateNetworkInterface");
    assert_eq!(join["Resource"], json!({ "Sub": arn("subnet") }));
}

#[test]
fn arns_and_paths_are_accepted_in_every_partition() {
    let is_valid = |parameter: &str, value: &str| {
        let pattern = template()["Parameters"][parameter]["AllowedPattern"].clone();
        let allowed = jsonschema::validator_for(&json!({ "type": "string", "pattern": pattern }))
            .expect("a pattern");
        allowed.is_valid(&json!(value))
    };
    for (value, expected) in [
        ("", true),
        ("arn:aws:iam::123456789012:policy/boundary", true),
        (
            "arn:aws-us-gov:iam::123456789012:policy/a/path/boundary",
            true,
        ),
        ("arn:aws-cn:iam::aws:policy/PowerUserAccess", true),
        ("arn:aws:iam::123456789012:role/boundary", false),
        ("boundary", false),
    ] {
        assert_eq!(
            is_valid("PermissionsBoundaryArn", value),
            expected,
            "{value}"
        );
    }
    for (value, expected) in [
        ("/", true),
        ("/platform/", true),
        ("/platform/envcache/", true),
        ("", false),
        ("platform", false),
        ("/platform", false),
        ("//", false),
        ("/a*/", false),
    ] {
        assert_eq!(is_valid("RolePath", value), expected, "{value}");
    }
    for parameter in ["LogsKeyArn", "QueuesKeyArn", "TableKeyArn"] {
        for (value, expected) in [
            ("", true),
            (
                "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                true,
            ),
            (
                "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd12ab34cd",
                true,
            ),
            ("arn:aws:kms:eu-west-1:123456789012:alias/logs", false),
            ("1234abcd-12ab-34cd-56ef-1234567890ab", false),
        ] {
            assert_eq!(is_valid(parameter, value), expected, "{parameter}: {value}");
        }
    }
}

#[test]
fn every_parameter_has_a_group() {
    let template = template();
    let interface = &template["Metadata"]["AWS::CloudFormation::Interface"];
    let grouped: Vec<_> = interface["ParameterGroups"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|group| strings(&group["Parameters"]))
        .collect();
    let parameters = template["Parameters"].as_object().expect("parameters");
    assert_eq!(grouped.len(), parameters.len(), "{grouped:?}");
    for parameter in parameters.keys() {
        assert!(grouped.contains(&parameter.as_str()), "{parameter}");
    }
}

#[test]
fn every_role_has_the_boundary_and_the_path() {
    let path = optional("HasRolePath", &json!({ "Ref": "RolePath" }));
    let boundary = optional(
        "HasPermissionsBoundary",
        &json!({ "Ref": "PermissionsBoundaryArn" }),
    );
    for (name, role) in resources("AWS::IAM::Role") {
        assert_eq!(role["Properties"]["Path"], path, "{name}");
        assert_eq!(
            role["Properties"]["PermissionsBoundary"], boundary,
            "{name}"
        );
    }
    for (name, policy) in resources("AWS::IAM::ManagedPolicy") {
        assert_eq!(policy["Properties"]["Path"], path, "{name}");
    }
    // SAM creates a role for each of these without one.
    for kind in ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"] {
        for (name, resource) in resources(kind) {
            assert!(resource["Properties"]["Role"].is_object(), "{name}");
        }
    }
}

#[test]
fn log_groups_table_and_queues_use_their_keys() {
    for (name, group) in resources("AWS::Logs::LogGroup") {
        assert_eq!(
            group["Properties"]["KmsKeyId"],
            optional("HasLogsKey", &json!({ "Ref": "LogsKeyArn" })),
            "{name}"
        );
    }
    let encryption =
        json!({ "SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": { "Ref": "TableKeyArn" } });
    for (name, table) in resources("AWS::DynamoDB::Table") {
        assert_eq!(
            table["Properties"]["SSESpecification"],
            optional("HasTableKey", &encryption),
            "{name}"
        );
    }
    for (name, queue) in resources("AWS::SQS::Queue") {
        let properties = &queue["Properties"];
        assert_eq!(
            properties["KmsMasterKeyId"],
            optional("HasQueuesKey", &json!({ "Ref": "QueuesKeyArn" })),
            "{name}"
        );
        assert_eq!(
            properties["SqsManagedSseEnabled"],
            json!({ "If": ["HasQueuesKey", false, true] }),
            "{name}: SQS rejects two types of encryption"
        );
    }
}

/// Returns the inline statements of a role that mention a text, with their conditions (`!If`).
fn inline_statements(role: &Value, text: &str) -> Vec<Value> {
    let policies = role["Properties"]["Policies"].as_array();
    policies
        .into_iter()
        .flatten()
        .filter_map(|policy| policy["PolicyDocument"]["Statement"].as_array())
        .flatten()
        .filter(|statement| statement.to_string().contains(text))
        .cloned()
        .collect()
}

/// Returns the statements for the key of a cache: any key of the account, because a request names it. Only ElastiCache can
/// create a grant, and its calls have either service name:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/at-rest-encryption.html>
fn use_of_requested_key() -> [Value; 2] {
    let keys = json!({ "Sub": "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*" });
    let services = ["dax", "elasticache"]
        .map(|service| json!({ "Sub": format!("{service}.${{AWS::Region}}.amazonaws.com") }));
    [
        json!({
            "Sid": "FindRequestedKey",
            "Effect": "Allow",
            "Action": "kms:DescribeKey",
            "Resource": keys,
        }),
        json!({
            "Sid": "EncryptWithRequestedKey",
            "Effect": "Allow",
            "Action": "kms:CreateGrant",
            "Resource": keys,
            "Condition": { "StringEquals": { "kms:ViaService": services } },
        }),
    ]
}

/// The permissions on the table's key and on the queues' key:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html>
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html>
#[test]
fn only_roles_that_use_the_table_or_a_queue_use_its_key() {
    let statement = |condition: &str, sid: &str, actions: Value, key: &str, service: &str| {
        let allowed = json!({
            "Sid": sid,
            "Effect": "Allow",
            "Action": actions,
            "Resource": { "Ref": key },
            "Condition": {
                "StringEquals": {
                    "kms:ViaService": { "Sub": format!("{service}.${{AWS::Region}}.amazonaws.com") }
                }
            },
        });
        optional(condition, &allowed)
    };
    let table = statement(
        "HasTableKey",
        "UseTableKey",
        json!("kms:Decrypt"),
        "TableKeyArn",
        "dynamodb",
    );
    let queues = statement(
        "HasQueuesKey",
        "UseQueuesKey",
        json!(["kms:Decrypt", "kms:GenerateDataKey"]),
        "QueuesKeyArn",
        "sqs",
    );
    let (mut with_table, mut with_queue) = (Vec::new(), Vec::new());
    for (name, role) in resources("AWS::IAM::Role") {
        let uses = |service: &str| {
            statements(&role).iter().any(|statement| {
                strings(&statement["Action"])
                    .iter()
                    .any(|action| action.starts_with(service))
            })
        };
        let mut expected = Vec::new();
        if uses("dynamodb:") {
            expected.push(table.clone());
            with_table.push(name.clone());
        }
        if uses("sqs:") {
            expected.push(queues.clone());
            with_queue.push(name.clone());
        }
        if name == "EnsureReplicationGroupRole" {
            expected.extend(use_of_requested_key());
        }
        assert_eq!(inline_statements(&role, "kms:"), expected, "{name}");
    }
    assert_eq!(
        with_table,
        [
            "ClaimEnvironmentRole",
            "DeprovisionStateMachineRole",
            "EnsureReplicationGroupRole",
            "ProvisionStateMachineRole",
            "ReportOutcomeRole",
        ]
    );
    assert_eq!(with_queue, ["ReportOutcomeRole", "StartWorkflowRole"]);
    for (name, policy) in resources("AWS::IAM::ManagedPolicy") {
        assert!(!policy.to_string().contains("kms:"), "{name}");
    }
}

/// CloudFormation accepts stack names of up to 128 characters:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>. A state machine's name has
/// up to 80: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html>.
#[test]
fn no_limited_name_contains_the_stack_name() {
    let id = json!({ "Select": [0, { "Split": ["-", { "Select": [2, { "Split": ["/", { "Ref": "AWS::StackId" }] }] }] }] });
    for machine in Machine::ALL {
        let logical_id = machine.logical_id();
        let name = &resources("AWS::Serverless::StateMachine")[logical_id]["Properties"]["Name"];
        let pattern = format!("envcache-{}-${{Id}}", machine.name());
        assert_eq!(name, &json!({ "Sub": [pattern, { "Id": id }] }));
        // The first part of a UUID has 8 characters.
        assert!(pattern.replace("${Id}", "51af3dc0").len() <= 80);
        let role = &resources("AWS::IAM::Role")["ClaimEnvironmentRole"];
        let arn = format!(
            "arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:execution:{pattern}:*"
        );
        let described = json!({ "Sub": [arn, { "Id": id }] });
        let is_allowed = statements(role).iter().any(|statement| {
            statement["Action"] == "states:DescribeExecution"
                && statement["Resource"]
                    .as_array()
                    .is_some_and(|resources| resources.contains(&described))
        });
        assert!(is_allowed, "{machine:?}");
    }
    // CloudFormation generates these names and shortens the stack's name in them.
    for (kind, property) in [
        ("AWS::Serverless::Function", "FunctionName"),
        ("AWS::IAM::Role", "RoleName"),
        ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
        ("AWS::Events::Rule", "Name"),
        ("AWS::SQS::Queue", "QueueName"),
        ("AWS::DynamoDB::Table", "TableName"),
        ("AWS::CloudWatch::Alarm", "AlarmName"),
    ] {
        for (name, resource) in resources(kind) {
            assert!(resource["Properties"][property].is_null(), "{name}");
        }
    }
}
