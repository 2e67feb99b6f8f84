//! Deployments to accounts that restrict roles and require KMS keys of their own.

use envcache_tests::definition::resources;
use envcache_tests::{World, array, matrix, text};
use local::{Aws, Cloud, Interrupt, Stack, Workspace};
use serde_json::{Value, json};

/// Starts an account whose organization denies roles without a permissions boundary. Returns it with the boundary's ARN.
fn account() -> (Cloud, String) {
    let workspace = Workspace::find().expect("the tools");
    let cloud =
        Cloud::start(workspace, Interrupt::default(), matrix::SETTINGS).expect("a simulator");
    let aws = Aws::connect(&cloud).expect("a client");
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }],
    });
    let policy = call(
        &aws,
        "iam",
        "create_policy",
        &json!({ "PolicyName": "boundary", "PolicyDocument": document.to_string() }),
    );
    let boundary = text(&policy["Policy"]["Arn"]);
    cloud.gateway().require_boundary(&boundary);
    (cloud, boundary)
}

fn call(aws: &Aws, service: &str, operation: &str, parameters: &Value) -> Value {
    aws.call(service, operation, parameters)
        .unwrap_or_else(|error| panic!("{error:#}"))
}

#[test]
fn deployment_fails_when_roles_lack_the_required_boundary() {
    let (cloud, _) = account();
    let aws = Aws::connect(&cloud).expect("a client");

    let deployed = Stack::deploy(&cloud, &aws, &[]);

    assert!(deployed.is_err(), "the roles are denied");
    let stack = json!({ "StackName": local::stack::NAME });
    let events = call(&aws, "cloudformation", "describe_stack_events", &stack);
    let is_denied = array(&events["StackEvents"]).any(|event| {
        text(&event["ResourceStatusReason"]).contains("not authorized to perform: iam:CreateRole")
    });
    assert!(is_denied, "{events}");
}

#[test]
fn stack_with_boundary_path_and_keys_creates_a_cache() {
    let (cloud, boundary) = account();
    let aws = Aws::connect(&cloud).expect("a client");
    let key = call(&aws, "kms", "create_key", &json!({}));
    let key = text(&key["KeyMetadata"]["Arn"]);
    let parameters = [
        format!("PermissionsBoundaryArn={boundary}"),
        "RolePath=/platform/".to_owned(),
        format!("LogsKeyArn={key}"),
        format!("QueuesKeyArn={key}"),
        format!("TableKeyArn={key}"),
    ];

    let world = World::deploy_on(cloud, &parameters).expect("a stack");
    let environment = world.environment();
    let ended = world.run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let roles = world.call("iam", "list_roles", &json!({ "PathPrefix": "/platform/" }));
    let roles: Vec<_> = array(&roles["Roles"]).collect();
    assert_eq!(roles.len(), resources("AWS::IAM::Role").len());
    for role in roles {
        let role = world.call("iam", "get_role", &json!({ "RoleName": role["RoleName"] }));
        let found = &role["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"];
        assert_eq!(found, &json!(boundary), "{role}");
    }
}
