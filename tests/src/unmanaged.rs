//! Creates resources outside envcache, as a user in the console does: with the names that envcache uses, without owner
//! tags.

use serde_json::{Value, json};

use crate::{Environment, World, text, until};

/// Creates the cache's security group, without a rule, and returns its ID.
///
/// # Panics
/// Panics if AWS rejects the request.
pub fn security_group(environment: &Environment, world: &World) -> String {
    let name = format!("{}-redis-sg", environment.name);
    security_group_named(environment, world, &name)
}

/// Creates a security group with this name, without a rule, and returns its ID.
///
/// # Panics
/// Panics if AWS rejects the request.
pub fn security_group_named(environment: &Environment, world: &World, name: &str) -> String {
    let created = world.call(
        "ec2",
        "create_security_group",
        &json!({
            "VpcId": environment.network.vpc,
            "GroupName": name,
            "Description": "created manually",
        }),
    );
    text(&created["GroupId"])
}

/// Creates a subnet group and the cache in it. `more` adds to the cache's basic settings or overrides them.
///
/// # Panics
/// Panics if AWS rejects a request, or if `more` isn't an object.
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
            "CacheSubnetGroupDescription": "created manually",
            "SubnetIds": environment.network.subnets,
        }),
    );
    let mut settings = json!({
        "ReplicationGroupId": format!("{}-redis", environment.name),
        "ReplicationGroupDescription": "created manually",
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

/// Creates a security group and a cache with the settings of the smallest request, waits until the cache is available,
/// and returns the security group's ID.
///
/// # Panics
/// Panics if AWS rejects a request, or if the cache doesn't become available in time.
pub fn cache_as_requested(environment: &Environment, world: &World) -> String {
    cache_with(environment, world, &json!({}))
}

/// Does the same as [`cache_as_requested`], with further settings of the cache.
///
/// # Panics
/// Same as [`cache_as_requested`]. Also panics if `more` isn't an object.
pub fn cache_with(environment: &Environment, world: &World, more: &Value) -> String {
    let security_group = security_group(environment, world);
    let mut settings = json!({
        "ReplicationGroupDescription": format!("in memory db for {}", environment.name),
        "NumCacheClusters": 1,
        "SnapshotRetentionLimit": 1,
        "AutomaticFailoverEnabled": false,
        "SecurityGroupIds": [security_group],
        "AtRestEncryptionEnabled": true,
        "TransitEncryptionEnabled": true,
        "Port": 6379,
    });
    for (setting, value) in more.as_object().expect("settings") {
        settings[setting] = value.clone();
    }
    cache(environment, world, &settings);
    wait_until_available(environment, world);
    security_group
}

/// Waits until the cache is available. Only then can its tags be read and its settings changed.
///
/// # Panics
/// Panics if it doesn't become available in time.
pub fn wait_until_available(environment: &Environment, world: &World) {
    until("the cache is available", || {
        let cache = environment.cache(world).ok()?;
        (cache["Status"] == "available").then_some(())
    });
}

/// Creates a KMS key and returns its ARN.
///
/// # Panics
/// Panics if AWS rejects the request.
pub fn key(world: &World) -> String {
    let created = world.call("kms", "create_key", &json!({}));
    text(&created["KeyMetadata"]["Arn"])
}

/// Returns the name of the environment's alias, which its request can name.
#[must_use]
pub fn alias_name(environment: &Environment) -> String {
    format!("alias/{}-caches", environment.name)
}

/// Creates the environment's alias of a KMS key and returns its name.
///
/// # Panics
/// Panics if AWS rejects the request.
pub fn alias(environment: &Environment, world: &World, key: &str) -> String {
    let name = alias_name(environment);
    let alias = json!({ "AliasName": name, "TargetKeyId": key });
    world.call("kms", "create_alias", &alias);
    name
}

/// Creates a parameter under the environment's path and returns its name.
///
/// # Panics
/// Panics if AWS rejects the request.
pub fn parameter(environment: &Environment, world: &World, leaf: &str, value: &str) -> String {
    let name = format!("/{}/cache/{leaf}", environment.name);
    world.call(
        "ssm",
        "put_parameter",
        &json!({ "Name": name, "Value": value, "Type": "String" }),
    );
    name
}
