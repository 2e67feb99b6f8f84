//! The settings of a cache, on the simulator.

use envcache_tests::{array, resources, text, unmanaged, world};
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

    let changed = world.run(&environment.request_with(
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
        }),
    ));

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

    let back = world.run(&defaults);

    assert_eq!(back.status, "SUCCEEDED", "{back:?}");
    let mut after = resources::of(&environment, world).expect("the resources");
    resources::remove_inactive_topics(&mut after);
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
        changed
            .cause
            .contains("data tiering, which depends on cache.nodeType, is `on`"),
        "{}",
        changed.cause
    );
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
