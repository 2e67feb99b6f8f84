//! The migration of resources that another tool created: `docs/migrate.md`.

use envcache_tests::{Environment, array, fast_world as world, text, unmanaged, until};
use serde_json::{Value, json};

/// Returns the template of a tool's stack with the groups of a cache, which CloudFormation keeps when it forgets them.
fn template(environment: &Environment, has_groups: bool) -> String {
    let retained = |kind: &str, properties: Value| json!({ "Type": kind, "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "Properties": properties });
    // A stack needs at least one resource.
    let mut resources = json!({
        "Other": { "Type": "AWS::SNS::Topic", "Properties": {} }
    });
    if has_groups {
        resources["SubnetGroup"] = retained(
            "AWS::ElastiCache::SubnetGroup",
            json!({
                "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name),
                "Description": "created by CloudFormation",
                "SubnetIds": environment.network.subnets,
            }),
        );
        resources["SecurityGroup"] = retained(
            "AWS::EC2::SecurityGroup",
            json!({
                "GroupName": format!("{}-redis-sg", environment.name),
                "GroupDescription": "created by CloudFormation",
                "VpcId": environment.network.vpc,
            }),
        );
    }
    json!({ "Resources": resources }).to_string()
}

/// Waits until CloudFormation has finished the stack's last operation.
fn wait_for_stack(name: &str, expected: &str) {
    until("CloudFormation finishes", || {
        let found = world().call(
            "cloudformation",
            "describe_stacks",
            &json!({ "StackName": name }),
        );
        (found["Stacks"][0]["StackStatus"] == expected).then_some(())
    });
}

/// Returns the address of the cache's primary endpoint.
fn address(environment: &Environment) -> String {
    let cache = environment.cache(world()).expect("the cache");
    text(&cache["NodeGroups"][0]["PrimaryEndpoint"]["Address"])
}

fn operations(plan: &Value) -> Vec<String> {
    array(&plan["actions"])
        .map(|action| text(&action["operation"]))
        .collect()
}

#[test]
fn cache_whose_groups_cloudformation_forgot_is_adopted_with_the_same_endpoint() {
    let environment = world().environment();
    let stack = format!("{}-tool", environment.name);
    world().call(
        "cloudformation",
        "create_stack",
        &json!({ "StackName": stack, "TemplateBody": template(&environment, true) }),
    );
    wait_for_stack(&stack, "CREATE_COMPLETE");
    let groups = world().call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [
            { "Name": "vpc-id", "Values": [environment.network.vpc] },
            { "Name": "group-name", "Values": [format!("{}-redis-sg", environment.name)] },
        ] }),
    );
    let group = &groups["SecurityGroups"][0]["GroupId"];
    world().call(
        "elasticache",
        "create_replication_group",
        &json!({
            "ReplicationGroupId": format!("{}-redis", environment.name),
            "ReplicationGroupDescription": format!("in memory db for {}", environment.name),
            "Engine": "valkey",
            "EngineVersion": "8.0",
            "CacheNodeType": "cache.t3.micro",
            "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name),
            "NumCacheClusters": 1,
            "AutomaticFailoverEnabled": false,
            "SnapshotRetentionLimit": 1,
            "SecurityGroupIds": [group],
            "AtRestEncryptionEnabled": true,
            "TransitEncryptionEnabled": true,
            "Port": 6379,
        }),
    );
    unmanaged::wait_until_available(&environment, world());
    let before = address(&environment);
    let adopting = environment.request_with("/adopt", json!(true));
    let mut dry = adopting.clone();
    dry["dryRun"] = json!(true);

    // Plan, forget, adopt, and plan again.
    let planned = world().run(&dry);
    world().call(
        "cloudformation",
        "update_stack",
        &json!({ "StackName": stack, "TemplateBody": template(&environment, false) }),
    );
    wait_for_stack(&stack, "UPDATE_COMPLETE");
    let adopted = world().run(&adopting);
    let again = world().run(&dry);

    let operations = operations(&planned.output);
    for adoption in ["CreateTags", "AddTagsToResource", "PutParameter"] {
        assert!(operations.contains(&adoption.to_owned()), "{planned:?}");
    }
    assert!(
        !operations.iter().any(|name| name.starts_with("ModifyRep")),
        "{planned:?}"
    );
    assert_eq!(adopted.status, "SUCCEEDED", "{adopted:?}");
    assert_eq!(address(&environment), before, "the endpoint is the same");
    assert!(
        text(&adopted.output["url"]).contains(&before),
        "{adopted:?}"
    );
    assert_eq!(again.output["actions"], json!([]), "{again:?}");
}
