//! The settings of a cache, on the simulator.

use envcache_tests::{Environment, array, resources, text, unmanaged, world};
use serde_json::{Value, json};

/// Creates an SNS topic, and returns its ARN.
fn topic(name: &str) -> String {
    let created = world().call("sns", "create_topic", &json!({ "Name": name }));
    text(&created["TopicArn"])
}

/// Returns the first member of a cache.
fn member(cache: &Value) -> Value {
    let id = array(&cache["MemberClusters"]).next().expect("a member");
    let found = world().call(
        "elasticache",
        "describe_cache_clusters",
        &json!({ "CacheClusterId": id }),
    );
    found["CacheClusters"][0].clone()
}

#[test]
fn settings_change_all_at_once_and_back_to_the_defaults() {
    let world = world();
    let environment = world.environment();
    // An omitted window stays, so the request that returns to the defaults names the first ones.
    let windows = json!({
        "snapshotWindow": "15:00-16:00",
        "maintenanceWindow": "sun:23:00-mon:00:00",
    });
    let defaults = environment.request_with("/cache", windows);
    assert_eq!(world.run(&defaults).status, "SUCCEEDED");
    let before = resources::of(&environment, world).expect("the resources");
    let topic = topic(&format!("{}-events", environment.name));

    let mut other = environment.request_with(
        "/cache",
        json!({
            "description": "sessions",
            "nodeType": "cache.t3.small",
            "replicas": 2,
            "multiAz": false,
            "autoMinorVersionUpgrade": false,
            "snapshotRetentionDays": 5,
            "snapshotWindow": "23:30-00:30",
            "maintenanceWindow": "sat:05:00-sat:07:00",
            "notificationTopic": topic,
            "parameters": { "maxmemory-policy": "allkeys-lru", "timeout": 300 },
            "logs": { "slow": { "format": "text" }, "engine": {}, "retentionDays": 7 },
        }),
    );
    other["tags"] = json!({ "stage": "test", "team": "web" });
    let changed = world.run(&other);

    assert_eq!(changed.status, "SUCCEEDED", "{changed:?}");
    let cache = environment.cache(world).expect("the cache");
    for (field, expected) in [
        ("Description", json!("sessions")),
        ("CacheNodeType", json!("cache.t3.small")),
        ("AutomaticFailover", json!("enabled")),
        ("MultiAZ", json!("disabled")),
        ("AutoMinorVersionUpgrade", json!(false)),
        ("SnapshotRetentionLimit", json!(5)),
        ("SnapshotWindow", json!("23:30-00:30")),
    ] {
        assert_eq!(cache[field], expected, "{field}");
    }
    let member = member(&cache);
    assert_eq!(member["PreferredMaintenanceWindow"], "sat:05:00-sat:07:00");
    assert_eq!(
        member["NotificationConfiguration"],
        json!({ "TopicArn": topic, "TopicStatus": "active" })
    );
    let group = &member["CacheParameterGroup"]["CacheParameterGroupName"];
    assert_eq!(group, &format!("{}-redis-valkey8", environment.name));
    let logs = array(&cache["LogDeliveryConfigurations"])
        .map(|log| (text(&log["LogType"]), text(&log["LogFormat"])));
    let expected = [("engine-log", "json"), ("slow-log", "text")];
    let expected = expected.map(|(log, format)| (log.to_owned(), format.to_owned()));
    assert_eq!(logs.collect::<Vec<_>>(), expected);
    let found = resources::of(&environment, world).expect("the resources");
    let values = json!({ "maxmemory-policy": "allkeys-lru", "timeout": "300" });
    assert_eq!(found["parameter groups"][0]["values"], values);
    let mut tags = array(&found["cache"]["tags"]);
    assert!(
        tags.any(|tag| tag["Key"] == "team" && tag["Value"] == "web"),
        "{found}"
    );

    let back = world.run(&defaults);

    assert_eq!(back.status, "SUCCEEDED", "{back:?}");
    let mut after = resources::of(&environment, world).expect("the resources");
    resources::remove_inactive_topics(&mut after);
    // The log groups keep the entries until their retention ends.
    assert_eq!(array(&after["log groups"]).count(), 2);
    after["log groups"] = before["log groups"].clone();
    assert_eq!(after, before, "the resources of the defaults");
}

#[test]
fn topic_that_does_not_exist_is_reported_with_the_message_of_aws() {
    let environment = world().environment();
    let topic = "arn:aws:sns:ap-southeast-1:000000000000:nowhere";

    let ended =
        world().run(&environment.request_with("/cache", json!({ "notificationTopic": topic })));

    assert_eq!(ended.error, "InvalidSpec", "{ended:?}");
    let expected = "SNS topic is either invalid or it doesn't belong to the customer account";
    assert!(ended.cause.contains(expected), "{}", ended.cause);
}

#[test]
fn topic_that_elasticache_deactivated_is_activated_by_the_next_run() {
    let world = world();
    let environment = world.environment();
    let topic = topic(&format!("{}-events", environment.name));
    let request = environment.request_with("/cache", json!({ "notificationTopic": topic }));
    assert_eq!(world.run(&request).status, "SUCCEEDED");
    world
        .gateway()
        .deactivate_topic(&format!("{}-redis", environment.name));

    let ended = world.run(&request);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let member = member(&environment.cache(world).expect("the cache"));
    assert_eq!(member["NotificationConfiguration"]["TopicStatus"], "active");
}

#[test]
fn fails_when_elasticache_deactivates_the_topic_again() {
    let world = world();
    let environment = world.environment();
    let topic = topic(&format!("{}-events", environment.name));
    let request = environment.request_with("/cache", json!({ "notificationTopic": topic }));
    assert_eq!(world.run(&request).status, "SUCCEEDED");
    world
        .gateway()
        .deny_topics(&format!("{}-redis", environment.name));

    let ended = world.run(&request);

    assert_eq!(ended.error, "UnexpectedStatus", "{ended:?}");
    let expected = format!("the topic `{topic}` isn't active");
    assert!(ended.cause.contains(&expected), "{}", ended.cause);
    let calls = environment.fault_scope.calls().into_iter();
    let requests = calls.filter(|call| call.operation == "ModifyReplicationGroup");
    assert_eq!(requests.count(), 2);
    assert_eq!(
        environment.parameters(world).len(),
        4,
        "the endpoint stays published"
    );
}

#[test]
fn cache_with_data_tiering_is_created_and_not_changed_to_another_family() {
    let world = world();
    let environment = world.environment();
    let tiered = environment.request_with("/cache", json!({ "nodeType": "cache.r6gd.xlarge" }));

    let created = world.run(&tiered);
    let changed = world.run(&environment.request());

    assert_eq!(created.status, "SUCCEEDED", "{created:?}");
    let cache = environment.cache(world).expect("the cache");
    assert_eq!(cache["DataTiering"], "enabled");
    assert_eq!(changed.error, "Immutable", "{changed:?}");
    assert!(
        changed.cause.contains("data tiering is `on`"),
        "{}",
        changed.cause
    );
}

#[test]
fn policy_that_data_tiering_does_not_support_is_rejected() {
    let world = world();
    let environment = world.environment();
    let tiered = |policy: &str| {
        let parameters = json!({ "maxmemory-policy": policy });
        let cache = json!({ "nodeType": "cache.r6gd.xlarge", "parameters": parameters });
        environment.request_with("/cache", cache)
    };

    let rejected = world.run(&tiered("allkeys-lfu"));

    assert_eq!(rejected.error, "InvalidSpec", "{rejected:?}");
    let expected = "cache.parameters.maxmemory-policy: `allkeys-lfu` is not allowed with `cache.nodeType` `cache.r6gd.xlarge`";
    assert!(rejected.cause.contains(expected), "{}", rejected.cause);
    assert_eq!(
        world.security_groups(&environment),
        ["backend", "default"],
        "nothing was created"
    );

    // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/data-tiering.html lists this one as supported.
    let created = world.run(&tiered("allkeys-lru"));

    assert_eq!(created.status, "SUCCEEDED", "{created:?}");
}

#[test]
fn redis_is_adopted_and_upgraded_to_valkey_when_requested() {
    let world = world();
    let environment = world.environment();
    unmanaged::cache_with(
        &environment,
        world,
        &json!({ "Engine": "redis", "EngineVersion": "7.1" }),
    );
    let mut request = environment.request();
    request["adopt"] = json!(true);

    let rejected = world.run(&request);
    request["upgradeEngine"] = json!(true);
    let upgraded = world.run(&request);

    assert_eq!(rejected.error, "Immutable", "{rejected:?}");
    assert!(
        rejected.cause.contains("adopt it with `upgradeEngine`"),
        "{}",
        rejected.cause
    );
    assert_eq!(upgraded.status, "SUCCEEDED", "{upgraded:?}");
    let member = member(&environment.cache(world).expect("the cache"));
    assert_eq!(member["Engine"], "valkey");
    assert_eq!(
        member["CacheParameterGroup"]["CacheParameterGroupName"],
        "default.valkey8"
    );
}

/// Returns a request with `apply: window` for another version, another node type, and a replica.
fn deferring(environment: &Environment) -> Value {
    let mut request = environment.request_with(
        "/cache",
        json!({ "engineVersion": "8.1", "nodeType": "cache.t3.small", "replicas": 1 }),
    );
    request["apply"] = json!("window");
    request
}

#[test]
fn deferred_changes_are_pending_until_the_maintenance_window() {
    let world = world();
    let environment = world.environment();
    let first = environment.request_with("/cache", json!({ "engineVersion": "8.0" }));
    assert_eq!(world.run(&first).status, "SUCCEEDED");
    let request = deferring(&environment);

    let deferred = world.run(&request);

    assert_eq!(deferred.status, "SUCCEEDED", "{deferred:?}");
    let pending = json!([
        { "field": "cache.engineVersion", "value": "8.1.0" },
        { "field": "cache.nodeType", "value": "cache.t3.small" },
    ]);
    assert_eq!(deferred.output["pending"], pending, "{deferred:?}");
    assert_eq!(
        deferred.output["immediate"],
        json!(["cache.replicas", "automatic failover", "cache.multiAz"])
    );
    let found = json!({ "found": "8.0.1", "requested": "8.1" });
    assert_eq!(deferred.output["engineVersion"], found);
    let cache = environment.cache(world).expect("the cache");
    assert_eq!(cache["CacheNodeType"], "cache.t3.micro");

    world
        .gateway()
        .maintain(&format!("{}-redis", environment.name));
    unmanaged::wait_until_available(&environment, world);

    let cache = environment.cache(world).expect("the cache");
    assert_eq!(cache["CacheNodeType"], "cache.t3.small");
    assert_eq!(member(&cache)["EngineVersion"], "8.1.0");
    let plan = plan(&request);
    assert_eq!(plan["actions"], json!([]), "{plan}");
    for field in ["pending", "immediate"] {
        assert_eq!(plan[field], Value::Null, "{plan}");
    }
}

/// Returns the plan of a request for a cache that can be compared.
fn plan(request: &Value) -> Value {
    let mut dry = request.clone();
    dry["dryRun"] = json!(true);
    let planned = world().run(&dry);
    assert_eq!(planned.output["cache"], "compared", "{planned:?}");
    planned.output
}

#[test]
fn pending_changes_are_left_by_a_deferring_run_and_applied_by_another() {
    let world = world();
    let environment = world.environment();
    let first = environment.request_with("/cache", json!({ "engineVersion": "8.0" }));
    assert_eq!(world.run(&first).status, "SUCCEEDED");
    let mut request = deferring(&environment);
    assert_eq!(world.run(&request).status, "SUCCEEDED");

    request["cache"]["description"] = json!("sessions");
    let described = world.run(&request);
    request["cache"]["replicas"] = json!(2);
    let rejected = world.run(&request);
    request["apply"] = json!("now");
    let planned = plan(&request);
    let applied = world.run(&request);

    assert_eq!(described.status, "SUCCEEDED", "{described:?}");
    assert_eq!(
        described.output["immediate"],
        json!(["cache.description"]),
        "{described:?}"
    );
    let pending = described.output["pending"].as_array().map(Vec::len);
    assert_eq!(pending, Some(2), "{described:?}");
    assert_eq!(rejected.error, "Immutable", "{rejected:?}");
    for expected in [
        "cache.engineVersion 8.1.0, cache.nodeType cache.t3.small",
        "cache.replicas is `1`, requested `2`",
    ] {
        assert!(rejected.cause.contains(expected), "{}", rejected.cause);
    }
    assert_eq!(
        planned["immediate"],
        json!(["cache.engineVersion", "cache.nodeType"]),
        "{planned}"
    );
    assert_eq!(applied.status, "SUCCEEDED", "{applied:?}");
    assert_eq!(applied.output["pending"], Value::Null, "{applied:?}");
    let cache = environment.cache(world).expect("the cache");
    assert_eq!(cache["CacheNodeType"], "cache.t3.small");
    assert_eq!(member(&cache)["EngineVersion"], "8.1.0");
}

#[test]
fn cache_is_encrypted_with_the_key_of_an_alias_and_keeps_it() {
    let world = world();
    let environment = world.environment();
    let key = unmanaged::key(world);
    let alias = unmanaged::alias(&environment, world, &key);
    let request = |key: &str| environment.request_with("/cache", json!({ "kmsKey": key }));

    let created = world.run(&request(&alias));
    let by_arn = world.run(&request(&key));
    let omitted = world.run(&environment.request());

    for ended in [created, by_arn, omitted] {
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    }
    let cache = environment.cache(world).expect("the cache");
    assert_eq!(cache["KmsKeyId"], json!(key));
}

#[test]
fn plan_rejects_a_disabled_key_and_nothing_is_created() {
    let world = world();
    let environment = world.environment();
    let key = unmanaged::key(world);
    let alias = unmanaged::alias(&environment, world, &key);
    let request = environment.request_with("/cache", json!({ "kmsKey": alias }));
    let id = json!({ "KeyId": key });
    world.call("kms", "disable_key", &id);

    let rejected = world.run(&request);

    assert_eq!(rejected.error, "InvalidSpec", "{rejected:?}");
    let expected = format!("PlanReplicationGroup: DescribeKey {alias}: ");
    assert!(rejected.cause.starts_with(&expected), "{}", rejected.cause);
    assert!(
        rejected.cause.contains("its state is Disabled"),
        "{}",
        rejected.cause
    );
    assert_eq!(
        world.security_groups(&environment),
        ["backend", "default"],
        "nothing was created"
    );

    world.call("kms", "enable_key", &id);
    let ended = world.run(&request);
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}

#[test]
fn alias_of_another_key_is_rejected_with_both_keys() {
    let world = world();
    let environment = world.environment();
    let (key, other) = (unmanaged::key(world), unmanaged::key(world));
    let alias = unmanaged::alias(&environment, world, &key);
    let request = environment.request_with("/cache", json!({ "kmsKey": alias }));
    assert_eq!(world.run(&request).status, "SUCCEEDED");
    let moved = json!({ "AliasName": alias, "TargetKeyId": other });
    world.call("kms", "update_alias", &moved);

    let rejected = world.run(&request);

    assert_eq!(rejected.error, "Immutable", "{rejected:?}");
    let expected =
        format!("cache.kmsKey is `{key}`, requested `{other}` (`{alias}` refers to this key now)");
    assert!(rejected.cause.contains(&expected), "{}", rejected.cause);
    let by_arn = world.run(&environment.request_with("/cache", json!({ "kmsKey": key })));
    assert_eq!(by_arn.status, "SUCCEEDED", "{by_arn:?}");
}
