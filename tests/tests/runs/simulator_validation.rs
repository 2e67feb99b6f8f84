//! The local AWS simulator rejects what AWS rejects, so that a run fails in a test and not on AWS.

use envcache_tests::fast_world as world;
use serde_json::{Value, json};

#[test]
fn simulator_rejects_requests_that_aws_rejects() {
    let world = world();
    let (environment, elsewhere) = (world.environment(), world.environment());
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let group = |changes: Value| {
        let mut request = json!({
            "ReplicationGroupId": format!("{}-other", environment.name),
            "ReplicationGroupDescription": "created outside envcache",
            "Engine": "valkey",
            "EngineVersion": "8.0",
            "CacheNodeType": "cache.t3.micro",
            "NumCacheClusters": 1,
            "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name),
        });
        for (field, value) in changes.as_object().into_iter().flatten() {
            request[field] = value.clone();
        }
        request
    };
    let subnet_group = |subnets: Value| {
        json!({
            "CacheSubnetGroupName": format!("{}-other", environment.name),
            "CacheSubnetGroupDescription": "created outside envcache",
            "SubnetIds": subnets,
        })
    };
    let create = "create_replication_group";
    let cases = [
        (
            create,
            group(json!({ "CacheSubnetGroupName": "no-such-group" })),
            "CacheSubnetGroupNotFoundFault",
        ),
        (
            create,
            group(json!({ "SecurityGroupIds": ["sg-0123456789abcdef0"] })),
            "InvalidParameterValue",
        ),
        (
            create,
            group(json!({ "SecurityGroupIds": [elsewhere.network.backend_security_group] })),
            "InvalidParameterCombination",
        ),
        (
            create,
            group(json!({ "CacheParameterGroupName": "no-such-group" })),
            "CacheParameterGroupNotFound",
        ),
        (
            create,
            group(json!({ "CacheParameterGroupName": "default.redis7" })),
            "InvalidParameterCombination",
        ),
        (
            create,
            group(json!({ "AutomaticFailoverEnabled": true })),
            "InvalidParameterCombination",
        ),
        (
            create,
            group(json!({ "EngineVersion": "8.9" })),
            "InvalidParameterCombination",
        ),
        (
            "create_cache_subnet_group",
            subnet_group(json!(["subnet-0123456789abcdef0"])),
            "InvalidParameterValue",
        ),
        (
            "create_cache_subnet_group",
            subnet_group(json!([
                environment.network.subnets[0],
                elsewhere.network.subnets[1]
            ])),
            "InvalidSubnet",
        ),
        (
            "delete_cache_subnet_group",
            json!({ "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name) }),
            "CacheSubnetGroupInUse",
        ),
    ];
    for (operation, request, code) in cases {
        assert_eq!(
            error_code("elasticache", operation, &request),
            Some(code.to_owned()),
            "{operation} {request}"
        );
    }
}

#[test]
fn simulator_rejects_changes_and_reads_that_aws_rejects() {
    let world = world();
    let environment = world.environment();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let cases = [
        (
            "modify_replication_group",
            json!({
                "ReplicationGroupId": format!("{}-redis", environment.name),
                "EngineVersion": "9.0",
            }),
            "InvalidParameterCombination",
        ),
        (
            "modify_replication_group",
            json!({ "ReplicationGroupId": format!("{}-redis", environment.name) }),
            "InvalidParameterCombination",
        ),
        (
            "describe_events",
            json!({ "StartTime": "2020-01-01T00:00:00Z" }),
            "InvalidParameterValue",
        ),
    ];
    for (operation, request, code) in cases {
        assert_eq!(
            error_code("elasticache", operation, &request),
            Some(code.to_owned()),
            "{operation} {request}"
        );
    }
}

/// Returns the error code of a call, or `None` if the call succeeds.
fn error_code(service: &str, operation: &str, request: &Value) -> Option<String> {
    let error = world().aws.call(service, operation, request).err()?;
    Some(
        error
            .downcast::<local::aws::ErrorResponse>()
            .expect("an error response")
            .code,
    )
}

#[test]
fn deletion_takes_time_and_blocks_the_groups_of_the_cache() {
    let world = world();
    let environment = world.environment();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let cache = json!({ "ReplicationGroupId": format!("{}-redis", environment.name) });
    let subnets =
        json!({ "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name) });
    let name = format!("{}-redis-sg", environment.name);
    let found = world.call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [{ "Name": "group-name", "Values": [name] }] }),
    );
    let security_group = json!({ "GroupId": found["SecurityGroups"][0]["GroupId"] });

    let deleted = world.call("elasticache", "delete_replication_group", &cache);

    assert_eq!(deleted["ReplicationGroup"]["Status"], "deleting");
    assert_eq!(
        environment.cache(world).expect("the cache")["Status"],
        "deleting"
    );
    assert_eq!(
        error_code("elasticache", "delete_cache_subnet_group", &subnets).as_deref(),
        Some("CacheSubnetGroupInUse")
    );
    envcache_tests::until("the cache is deleted", || environment.cache(world).err());
    assert_eq!(
        error_code("ec2", "delete_security_group", &security_group).as_deref(),
        Some("DependencyViolation"),
        "its network interfaces still exist"
    );
    envcache_tests::until("the network interfaces are deleted", || {
        world
            .aws
            .call("ec2", "delete_security_group", &security_group)
            .ok()
    });
    world.call("elasticache", "delete_cache_subnet_group", &subnets);
}
