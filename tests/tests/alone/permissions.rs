//! Each function's policy is needed, and enough: without it the run ends in `AccessDenied`, with it the
//! run goes through.

use envcache_tests::{World, text, until};
use local::gateway::elasticache::{Lifecycle, Outcome};
use serde_json::{Value, json};

/// The functions that call AWS, with the state that invokes each first, and a call that it cannot do without.
const FUNCTIONS: [(&str, &str, &str); 7] = [
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
    ("EnsureReplicationGroup", "PlanReplicationGroup", "GetItem"),
    (
        "CheckReplicationGroup",
        "CheckReplicationGroup",
        "DescribeReplicationGroups",
    ),
    ("PublishEndpoint", "PlanEndpoint", "GetParameters"),
];

/// One test, since the policies are the stack's and every run sees them.
#[test]
fn without_its_policy_a_step_is_denied_and_with_it_the_run_goes_through() {
    let world = World::deploy().expect("a stack");
    for (function, step, operation) in FUNCTIONS {
        let environment = world.environment();
        let policy = Policy::take(&world, function);

        let denied = world.run(&environment.request());

        assert_eq!(denied.error, "AccessDenied", "{step}: {denied:?}");
        assert!(
            denied.cause.starts_with(&format!("{step}: {operation} ")),
            "{step}: {}",
            denied.cause
        );
        assert!(environment.parameters(&world).is_empty(), "{step}");

        policy.give_back(&world);
        let ended = world.run(&environment.request());
        assert_eq!(ended.status, "SUCCEEDED", "{step}: {ended:?}");
    }

    each_action_of_a_first_run_is_needed(&world);
    each_action_of_a_removal_is_needed(&world);
    without_describe_events_a_failed_creation_is_told_without_its_reason(&world);
    without_its_policy_a_failed_creation_is_not_replaced(&world);
    an_event_starts_nothing_without_the_policy_of_start_workflow(&world);
}

fn without_its_policy_a_failed_creation_is_not_replaced(world: &World) {
    for operation in ["DeleteReplicationGroup"] {
        let environment = world.environment();
        let failing = Lifecycle {
            outcome: Outcome::Failed {
                reason: "no luck".to_owned(),
            },
            ..Lifecycle::default()
        };
        for lifecycle in [failing, Lifecycle::default()] {
            let cache = format!("{}-redis", environment.name);
            world.gateway().set_lifecycle(&cache, lifecycle);
        }
        let policy = Policy::take(world, "EnsureReplicationGroup");
        policy.give_back_without(world, &format!("elasticache:{operation}"));

        let denied = world.run(&environment.request());

        assert_eq!(denied.error, "AccessDenied", "{operation}: {denied:?}");
        let expected = format!("EnsureReplicationGroup: {operation} ");
        assert!(denied.cause.starts_with(&expected), "{}", denied.cause);
        policy.give_back(world);
        let ended = world.run(&environment.request());
        assert_eq!(ended.status, "SUCCEEDED", "{operation}: {ended:?}");
    }
}

/// The actions that a first run uses, one by one: without it the run fails and says which call was denied.
fn each_action_of_a_first_run_is_needed(world: &World) {
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
        let policy = Policy::take(world, step);
        policy.give_back_without(world, action);

        let denied = world.run(&environment.request());

        let (_, operation) = action.split_once(':').expect("service:operation");
        // The plan needs it first.
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
        policy.give_back(world);
    }
}

/// The actions that a removal uses. Each is denied to the environment of the one before, whose removal then goes on.
fn each_action_of_a_removal_is_needed(world: &World) {
    let actions = [
        ("RetractEndpoint", "ssm:GetParameters"),
        ("RetractEndpoint", "ssm:ListTagsForResource"),
        ("RetractEndpoint", "ssm:DeleteParameter"),
        (
            "DeleteReplicationGroup",
            "elasticache:DescribeReplicationGroups",
        ),
        ("DeleteReplicationGroup", "elasticache:ListTagsForResource"),
        (
            "DeleteReplicationGroup",
            "elasticache:DeleteReplicationGroup",
        ),
        ("DeleteSubnetGroup", "elasticache:DescribeCacheSubnetGroups"),
        ("DeleteSubnetGroup", "elasticache:ListTagsForResource"),
        ("DeleteSubnetGroup", "elasticache:DeleteCacheSubnetGroup"),
        ("DeleteSecurityGroup", "ec2:DescribeSecurityGroups"),
        ("DeleteSecurityGroup", "ec2:DeleteSecurityGroup"),
    ];
    let environment = world.environment();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let removal = json!({ "environment": environment.name });
    for (step, action) in actions {
        let policy = Policy::take(world, step);
        policy.give_back_without(world, action);

        let denied = world.remove(&removal);

        let (_, operation) = action.split_once(':').expect("service:operation");
        assert_eq!(denied.error, "AccessDenied", "{action}: {denied:?}");
        assert!(
            denied.cause.starts_with(&format!("{step}: {operation} ")),
            "{action}: {}",
            denied.cause
        );
        policy.give_back(world);
    }
    let ended = world.remove(&removal);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}

fn without_describe_events_a_failed_creation_is_told_without_its_reason(world: &World) {
    let environment = world.environment();
    let lifecycle = Lifecycle {
        outcome: Outcome::Failed {
            reason: "no capacity".to_owned(),
        },
        ..Lifecycle::default()
    };
    world
        .gateway()
        .set_lifecycle(&format!("{}-redis", environment.name), lifecycle);
    let policy = Policy::take(world, "EnsureReplicationGroup");
    policy.give_back_without(world, "elasticache:DescribeEvents");

    let ended = world.run(&environment.request());

    assert_eq!(ended.error, "CreateFailed", "{ended:?}");
    assert!(
        ended
            .cause
            .contains("Its events could not be read (DescribeEvents"),
        "{}",
        ended.cause
    );
    policy.give_back(world);
}

fn an_event_starts_nothing_without_the_policy_of_start_workflow(world: &World) {
    let environment = world.environment();
    let policy = Policy::take(world, "StartWorkflow");
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

    policy.give_back(world);
    world.invoke("StartWorkflow", &event);
    until("the event starts an execution", || {
        world
            .executions_of(&environment.request())
            .into_iter()
            .next()
    });
}

/// The inline policy of a step's role, taken away.
struct Policy {
    role: String,
    name: String,
    document: Value,
}

impl Policy {
    fn take(world: &World, step: &str) -> Self {
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

    fn give_back(&self, world: &World) {
        self.put(world, &self.document);
    }

    fn give_back_without(&self, world: &World, action: &str) {
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
