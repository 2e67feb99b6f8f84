//! Each function's policy is necessary and sufficient: without it, the run fails with `AccessDenied`; with it, the run
//! succeeds.

use envcache_tests::{World, text, unmanaged, until};
use local::gateway::elasticache::{Lifecycle, Outcome};
use serde_json::{Value, json};

/// The functions that call AWS, each with the first state that invokes it and an operation that this state needs.
const FUNCTIONS: [(&str, &str, &str); 8] = [
    ("ResolveNetwork", "ResolveNetwork", "DescribeVpcs"),
    ("ClaimEnvironment", "PlanEnvironment", "GetItem"),
    (
        "EnsureSecurityGroup",
        "PlanSecurityGroup",
        "DescribeSecurityGroups",
    ),
    (
        "EnsureSubnetGroup",
        "PlanSubnetGroup",
        "DescribeCacheSubnetGroups",
    ),
    (
        "EnsureParameterGroup",
        "PlanParameterGroup",
        "DescribeCacheParameterGroups",
    ),
    ("EnsureReplicationGroup", "PlanReplicationGroup", "GetItem"),
    (
        "CheckReplicationGroup",
        "CheckReplicationGroup",
        "DescribeReplicationGroups",
    ),
    ("PublishEndpoint", "PlanEndpoint", "GetParameters"),
];

/// One test, because the policies affect every run of the stack.
#[test]
fn every_policy_is_necessary_and_sufficient() {
    let world = World::deploy().expect("a stack");
    for (function, step, operation) in FUNCTIONS {
        let environment = world.environment();
        let policy = Policy::remove(&world, function);

        let denied = world.run(&environment.request());

        assert_eq!(denied.error, "AccessDenied", "{step}: {denied:?}");
        assert!(
            denied.cause.starts_with(&format!("{step}: {operation} ")),
            "{step}: {}",
            denied.cause
        );
        assert!(environment.parameters(&world).is_empty(), "{step}");

        policy.restore(&world);
        let ended = world.run(&environment.request());
        assert_eq!(ended.status, "SUCCEEDED", "{step}: {ended:?}");
    }

    first_run_needs_each_action(&world);
    requested_key_needs_each_action(&world);
    requested_source_needs_each_action(&world);
    requested_logs_need_each_action(&world);
    change_of_tags_needs_each_action(&world);
    requested_parameters_need_each_action(&world);
    removal_needs_each_action(&world);
    failed_creation_is_reported_without_describe_events(&world);
    failed_creation_is_not_replaced_without_delete_permission(&world);
    event_starts_nothing_without_the_policy(&world);
}

fn failed_creation_is_not_replaced_without_delete_permission(world: &World) {
    for operation in ["DeleteReplicationGroup"] {
        let environment = world.environment();
        let failing = Lifecycle {
            outcome: Outcome::Failed {
                reason: "creation failed".to_owned(),
            },
            ..Lifecycle::default()
        };
        for lifecycle in [failing, Lifecycle::default()] {
            let cache = format!("{}-redis", environment.name);
            world.gateway().set_lifecycle(&cache, lifecycle);
        }
        let policy = Policy::remove(world, "EnsureReplicationGroup");
        policy.restore_without(world, &format!("elasticache:{operation}"));

        let denied = world.run(&environment.request());

        assert_eq!(denied.error, "AccessDenied", "{operation}: {denied:?}");
        let expected = format!("EnsureReplicationGroup: {operation} ");
        assert!(denied.cause.starts_with(&expected), "{}", denied.cause);
        policy.restore(world);
        let ended = world.run(&environment.request());
        assert_eq!(ended.status, "SUCCEEDED", "{operation}: {ended:?}");
    }
}

/// Denies each action of a first run. The run then fails, and its cause names the denied call.
fn first_run_needs_each_action(world: &World) {
    let actions = [
        ("ResolveNetwork", "ec2:DescribeSubnets"),
        ("ResolveNetwork", "ec2:DescribeSecurityGroups"),
        ("ClaimEnvironment", "dynamodb:UpdateItem"),
        ("EnsureReplicationGroup", "dynamodb:UpdateItem"),
        (
            "EnsureReplicationGroup",
            "elasticache:DescribeReplicationGroups",
        ),
        ("EnsureSecurityGroup", "ec2:CreateSecurityGroup"),
        ("EnsureSecurityGroup", "ec2:AuthorizeSecurityGroupIngress"),
        ("EnsureSubnetGroup", "elasticache:CreateCacheSubnetGroup"),
        (
            "EnsureReplicationGroup",
            "elasticache:CreateReplicationGroup",
        ),
        ("EnsureReplicationGroup", "elasticache:ListTagsForResource"),
        (
            "EnsureReplicationGroup",
            "elasticache:DescribeCacheClusters",
        ),
        ("PublishEndpoint", "ssm:PutParameter"),
    ];
    for (step, action) in actions {
        let environment = world.environment();
        let policy = Policy::remove(world, step);
        policy.restore_without(world, action);

        let denied = world.run(&environment.request());

        let (_, operation) = action.split_once(':').expect("service:operation");
        // The plan makes the call first.
        let step = match action {
            "elasticache:DescribeReplicationGroups" | "elasticache:DescribeCacheClusters" => {
                "PlanReplicationGroup"
            }
            _ => step,
        };
        assert_eq!(denied.error, "AccessDenied", "{action}: {denied:?}");
        assert!(
            denied.cause.starts_with(&format!("{step}: {operation} ")),
            "{action}: {}",
            denied.cause
        );
        policy.restore(world);
    }
}

/// Denies each action of a first run that encrypts the cache with a KMS key. Other runs don't need them. ElastiCache creates
/// the grant as a part of the cache's creation.
fn requested_key_needs_each_action(world: &World) {
    let key = unmanaged::key(world);
    for (action, expected) in [
        ("kms:DescribeKey", "PlanReplicationGroup: DescribeKey "),
        (
            "kms:CreateGrant",
            "EnsureReplicationGroup: CreateReplicationGroup ",
        ),
    ] {
        let environment = world.environment();
        let alias = unmanaged::alias(&environment, world, &key);
        let request = environment.request_with("/cache", json!({ "kmsKey": alias }));
        let policy = Policy::remove(world, "EnsureReplicationGroup");
        policy.restore_without(world, action);

        let without_key = world.run(&world.environment().request());
        let denied = world.run(&request);

        assert_eq!(without_key.status, "SUCCEEDED", "{action}: {without_key:?}");
        assert_eq!(denied.error, "AccessDenied", "{action}: {denied:?}");
        assert!(denied.cause.starts_with(expected), "{}", denied.cause);
        policy.restore(world);
        let ended = world.run(&request);
        assert_eq!(ended.status, "SUCCEEDED", "{action}: {ended:?}");
    }
}

/// Denies each action of a first run that restores the cache. Other runs don't need them. ElastiCache reads files as a part of
/// the cache's creation.
fn requested_source_needs_each_action(world: &World) {
    let source = world.environment();
    assert_eq!(world.run(&source.request()).status, "SUCCEEDED");
    let removal = json!({ "environment": source.name, "finalSnapshot": true });
    let snapshot = world.remove(&removal).output["finalSnapshot"].clone();
    for (action, source, expected) in [
        (
            "elasticache:DescribeSnapshots",
            json!({ "snapshot": snapshot }),
            "PlanReplicationGroup: DescribeSnapshots ",
        ),
        (
            "s3:GetObject",
            json!({ "files": ["arn:aws:s3:::backups/sessions.rdb"] }),
            "EnsureReplicationGroup: CreateReplicationGroup ",
        ),
    ] {
        let environment = world.environment();
        let request = environment.request_with("/cache", json!({ "restoreFrom": source }));
        let policy = Policy::remove(world, "EnsureReplicationGroup");
        policy.restore_without(world, action);

        let without_source = world.run(&world.environment().request());
        let denied = world.run(&request);

        assert_eq!(
            without_source.status, "SUCCEEDED",
            "{action}: {without_source:?}"
        );
        assert_eq!(denied.error, "AccessDenied", "{action}: {denied:?}");
        assert!(denied.cause.starts_with(expected), "{}", denied.cause);
        policy.restore(world);
        let ended = world.run(&request);
        assert_eq!(ended.status, "SUCCEEDED", "{action}: {ended:?}");
    }
}

/// Denies each action of a first run that delivers logs. Other runs don't need them. ElastiCache sets the delivery up as a part
/// of the cache's creation.
fn requested_logs_need_each_action(world: &World) {
    let delivery = |action| {
        let expected = "EnsureReplicationGroup: CreateReplicationGroup ";
        ("EnsureReplicationGroup", action, expected)
    };
    let actions = [
        (
            "EnsureLogGroup",
            "logs:DescribeLogGroups",
            "PlanLogGroup: DescribeLogGroups ",
        ),
        (
            "EnsureLogGroup",
            "logs:CreateLogGroup",
            "EnsureLogGroup: CreateLogGroup ",
        ),
        (
            "EnsureLogGroup",
            "logs:TagResource",
            "EnsureLogGroup: CreateLogGroup ",
        ),
        (
            "EnsureLogGroup",
            "logs:PutRetentionPolicy",
            "EnsureLogGroup: PutRetentionPolicy ",
        ),
        delivery("logs:CreateLogDelivery"),
        delivery("logs:GetLogDelivery"),
        delivery("logs:UpdateLogDelivery"),
        delivery("logs:DeleteLogDelivery"),
        delivery("logs:ListLogDeliveries"),
        delivery("logs:PutResourcePolicy"),
        delivery("logs:DescribeResourcePolicies"),
        delivery("logs:DescribeLogGroups"),
    ];
    for (function, action, expected) in actions {
        let environment = world.environment();
        let request = environment.request_with("/cache", json!({ "logs": { "slow": {} } }));
        let policy = Policy::remove(world, function);
        policy.restore_without(world, action);

        let denied = world.run(&request);

        assert_eq!(denied.error, "AccessDenied", "{action}: {denied:?}");
        assert!(denied.cause.starts_with(expected), "{}", denied.cause);
        policy.restore(world);
    }
    change_of_log_groups_needs_each_action(world);
}

/// Denies each action of a run that compares and changes log groups.
fn change_of_log_groups_needs_each_action(world: &World) {
    let environment = world.environment();
    let logs = json!({ "logs": { "slow": {} } });
    let mut before = environment.request_with("/cache", logs.clone());
    before["tags"] = json!({ "stage": "test" });
    assert_eq!(world.run(&before).status, "SUCCEEDED");
    let mut after = environment.request_with("/cache", logs);
    after["tags"] = json!({ "team": "web" });
    for (action, expected) in [
        (
            "logs:ListTagsForResource",
            "PlanLogGroup: ListTagsForResource ",
        ),
        ("logs:UntagResource", "EnsureLogGroup: UntagResource "),
        ("logs:TagResource", "EnsureLogGroup: TagResource "),
    ] {
        let policy = Policy::remove(world, "EnsureLogGroup");
        policy.restore_without(world, action);

        let denied = world.run(&after);

        assert_eq!(denied.error, "AccessDenied", "{action}: {denied:?}");
        assert!(denied.cause.starts_with(expected), "{}", denied.cause);
        policy.restore(world);
    }
    let ended = world.run(&after);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}

/// Denies each action of a run that changes tags, in the order of its calls. Each run continues where the last one failed.
fn change_of_tags_needs_each_action(world: &World) {
    let actions = [
        ("EnsureSecurityGroup", "ec2:DeleteTags"),
        ("EnsureSecurityGroup", "ec2:CreateTags"),
        ("EnsureSubnetGroup", "elasticache:RemoveTagsFromResource"),
        ("EnsureSubnetGroup", "elasticache:AddTagsToResource"),
        ("EnsureParameterGroup", "elasticache:RemoveTagsFromResource"),
        ("EnsureParameterGroup", "elasticache:AddTagsToResource"),
        (
            "EnsureReplicationGroup",
            "elasticache:RemoveTagsFromResource",
        ),
        ("EnsureReplicationGroup", "elasticache:AddTagsToResource"),
        ("PublishEndpoint", "ssm:RemoveTagsFromResource"),
        ("PublishEndpoint", "ssm:AddTagsToResource"),
    ];
    let environment = world.environment();
    let tagged = |tags: Value| {
        let mut request =
            environment.request_with("/cache", json!({ "parameters": { "timeout": 300 } }));
        request["tags"] = tags;
        request
    };
    let before = tagged(json!({ "stage": "test" }));
    assert_eq!(world.run(&before).status, "SUCCEEDED");
    let after = tagged(json!({ "team": "web" }));
    for (step, action) in actions {
        let policy = Policy::remove(world, step);
        policy.restore_without(world, action);

        let denied = world.run(&after);

        let (_, operation) = action.split_once(':').expect("service:operation");
        assert_eq!(denied.error, "AccessDenied", "{step}, {action}: {denied:?}");
        assert!(
            denied.cause.starts_with(&format!("{step}: {operation} ")),
            "{step}, {action}: {}",
            denied.cause
        );
        policy.restore(world);
    }
    let ended = world.run(&after);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}

/// Denies each action of runs that set, change, and no longer name parameters, in the order of their calls. Each run continues
/// where the last one failed.
fn requested_parameters_need_each_action(world: &World) {
    let environment = world.environment();
    let requesting =
        |parameters: Value| environment.request_with("/cache", json!({ "parameters": parameters }));
    let [first, second, none] = [
        requesting(json!({ "timeout": 300 })),
        requesting(json!({ "maxmemory-policy": "allkeys-lru" })),
        environment.request(),
    ];
    let ensure = |action| ("EnsureParameterGroup", action);
    let plan = |action| ("PlanParameterGroup", action);
    let denials = [
        (&first, plan("elasticache:DescribeReplicationGroups")),
        (&first, plan("elasticache:DescribeEngineDefaultParameters")),
        (&first, ensure("elasticache:CreateCacheParameterGroup")),
        (&first, ensure("elasticache:ModifyCacheParameterGroup")),
        (&first, plan("elasticache:ListTagsForResource")),
        (&first, plan("elasticache:DescribeCacheParameters")),
        (&second, ensure("elasticache:ResetCacheParameterGroup")),
        (
            &none,
            (
                "DeleteParameterGroup",
                "elasticache:DescribeCacheParameterGroups",
            ),
        ),
        (
            &none,
            ("DeleteParameterGroup", "elasticache:ListTagsForResource"),
        ),
        (
            &none,
            (
                "DeleteParameterGroup",
                "elasticache:DeleteCacheParameterGroup",
            ),
        ),
    ];
    for (request, (step, action)) in denials {
        if action == "elasticache:ResetCacheParameterGroup" {
            // Otherwise, there is nothing to reset.
            assert_eq!(world.run(&first).status, "SUCCEEDED");
        }
        let function = step.replace("Plan", "Ensure");
        let policy = Policy::remove(world, &function);
        policy.restore_without(world, action);

        let denied = world.run(request);

        let (_, operation) = action.split_once(':').expect("service:operation");
        assert_eq!(denied.error, "AccessDenied", "{step}, {action}: {denied:?}");
        assert!(
            denied.cause.starts_with(&format!("{step}: {operation} ")),
            "{step}, {action}: {}",
            denied.cause
        );
        policy.restore(world);
    }
    for request in [&second, &none] {
        let ended = world.run(request);
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    }
}

/// Denies each action of a removal, in the order of its calls. Each removal continues where the last one failed.
fn removal_needs_each_action(world: &World) {
    // The function, the state that invokes it first, and the action.
    let own = |function, action| (function, function, action);
    let actions = [
        (
            "DeleteReplicationGroup",
            "PlanDeletion",
            "elasticache:DescribeReplicationGroups",
        ),
        own("RetractEndpoint", "ssm:GetParameters"),
        own("RetractEndpoint", "ssm:ListTagsForResource"),
        own("RetractEndpoint", "ssm:DeleteParameter"),
        own("DeleteReplicationGroup", "elasticache:ListTagsForResource"),
        own(
            "DeleteReplicationGroup",
            "elasticache:DeleteReplicationGroup",
        ),
        own("DeleteSubnetGroup", "elasticache:DescribeCacheSubnetGroups"),
        own("DeleteSubnetGroup", "elasticache:ListTagsForResource"),
        own("DeleteSubnetGroup", "elasticache:DeleteCacheSubnetGroup"),
        own(
            "DeleteParameterGroup",
            "elasticache:DescribeCacheParameterGroups",
        ),
        own("DeleteSecurityGroup", "ec2:DescribeSecurityGroups"),
        own("DeleteSecurityGroup", "ec2:DeleteSecurityGroup"),
    ];
    let environment = world.environment();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let removal = json!({ "environment": environment.name });
    for (function, step, action) in actions {
        let policy = Policy::remove(world, function);
        policy.restore_without(world, action);

        let denied = world.remove(&removal);

        let (_, operation) = action.split_once(':').expect("service:operation");
        assert_eq!(denied.error, "AccessDenied", "{action}: {denied:?}");
        assert!(
            denied.cause.starts_with(&format!("{step}: {operation} ")),
            "{action}: {}",
            denied.cause
        );
        policy.restore(world);
    }
    let ended = world.remove(&removal);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}

fn failed_creation_is_reported_without_describe_events(world: &World) {
    let environment = world.environment();
    let lifecycle = Lifecycle {
        outcome: Outcome::Failed {
            reason: "no capacity".to_owned(),
        },
        ..Lifecycle::default()
    };
    environment.set_lifecycle(world, lifecycle);
    let policy = Policy::remove(world, "EnsureReplicationGroup");
    policy.restore_without(world, "elasticache:DescribeEvents");

    let ended = world.run(&environment.request());

    assert_eq!(ended.error, "CreateFailed", "{ended:?}");
    assert!(
        ended
            .cause
            .contains("The cache's events could not be read (DescribeEvents"),
        "{}",
        ended.cause
    );
    policy.restore(world);
}

fn event_starts_nothing_without_the_policy(world: &World) {
    let environment = world.environment();
    let policy = Policy::remove(world, "StartWorkflow");
    let event = json!({
        "id": "1d1b4d3c-0f2b-4c3e-9d6a-2b8f5d3f7a10",
        "detail-type": "Environment Created",
        "source": "envcache.environments",
        "time": "2026-11-22T10:00:00Z",
        "detail": environment.request()
    });

    let denied = world.invoke("StartWorkflow", &event);

    assert_eq!(denied["errorType"], "AccessDenied", "{denied}");
    assert!(world.executions_of(&environment.request()).is_empty());

    policy.restore(world);
    world.invoke("StartWorkflow", &event);
    until("the event starts an execution", || {
        world
            .executions_of(&environment.request())
            .into_iter()
            .next()
    });
}

/// The inline policy of a step's role, which was removed from the role.
struct Policy {
    role: String,
    name: String,
    document: Value,
}

impl Policy {
    fn remove(world: &World, step: &str) -> Self {
        let role = world.physical_id(&format!("{step}Role"));
        let names = world.call("iam", "list_role_policies", &json!({ "RoleName": role }));
        let name = text(&names["PolicyNames"][0]);
        let key = json!({ "RoleName": role, "PolicyName": name });
        let document = world.call("iam", "get_role_policy", &key)["PolicyDocument"].clone();
        world.call("iam", "delete_role_policy", &key);
        Self {
            role,
            name,
            document,
        }
    }

    fn restore(&self, world: &World) {
        self.put(world, &self.document);
    }

    fn restore_without(&self, world: &World, action: &str) {
        let mut document = self.document.clone();
        let statements = document["Statement"].as_array_mut().expect("statements");
        for statement in statements.iter_mut() {
            let kept: Vec<_> = match &statement["Action"] {
                Value::Array(actions) => actions.clone(),
                one => vec![one.clone()],
            }
            .into_iter()
            .filter(|allowed| allowed != action)
            .collect();
            statement["Action"] = json!(kept);
        }
        statements.retain(|statement| statement["Action"] != json!([]));
        assert_ne!(document, self.document, "{action} is not in the policy");
        self.put(world, &document);
    }

    fn put(&self, world: &World, document: &Value) {
        world.call(
            "iam",
            "put_role_policy",
            &json!({
                "RoleName": self.role,
                "PolicyName": self.name,
                "PolicyDocument": document.to_string(),
            }),
        );
    }
}
