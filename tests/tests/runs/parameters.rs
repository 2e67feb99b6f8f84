//! The parameters of a cache, on the simulator.

use envcache_tests::{Environment, array, text, world};
use serde_json::{Value, json};

/// Returns the names of an environment's parameter groups.
fn groups(environment: &Environment) -> Vec<String> {
    let found = world().call("elasticache", "describe_cache_parameter_groups", &json!({}));
    let names =
        array(&found["CacheParameterGroups"]).map(|group| text(&group["CacheParameterGroupName"]));
    let prefix = format!("{}-redis-", environment.name);
    names.filter(|name| name.starts_with(&prefix)).collect()
}

/// Returns the value of a parameter in a group.
fn value(group: &str, parameter: &str) -> Value {
    let found = world().call(
        "elasticache",
        "describe_cache_parameters",
        &json!({ "CacheParameterGroupName": group }),
    );
    let mut parameters = array(&found["Parameters"]);
    let found = parameters.find(|found| found["ParameterName"] == parameter);
    found.expect("the parameter")["ParameterValue"].clone()
}

/// Returns the name of the parameter group that the cache uses.
fn group_in_use(environment: &Environment) -> String {
    let cache = environment.cache(world()).expect("the cache");
    let id = array(&cache["MemberClusters"]).next().expect("a member");
    let found = world().call(
        "elasticache",
        "describe_cache_clusters",
        &json!({ "CacheClusterId": id }),
    );
    text(&found["CacheClusters"][0]["CacheParameterGroup"]["CacheParameterGroupName"])
}

fn requesting(environment: &Environment, parameters: &Value, version: &str) -> Value {
    environment.request_with(
        "/cache",
        json!({ "engineVersion": version, "parameters": parameters }),
    )
}

/// Returns the operations of a plan.
fn planned(request: &Value) -> Vec<String> {
    let mut plan = request.clone();
    plan["dryRun"] = json!(true);
    let ended = world().run(&plan);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    array(&ended.output["actions"])
        .map(|action| text(&action["operation"]))
        .collect()
}

fn assert_succeeds(request: &Value) {
    let ended = world().run(request);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}

#[test]
fn parameters_are_set_changed_reset_and_returned_to_the_defaults() {
    let environment = world().environment();
    let own = format!("{}-redis-valkey8", environment.name);
    let first = requesting(
        &environment,
        &json!({ "maxmemory-policy": "allkeys-lru", "timeout": 300 }),
        "8.0",
    );
    let second = requesting(&environment, &json!({ "timeout": "60" }), "8.0");
    let default = value("default.valkey8", "maxmemory-policy");

    assert_succeeds(&first);

    assert_eq!(group_in_use(&environment), own);
    assert_eq!(value(&own, "maxmemory-policy"), "allkeys-lru");
    assert_eq!(value(&own, "timeout"), "300");
    assert_eq!(planned(&first), Vec::<String>::new(), "it is up to date");

    assert_eq!(
        planned(&second),
        ["ResetCacheParameterGroup", "ModifyCacheParameterGroup"]
    );
    assert_succeeds(&second);
    assert_eq!(value(&own, "maxmemory-policy"), default);
    assert_eq!(value(&own, "timeout"), "60");

    let none = requesting(&environment, &Value::Null, "8.0");
    assert_eq!(
        planned(&none),
        ["ModifyReplicationGroup", "DeleteCacheParameterGroup"]
    );
    assert_succeeds(&none);
    assert_eq!(group_in_use(&environment), "default.valkey8");
    assert!(groups(&environment).is_empty());
    assert_eq!(planned(&none), Vec::<String>::new(), "it is up to date");
}

#[test]
fn major_upgrade_moves_the_parameters_to_a_group_of_the_new_version() {
    let environment = world().environment();
    let parameters = json!({ "timeout": 300 });
    assert_succeeds(&requesting(&environment, &parameters, "7.2"));
    let former = format!("{}-redis-valkey7", environment.name);
    assert_eq!(group_in_use(&environment), former);

    assert_succeeds(&requesting(&environment, &parameters, "8.0"));

    let own = format!("{}-redis-valkey8", environment.name);
    assert_eq!(group_in_use(&environment), own);
    assert_eq!(value(&own, "timeout"), "300");
    assert_eq!(groups(&environment), [own]);
}

#[test]
fn parameters_that_elasticache_does_not_allow_are_rejected_before_anything_is_created() {
    let cases = [
        (
            json!({ "timeout": 5 }),
            "PlanParameterGroup: cache.parameters.timeout: `5` is not allowed",
        ),
        (
            json!({ "no-such-parameter": "yes" }),
            "PlanParameterGroup: cache.parameters.no-such-parameter: the parameter group family valkey8 has no such parameter",
        ),
        (
            json!({ "cluster-enabled": "yes" }),
            "PlanParameterGroup: cache.parameters.cluster-enabled: it belongs to cluster mode",
        ),
    ];
    for (parameters, expected) in cases {
        let environment = world().environment();

        let ended = world().run(&requesting(&environment, &parameters, "8.0"));

        assert_eq!(ended.error, "InvalidSpec", "{ended:?}");
        assert!(ended.cause.starts_with(expected), "{}", ended.cause);
        assert!(groups(&environment).is_empty());
        assert_eq!(
            world().security_groups(&environment),
            ["backend", "default"]
        );
    }
}

#[test]
fn removal_deletes_the_parameter_group() {
    let environment = world().environment();
    assert_succeeds(&requesting(&environment, &json!({ "timeout": 300 }), "8.0"));
    assert_eq!(groups(&environment).len(), 1);

    let ended = world().remove(&json!({ "environment": environment.name }));

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(ended.output["left"], json!([]));
    assert!(groups(&environment).is_empty());
}

#[test]
fn parameter_group_without_owner_tags_is_neither_used_nor_deleted() {
    let environment = world().environment();
    let name = format!("{}-redis-valkey8", environment.name);
    world().call(
        "elasticache",
        "create_cache_parameter_group",
        &json!({
            "CacheParameterGroupName": name,
            "CacheParameterGroupFamily": "valkey8",
            "Description": "created manually",
        }),
    );

    let rejected = world().run(&requesting(&environment, &json!({ "timeout": 300 }), "8.0"));
    assert_succeeds(&environment.request());
    let removed = world().remove(&json!({ "environment": environment.name }));

    assert_eq!(rejected.error, "NotOwned", "{rejected:?}");
    assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
    let left = format!("cache parameter group {name} doesn't have this stack's tags");
    assert_eq!(removed.output["left"], json!([left]));
    assert_eq!(groups(&environment), [name]);
}
