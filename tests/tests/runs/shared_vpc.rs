//! A VPC that another account shares with the stack's account by AWS RAM.

use envcache_tests::{Environment, World, fast_world, matrix};
use local::{Cloud, Interrupt, Workspace};
use serde_json::{Value, json};

/// The account that shares its VPC.
const OWNER: &str = "210987654321";

/// Starts a stack that may use the owner's VPCs.
fn world_with_owner() -> World {
    let workspace = Workspace::find().expect("the tools");
    let cloud =
        Cloud::start(workspace, Interrupt::default(), matrix::SETTINGS).expect("a simulator");
    World::deploy_on(cloud, &[format!("VpcOwnerAccount={OWNER}")]).expect("a stack")
}

/// Makes the environment's VPC and subnets belong to another account.
fn share(environment: &Environment, world: &World, owner: &str) {
    let mut resources = environment.network.subnets.clone();
    resources.push(environment.network.vpc.clone());
    world.call(
        "ec2",
        "create_tags",
        &json!({ "Resources": resources, "Tags": [{ "Key": "simulator:owner", "Value": owner }] }),
    );
}

fn request(environment: &Environment, vpc: &str, subnets: &[impl AsRef<str>]) -> Value {
    let mut request = environment.request();
    request["network"]["vpc"] = json!(vpc);
    request["network"]["subnets"] = subnets.iter().map(|id| json!(id.as_ref())).collect();
    request
}

#[test]
fn shared_vpc_is_found_only_by_ids() {
    let world = world_with_owner();
    let environment = world.environment();
    let network = environment.network.clone();
    share(&environment, &world, OWNER);

    let by_name = world.run(&environment.request());
    let by_subnet_names = {
        let names = ["subnet-one", "subnet-two"];
        world.run(&request(&environment, &network.vpc, &names))
    };
    let by_ids = world.run(&request(&environment, &network.vpc, &network.subnets));

    for (ended, field) in [
        (&by_name, "network.vpc"),
        (&by_subnet_names, "network.subnets"),
    ] {
        assert_eq!(ended.error, "NotFound", "{ended:?}");
        let expected = format!("ResolveNetwork: {field}: ");
        assert!(ended.cause.starts_with(&expected), "{ended:?}");
        assert!(
            ended.cause.contains("If another account shares the VPC"),
            "{ended:?}"
        );
    }
    assert_eq!(by_ids.status, "SUCCEEDED", "{by_ids:?}");
    let removed = world.remove(&json!({ "environment": environment.name }));
    assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
    assert_eq!(removed.output["left"], json!([]));
}

#[test]
fn vpc_of_an_account_that_the_stack_does_not_name_is_denied() {
    let world = fast_world();
    let environment = world.environment();
    let network = environment.network.clone();
    share(&environment, world, OWNER);

    let ended = world.run(&request(&environment, &network.vpc, &network.subnets));

    assert_eq!(ended.error, "AccessDenied", "{ended:?}");
    assert!(
        ended
            .cause
            .starts_with("EnsureSecurityGroup: CreateSecurityGroup "),
        "{ended:?}"
    );
}
