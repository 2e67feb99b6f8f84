//! What a person makes in the console, under the names that envcache would give: it bears nobody's tags.

use serde_json::{Value, json};

use crate::{Environment, World, text};

/// The cache's security group, without a rule. Tells its id.
///
/// # Panics
/// Where AWS refuses.
pub fn security_group(environment: &Environment, world: &World) -> String {
    let made = world.call(
        "ec2",
        "create_security_group",
        &json!({
            "VpcId": environment.laid.vpc,
            "GroupName": format!("{}-redis-sg", environment.name),
            "Description": "made by hand",
        }),
    );
    text(&made["GroupId"])
}

/// A subnet group, and in it the cache, with these settings beside those of every cache.
///
/// # Panics
/// Where AWS refuses, or `more` is no object.
pub fn cache(environment: &Environment, world: &World, more: &Value) {
    let subnet_group = more["CacheSubnetGroupName"].as_str().map_or_else(
        || format!("{}-cached-subnet-group", environment.name),
        str::to_owned,
    );
    world.call(
        "elasticache",
        "create_cache_subnet_group",
        &json!({
            "CacheSubnetGroupName": subnet_group,
            "CacheSubnetGroupDescription": "made by hand",
            "SubnetIds": environment.laid.subnets,
        }),
    );
    let mut settings = json!({
        "ReplicationGroupId": format!("{}-redis", environment.name),
        "ReplicationGroupDescription": "made by hand",
        "Engine": "valkey",
        "CacheNodeType": "cache.t3.micro",
        "CacheSubnetGroupName": subnet_group,
    });
    for (setting, value) in more.as_object().expect("settings") {
        settings[setting] = value.clone();
    }
    world.call("elasticache", "create_replication_group", &settings);
}

/// A parameter below the environment's path. Tells its name.
///
/// # Panics
/// Where AWS refuses.
pub fn parameter(environment: &Environment, world: &World, leaf: &str, value: &str) -> String {
    let name = format!("/{}/cache/{leaf}", environment.name);
    world.call(
        "ssm",
        "put_parameter",
        &json!({ "Name": name, "Value": value, "Type": "String" }),
    );
    name
}
