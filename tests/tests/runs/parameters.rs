//! The parameters of a cache, on the simulator.

use envcache_tests::{Environment, array, text, unmanaged, world};
use serde_json::{Value, json};

/// Returns the names of an environment's parameter groups.
fn groups(environment: &Environment) -> Vec<String> {
    let found = world().call("elasticache", "describe_cache_parameter_groups", &json!({}));
    let names =
        array(&found["CacheParameterGroups"]).map(|group| text(&group["CacheParameterGroupName"]));
    let prefix = format!("{}-redis-", environment.name);
    names.filter(|name| name.starts_with(&prefix)).collect()
}

/// Creates a parameter group outside envcache.
fn create_group(name: &str) {
    world().call(
        "elasticache",
        "create_cache_parameter_group",
        &json!({
            "CacheParameterGroupName": name,
            "CacheParameterGroupFamily": "valkey8",
            "Description": "created manually",
        }),
    );
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

/// Creates a parameter group of another name than the cache's own, and returns its name.
fn custom_group(environment: &Environment) -> String {
    let name = format!("{}-custom", environment.name);
    create_group(&name);
    name
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
fn groups_that_other_caches_use_are_left_and_reported() {
    let environment = world().environment();
    let parameters = json!({ "timeout": 300 });
    let own = [("7.2", "valkey7"), ("8.0", "valkey8")].map(|(version, family)| {
        let own = format!("{}-redis-{family}", environment.name);
        assert_succeeds(&requesting(&environment, &parameters, version));
        world().call(
            "elasticache",
            "create_replication_group",
            &json!({
                "ReplicationGroupId": format!("{}-{family}", environment.name),
                "ReplicationGroupDescription": "created manually",
                "Engine": "valkey",
                "EngineVersion": version,
                "CacheNodeType": "cache.t3.micro",
                "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name),
                "CacheParameterGroupName": own,
            }),
        );
        own
    });

    let ended = world().run(&requesting(&environment, &Value::Null, "8.0"));

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let mut left: Vec<_> = array(&ended.output["left"]).map(text).collect();
    left.sort();
    assert_eq!(left.len(), own.len(), "{ended:?}");
    for (reason, name) in left.iter().zip(&own) {
        let expected = format!("cache parameter group {name} is still in use: ");
        assert!(reason.starts_with(&expected), "{left:?}");
        assert!(reason.ends_with("to keep it"), "{left:?}");
    }
    assert!(ended.output["url"].is_string(), "{ended:?}");
    assert_eq!(group_in_use(&environment), "default.valkey8");
    let mut groups = groups(&environment);
    groups.sort();
    assert_eq!(groups, own);
}

#[test]
fn cache_keeps_the_number_of_databases_that_it_was_created_with() {
    let environment = world().environment();
    let own = format!("{}-redis-valkey8", environment.name);
    let with = |parameters: Value| requesting(&environment, &parameters, "8.0");

    assert_succeeds(&with(json!({ "databases": 32, "timeout": 300 })));

    assert_eq!(value(&own, "databases"), "32");
    for (request, wanted) in [
        (with(json!({ "databases": 8 })), "`8`"),
        (with(json!({ "timeout": 300 })), "`16`, the default"),
        (with(Value::Null), "`16`, the default"),
    ] {
        let ended = world().run(&request);

        assert_eq!(ended.error, "Immutable", "{ended:?}");
        let expected =
            format!("PlanParameterGroup: cache.parameters.databases is `32`, requested {wanted}");
        assert!(ended.cause.starts_with(&expected), "{}", ended.cause);
    }
    assert_succeeds(&with(json!({ "databases": 32 })));
    assert_eq!(value(&own, "timeout"), "0");
    assert_eq!(value(&own, "databases"), "32");
}

#[test]
fn adopted_cache_gets_a_group_with_its_number_of_databases() {
    let environment = world().environment();
    let name = custom_group(&environment);
    world().call(
        "elasticache",
        "modify_cache_parameter_group",
        &json!({
            "CacheParameterGroupName": name,
            "ParameterNameValues": [{ "ParameterName": "databases", "ParameterValue": "32" }],
        }),
    );
    let settings = json!({ "CacheParameterGroupName": name });
    unmanaged::cache_with(&environment, world(), &settings);
    let adopting = |parameters: &Value| {
        let mut request = requesting(&environment, parameters, "8.0");
        request["adopt"] = json!(true);
        request
    };

    let rejected = world().run(&adopting(&json!({ "timeout": 300 })));

    assert_eq!(rejected.error, "Immutable", "{rejected:?}");
    let expected = "PlanParameterGroup: cache.parameters.databases is `32`, requested `16`";
    assert!(rejected.cause.starts_with(expected), "{}", rejected.cause);
    assert_eq!(group_in_use(&environment), name);
    assert_succeeds(&adopting(&json!({ "databases": 32, "timeout": 300 })));
    assert_eq!(
        group_in_use(&environment),
        format!("{}-redis-valkey8", environment.name)
    );
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
fn deferred_upgrade_keeps_the_former_group_until_the_next_run() {
    let environment = world().environment();
    let parameters = json!({ "timeout": 300 });
    assert_succeeds(&requesting(&environment, &parameters, "7.2"));
    let former = format!("{}-redis-valkey7", environment.name);
    let own = format!("{}-redis-valkey8", environment.name);
    let mut request = requesting(&environment, &parameters, "8.0");
    request["apply"] = json!("window");

    let deferred = world().run(&request);

    assert_eq!(deferred.status, "SUCCEEDED", "{deferred:?}");
    let pending = |field: &str| {
        let mut changes = array(&deferred.output["pending"]);
        let change = changes.find(|change| change["field"] == field);
        change.map(|change| change["value"].clone())
    };
    assert!(pending("cache.engineVersion").is_some(), "{deferred:?}");
    assert_eq!(
        pending("cache.parameters"),
        Some(json!(own)),
        "{deferred:?}"
    );
    assert_eq!(group_in_use(&environment), former);
    assert_eq!(groups(&environment), [former, own.clone()]);

    world()
        .gateway()
        .maintain(&format!("{}-redis", environment.name));
    unmanaged::wait_until_available(&environment, world());

    assert_eq!(group_in_use(&environment), own);
    assert_eq!(value(&own, "timeout"), "300");
    assert_eq!(planned(&request), ["DeleteCacheParameterGroup"]);
    assert_succeeds(&request);
    assert_eq!(groups(&environment), [own]);
}

#[test]
fn adopted_cache_keeps_its_group_until_parameters_are_named() {
    let environment = world().environment();
    let custom = custom_group(&environment);
    let settings = json!({ "CacheParameterGroupName": custom });
    unmanaged::cache_with(&environment, world(), &settings);
    let mut adopting = environment.request();
    adopting["adopt"] = json!(true);

    assert_succeeds(&adopting);

    assert_eq!(group_in_use(&environment), custom);
    assert!(groups(&environment).is_empty());

    let request = requesting(&environment, &json!({ "timeout": 300 }), "8.0");
    assert_eq!(
        planned(&request),
        [
            "CreateCacheParameterGroup",
            "ModifyCacheParameterGroup",
            "ModifyReplicationGroup"
        ]
    );
    assert_succeeds(&request);

    let own = format!("{}-redis-valkey8", environment.name);
    assert_eq!(group_in_use(&environment), own);
    assert_eq!(value(&own, "timeout"), "300");
    assert_eq!(value(&custom, "timeout"), "0", "the custom group stays");
}

#[test]
fn cache_that_is_adopted_with_parameters_uses_its_own_group() {
    let environment = world().environment();
    let custom = custom_group(&environment);
    let settings = json!({ "CacheParameterGroupName": custom });
    unmanaged::cache_with(&environment, world(), &settings);
    let mut adopting = requesting(&environment, &json!({ "timeout": 300 }), "8.0");
    adopting["adopt"] = json!(true);

    assert_succeeds(&adopting);

    let own = format!("{}-redis-valkey8", environment.name);
    assert_eq!(group_in_use(&environment), own);
    assert_eq!(value(&custom, "timeout"), "0", "the custom group stays");
}

#[test]
fn redis_is_upgraded_to_valkey_with_a_group_of_its_own() {
    let environment = world().environment();
    unmanaged::cache_with(
        &environment,
        world(),
        &json!({ "Engine": "redis", "EngineVersion": "7.1" }),
    );
    let mut request = requesting(&environment, &json!({ "timeout": 300 }), "8.0");
    request["adopt"] = json!(true);
    request["upgradeEngine"] = json!(true);

    assert_succeeds(&request);

    let own = format!("{}-redis-valkey8", environment.name);
    assert_eq!(group_in_use(&environment), own);
    assert_eq!(value(&own, "timeout"), "300");
    assert_eq!(planned(&request), Vec::<String>::new(), "it is up to date");
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
    create_group(&name);

    let rejected = world().run(&requesting(&environment, &json!({ "timeout": 300 }), "8.0"));
    assert_succeeds(&environment.request());
    let removed = world().remove(&json!({ "environment": environment.name }));

    assert_eq!(rejected.error, "NotOwned", "{rejected:?}");
    assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
    let left = format!("cache parameter group {name} doesn't have this stack's tags");
    assert_eq!(removed.output["left"], json!([left]));
    assert_eq!(groups(&environment), [name]);
}
