//! The Valkey servers of the simulator's caches: their replicas and their parameters.

use envcache_tests::{Environment, array, text, until};
use local::backend::{self, Role};
use serde_json::{Value, json};

use super::valkey_world as world;

fn cache(environment: &Environment) -> Value {
    environment.cache(world()).expect("a cache")
}

/// Returns the endpoint of each node, the primary's first.
fn nodes(environment: &Environment) -> Vec<String> {
    let cache = cache(environment);
    array(&cache["NodeGroups"][0]["NodeGroupMembers"])
        .map(|member| {
            let endpoint = &member["ReadEndpoint"];
            format!("{}:{}", text(&endpoint["Address"]), endpoint["Port"])
        })
        .collect()
}

fn role(node: &str) -> Role {
    backend::role(&format!("rediss://{node}"), world().authority()).expect("a role")
}

/// Returns the replicas that a primary knows, as endpoints.
fn replicas(primary: &str) -> Vec<String> {
    let Role::Primary { replicas, .. } = role(primary) else {
        panic!("{primary} is not a primary");
    };
    let endpoints = replicas.iter();
    let mut endpoints: Vec<_> = endpoints
        .map(|replica| format!("{}:{}", replica.ip, replica.port))
        .collect();
    endpoints.sort();
    endpoints
}

/// Checks that the primary has exactly the replicas that ElastiCache describes, and that each replicates it.
fn assert_replicated(environment: &Environment, expected: usize) {
    let nodes = nodes(environment);
    let (primary, described) = nodes.split_first().expect("a primary");
    assert_eq!(described.len(), expected, "{nodes:?}");
    let mut described = described.to_vec();
    described.sort();
    until("the primary has its replicas", || {
        (replicas(primary) == described).then_some(())
    });
    for replica in &described {
        let Role::Replica {
            primary_ip,
            primary_port,
            ..
        } = role(replica)
        else {
            panic!("{replica} is not a replica");
        };
        assert_eq!(&format!("{primary_ip}:{primary_port}"), primary);
    }
}

fn call(operation: &str, request: &Value) -> Value {
    world().call("elasticache", operation, request)
}

fn until_available(environment: &Environment) {
    until("the cache is available", || {
        (cache(environment)["Status"] == "available").then_some(())
    });
}

/// Waits until each node has this value of the parameter.
fn until_set(environment: &Environment, name: &str, value: &str) {
    for node in nodes(environment) {
        let url = format!("rediss://{node}");
        until(&format!("{name} of {node} is {value}"), || {
            let found = backend::parameter(&url, world().authority(), name).expect("an answer");
            (found.as_deref() == Some(value)).then_some(())
        });
    }
}

#[test]
fn cache_has_a_server_for_each_replica() {
    let world = world();
    let environment = world.environment();
    let request =
        |replicas: u8| environment.request_with("/cache", json!({ "replicas": replicas }));

    for replicas in [2, 1, 3] {
        let ended = world.run(&request(replicas));

        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        assert_replicated(&environment, usize::from(replicas));
    }
    let nodes = nodes(&environment);
    let id = json!({ "ReplicationGroupId": format!("{}-redis", environment.name) });
    call("delete_replication_group", &id);
    until("the cache is deleted", || environment.cache(world).err());
    for node in nodes {
        until(&format!("the server at {node} stops"), || {
            backend::role(&format!("rediss://{node}"), world.authority()).err()
        });
    }
}

#[test]
fn servers_have_the_parameters_of_the_group() {
    let world = world();
    let environment = world.environment();
    let replica = environment.request_with("/cache", json!({ "replicas": 1 }));
    let ended = world.run(&replica);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    // ElastiCache's default, which isn't Valkey's (5).
    until_set(&environment, "maxmemory-samples", "3");
    let name = format!("{}-parameters", environment.name);
    let id = format!("{}-redis", environment.name);
    let group = json!({ "CacheParameterGroupName": name });
    let creation = json!({
        "CacheParameterGroupName": name,
        "CacheParameterGroupFamily": "valkey8",
        "Description": "created outside envcache",
    });
    let use_group = |group: &str| {
        json!({
            "ReplicationGroupId": id,
            "CacheParameterGroupName": group,
            "ApplyImmediately": true,
        })
    };
    let set = |value: &str| {
        json!({
            "CacheParameterGroupName": name,
            "ParameterNameValues": [
                { "ParameterName": "maxmemory-policy", "ParameterValue": value },
                { "ParameterName": "close-on-replica-write", "ParameterValue": "no" },
            ],
        })
    };
    call("create_cache_parameter_group", &creation);
    call("modify_cache_parameter_group", &set("allkeys-lru"));
    until_set(&environment, "maxmemory-policy", "volatile-lru");

    call("modify_replication_group", &use_group(&name));
    until_available(&environment);
    until_set(&environment, "maxmemory-policy", "allkeys-lru");

    call("modify_cache_parameter_group", &set("noeviction"));
    until_set(&environment, "maxmemory-policy", "noeviction");

    let reset = json!({ "CacheParameterGroupName": name, "ResetAllParameters": true });
    until("no change is pending", || {
        world
            .aws
            .call("elasticache", "reset_cache_parameter_group", &reset)
            .ok()
    });
    until_set(&environment, "maxmemory-policy", "volatile-lru");

    call("modify_replication_group", &use_group("default.valkey8"));
    until_available(&environment);
    call("delete_cache_parameter_group", &group);
}

#[test]
fn servers_have_the_requested_parameters() {
    let world = world();
    let environment = world.environment();
    let run = |parameters: Value| {
        let cache = json!({ "replicas": 1, "parameters": parameters });
        let ended = world.run(&environment.request_with("/cache", cache));
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    };

    run(json!({ "maxmemory-policy": "allkeys-lru", "maxmemory-samples": 5 }));

    until_set(&environment, "maxmemory-policy", "allkeys-lru");
    until_set(&environment, "maxmemory-samples", "5");

    run(json!({ "maxmemory-policy": "noeviction", "timeout": 300 }));

    until_set(&environment, "maxmemory-policy", "noeviction");
    until_set(&environment, "timeout", "300");
    // ElastiCache's default, which isn't Valkey's (5).
    until_set(&environment, "maxmemory-samples", "3");

    run(Value::Null);

    until_set(&environment, "maxmemory-policy", "volatile-lru");
    until_set(&environment, "timeout", "0");
}
