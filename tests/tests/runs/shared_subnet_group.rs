//! A cache subnet group that several environments use and none owns, such as the one of a VPC module.

use envcache_tests::{Environment, array, fast_world as world, text};
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

/// Creates a subnet group outside envcache in the environment's VPC, and returns its name.
fn create_shared(environment: &Environment) -> String {
    let name = format!("{}-vpc-caches", environment.name);
    world().call(
        "elasticache",
        "create_cache_subnet_group",
        &json!({
            "CacheSubnetGroupName": name,
            "CacheSubnetGroupDescription": "all caches of the VPC",
            "SubnetIds": environment.network.subnets,
        }),
    );
    name
}

/// Returns what ElastiCache knows about a subnet group: its description and its tags.
fn described(name: &str) -> Value {
    let found = world().call(
        "elasticache",
        "describe_cache_subnet_groups",
        &json!({ "CacheSubnetGroupName": name }),
    );
    let group = found["CacheSubnetGroups"][0].clone();
    let tags = world().call(
        "elasticache",
        "list_tags_for_resource",
        &json!({ "ResourceName": group["ARN"] }),
    );
    json!([group, tags["TagList"]])
}

/// Returns the environment's request, with tags, and the shared subnet group instead of subnets.
fn request(environment: &Environment, subnet_group: &str) -> Value {
    let mut request = environment.request();
    let network = request["network"].as_object_mut().expect("an object");
    network.remove("subnets");
    network.insert("subnetGroup".to_owned(), json!(subnet_group));
    request["tags"] = json!({ "team": "web" });
    request
}

/// Returns the name of the subnet group that the environment's cache is in.
fn subnet_group_of_cache(environment: &Environment) -> String {
    let found = world().call(
        "elasticache",
        "describe_cache_clusters",
        &json!({ "CacheClusterId": format!("{}-redis-001", environment.name) }),
    );
    text(&found["CacheClusters"][0]["CacheSubnetGroupName"])
}

#[test]
fn two_environments_use_one_subnet_group_and_removals_leave_it() {
    let (one, mut two) = (world().environment(), world().environment());
    (two.vpc, two.network) = (one.vpc.clone(), one.network.clone());
    let name = create_shared(&one);
    let before = described(&name);

    let plan = {
        let mut dry = request(&one, &name);
        dry["dryRun"] = json!(true);
        world().run(&dry)
    };
    let first = world().run(&request(&one, &name));
    let second = world().run(&request(&two, &name));
    let again = world().run(&request(&two, &name));

    assert_eq!(plan.status, "SUCCEEDED", "{plan:?}");
    let operations: Vec<_> = array(&plan.output["actions"])
        .map(|action| text(&action["operation"]))
        .collect();
    assert!(operations.contains(&"CreateReplicationGroup".to_owned()));
    assert!(!operations.iter().any(|name| name.contains("SubnetGroup")));
    for ended in [&first, &second, &again] {
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    }
    assert_eq!(subnet_group_of_cache(&one), name);
    assert_eq!(subnet_group_of_cache(&two), name);

    for environment in [&one, &two] {
        let removed = world().remove(&json!({ "environment": environment.name }));

        assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
        let left = json!([format!(
            "cache subnet group {name} is shared (network.subnetGroup)"
        )]);
        assert_eq!(removed.output["left"], left, "{removed:?}");
        assert!(environment.cache(world()).is_err(), "the cache is deleted");
    }
    assert_eq!(described(&name), before, "neither tagged nor changed");
}

#[test]
fn shared_subnet_group_must_exist_in_the_requested_vpc() {
    let (environment, other) = (world().environment(), world().environment());
    let elsewhere = create_shared(&other);
    let cases = [
        (elsewhere.as_str(), "InvalidSpec", "is in VPC"),
        (
            "no-such-group",
            "NotFound",
            "there is no cache subnet group `no-such-group`",
        ),
    ];
    for (name, error, reason) in cases {
        let ended = world().run(&request(&environment, name));

        assert_eq!(ended.error, error, "{ended:?}");
        assert!(
            ended
                .cause
                .starts_with("ResolveNetwork: network.subnetGroup: ")
                && ended.cause.contains(reason),
            "{ended:?}"
        );
    }
}

#[test]
fn subnet_group_is_either_owned_or_shared() {
    let (one, mut other, mut third) = (
        world().environment(),
        world().environment(),
        world().environment(),
    );
    for environment in [&mut other, &mut third] {
        (environment.vpc, environment.network) = (one.vpc.clone(), one.network.clone());
    }
    assert_eq!(world().run(&one.request()).status, "SUCCEEDED");
    let owned = format!("{}-cached-subnet-group", one.name);

    let shared = world().run(&request(&other, &owned));

    assert_eq!(shared.error, "NotOwned", "{shared:?}");
    assert!(
        shared
            .cause
            .contains("is not shared, because an environment owns it"),
        "{shared:?}"
    );

    let name = create_shared(&other);
    let sharing = world().run(&request(&other, &name));
    assert_eq!(sharing.status, "SUCCEEDED", "{sharing:?}");
    let mut adopting = third.request_with("/cache", json!({ "subnetGroupName": name }));
    adopting["adopt"] = json!(true);

    let adopted = world().run(&adopting);

    assert_eq!(adopted.error, "NotOwned", "{adopted:?}");
    assert!(
        adopted
            .cause
            .contains(&format!("environment `{}` uses", other.name)),
        "{adopted:?}"
    );
}

#[test]
fn cache_keeps_its_own_or_shared_subnet_group() {
    let environment = world().environment();
    let name = create_shared(&environment);
    let created = world().run(&request(&environment, &name));
    assert_eq!(created.status, "SUCCEEDED", "{created:?}");

    let own = world().run(&environment.request());

    assert_eq!(own.error, "Immutable", "{own:?}");
    assert!(
        own.cause
            .contains(&format!("network.subnetGroup is `{name}`, requested none")),
        "{own:?}"
    );
}

#[test]
fn subnet_group_of_an_earlier_request_is_deleted_and_the_shared_one_is_kept() {
    let environment = world().environment();
    let name = create_shared(&environment);
    // The first request creates its own group, and the cache isn't requested.
    environment.fault_scope.inject(Rule {
        step: "EnsureReplicationGroup".to_owned(),
        operation: "GetItem".to_owned(),
        when: When::Every,
        fault: Fault::AccessDenied,
    });
    let failed = world().run(&environment.request());
    assert_eq!(failed.error, "AccessDenied", "{failed:?}");
    environment.fault_scope.clear_faults();
    let shared = world().run(&request(&environment, &name));
    assert_eq!(shared.status, "SUCCEEDED", "{shared:?}");

    let removed = world().remove(&json!({ "environment": environment.name }));

    assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
    let own = format!("{}-cached-subnet-group", environment.name);
    let groups = world().call("elasticache", "describe_cache_subnet_groups", &json!({}));
    let names: Vec<_> = array(&groups["CacheSubnetGroups"])
        .map(|group| text(&group["CacheSubnetGroupName"]))
        .collect();
    assert!(!names.contains(&own), "{names:?}");
    assert!(names.contains(&name), "{names:?}");
}
