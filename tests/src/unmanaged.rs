//! What a person makes in the console, under the names that envcache would give: it bears nobody's tags.

use serde_json::{Value, json};

use crate::{Environment, World, text, until};

/// The cache's security group, without a rule. Tells its id.
///
/// # Panics
/// Where AWS refuses.
pub fn security_group(environment: &Environment, world: &World) -> String {
    let name = format!("{}-redis-sg", environment.name);
    security_group_named(environment, world, &name)
}

/// A security group of this name, without a rule. Tells its id.
///
/// # Panics
/// Where AWS refuses.
pub fn security_group_named(environment: &Environment, world: &World, name: &str) -> String {
    let made = world.call(
        "ec2",
        "create_security_group",
        &json!({
            "VpcId": environment.network.vpc,
            "GroupName": name,
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
            "SubnetIds": environment.network.subnets,
        }),
    );
    let mut settings = json!({
        "ReplicationGroupId": format!("{}-redis", environment.name),
        "ReplicationGroupDescription": "made by hand",
        "Engine": "valkey",
        "EngineVersion": "8.0",
        "CacheNodeType": "cache.t3.micro",
        "CacheSubnetGroupName": subnet_group,
    });
    for (setting, value) in more.as_object().expect("settings") {
        settings[setting] = value.clone();
    }
    world.call("elasticache", "create_replication_group", &settings);
}

/// A security group, and in it a cache with the settings that the smallest request asks for, once it is available. Tells
/// the security group's id.
///
/// # Panics
/// Where AWS refuses, or the cache does not become available.
pub fn cache_as_wanted(environment: &Environment, world: &World) -> String {
    let security_group = security_group(environment, world);
    let as_wanted = json!({
        "NumCacheClusters": 1,
        "AutomaticFailoverEnabled": false,
        "SecurityGroupIds": [security_group],
        "AtRestEncryptionEnabled": true,
        "TransitEncryptionEnabled": true,
        "Port": 6379,
    });
    cache(environment, world, &as_wanted);
    wait_until_available(environment, world);
    security_group
}

/// A cache shows its tags, and takes changes, once it is available.
///
/// # Panics
/// Where it does not become available.
pub fn wait_until_available(environment: &Environment, world: &World) {
    until("the cache is available", || {
        let cache = environment.cache(world).ok()?;
        (cache["Status"] == "available").then_some(())
    });
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
