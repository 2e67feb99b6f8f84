//! The delivery of a cache's logs, on the simulator.

use envcache_tests::{Environment, array, resources, text, world};
use local::gateway::elasticache::Lifecycle;
use serde_json::{Value, json};

/// Returns the name of an environment's log group.
fn log_group(environment: &Environment, log: &str) -> String {
    format!(
        "/aws/vendedlogs/elasticache/{}-redis/{log}-log",
        environment.name
    )
}

fn request(environment: &Environment, logs: &Value) -> Value {
    environment.request_with("/cache", json!({ "logs": logs }))
}

/// Returns the deliveries that ElastiCache describes: each log with its group, format, and status.
fn deliveries(environment: &Environment) -> Value {
    let cache = environment.cache(world()).expect("the cache");
    let described = array(&cache["LogDeliveryConfigurations"]).map(|delivery| {
        json!([
            delivery["LogType"],
            delivery["DestinationDetails"]["CloudWatchLogsDetails"]["LogGroup"],
            delivery["LogFormat"],
            delivery["Status"],
        ])
    });
    described.collect()
}

/// Returns an environment's log groups: each name with its retention.
fn log_groups(environment: &Environment) -> Value {
    let prefix = format!("/aws/vendedlogs/elasticache/{}-redis/", environment.name);
    let found = world().call(
        "logs",
        "describe_log_groups",
        &json!({ "logGroupNamePrefix": prefix }),
    );
    let groups = array(&found["logGroups"])
        .map(|group| json!([group["logGroupName"], group["retentionInDays"]]));
    groups.collect()
}

#[test]
fn logs_change_and_are_turned_off_and_their_groups_remain() {
    let world = world();
    let environment = world.environment();
    let (slow, engine) = (
        log_group(&environment, "slow"),
        log_group(&environment, "engine"),
    );

    let created = world.run(&request(
        &environment,
        &json!({ "slow": {}, "engine": { "format": "text" }, "retentionDays": 7 }),
    ));

    assert_eq!(created.status, "SUCCEEDED", "{created:?}");
    assert_eq!(
        deliveries(&environment),
        json!([
            ["engine-log", engine, "text", "active"],
            ["slow-log", slow, "json", "active"],
        ])
    );
    assert_eq!(log_groups(&environment), json!([[engine, 7], [slow, 7]]));
    let found = resources::of(&environment, world).expect("the resources");
    assert_eq!(resources::violations(&found), Vec::<String>::new());

    let changed = world.run(&request(
        &environment,
        &json!({ "slow": { "format": "text" } }),
    ));

    assert_eq!(changed.status, "SUCCEEDED", "{changed:?}");
    assert_eq!(
        deliveries(&environment),
        json!([["slow-log", slow, "text", "active"]])
    );
    assert_eq!(log_groups(&environment), json!([[engine, 7], [slow, 30]]));

    let off = world.run(&environment.request());

    assert_eq!(off.status, "SUCCEEDED", "{off:?}");
    assert_eq!(deliveries(&environment), json!([]));

    let removed = world.remove(&json!({ "environment": environment.name }));

    assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
    assert_eq!(removed.output["left"], json!([]), "{removed:?}");
    assert_eq!(log_groups(&environment), json!([[engine, 7], [slow, 30]]));
}

#[test]
fn log_groups_of_a_removed_cache_are_used_again() {
    let world = world();
    let environment = world.environment();
    let first = request(&environment, &json!({ "slow": {} }));
    assert_eq!(world.run(&first).status, "SUCCEEDED");
    let removal = json!({ "environment": environment.name });
    assert_eq!(world.remove(&removal).status, "SUCCEEDED");

    let again = world.run(&request(
        &environment,
        &json!({ "slow": {}, "retentionDays": 90 }),
    ));

    assert_eq!(again.status, "SUCCEEDED", "{again:?}");
    let slow = log_group(&environment, "slow");
    assert_eq!(log_groups(&environment), json!([[slow, 90]]));
}

#[test]
fn run_without_logs_enters_no_state_of_log_groups() {
    let world = world();
    let environment = world.environment();

    let execution = world.start(&environment.request());

    assert_eq!(world.wait(&execution).status, "SUCCEEDED");
    let states = world.entered_states(&execution);
    for state in ["PlanLogGroup", "EnsureLogGroup"] {
        assert!(!states.iter().any(|entered| entered == state), "{states:?}");
    }
}

#[test]
fn logs_change_immediately_also_when_changes_are_deferred() {
    let world = world();
    let environment = world.environment();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let mut deferring = request(&environment, &json!({ "slow": {} }));
    deferring["apply"] = json!("window");

    let ended = world.run(&deferring);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(
        ended.output["immediate"],
        json!(["cache.logs"]),
        "{ended:?}"
    );
    let slow = log_group(&environment, "slow");
    assert_eq!(
        deliveries(&environment),
        json!([["slow-log", slow, "json", "active"]])
    );
}

#[test]
fn failed_delivery_is_in_the_output_until_it_is_set_up_again() {
    let world = world();
    let environment = world.environment();
    let requested = request(&environment, &json!({ "slow": {} }));
    assert_eq!(world.run(&requested).status, "SUCCEEDED");
    let message = "The log group can't be written to.";
    let cache = format!("{}-redis", environment.name);
    world.gateway().fail_log(&cache, "slow-log", message);

    let failed = world.run(&requested);
    let off = world.run(&environment.request());
    let again = world.run(&requested);

    assert_eq!(failed.status, "SUCCEEDED", "{failed:?}");
    let errors = json!([{ "log": "slow", "message": message }]);
    assert_eq!(failed.output["logErrors"], errors, "{failed:?}");
    for ended in [off, again] {
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        assert_eq!(ended.output["logErrors"], Value::Null, "{ended:?}");
    }
}

#[test]
fn run_waits_until_the_delivery_is_active() {
    let world = world();
    let environment = world.environment();
    let lifecycle = Lifecycle {
        delivering: 120.0,
        ..Lifecycle::default()
    };
    environment.set_lifecycle(world, lifecycle);

    let ended = world.run(&request(&environment, &json!({ "engine": {} })));

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let engine = log_group(&environment, "engine");
    assert_eq!(
        deliveries(&environment),
        json!([["engine-log", engine, "json", "active"]])
    );
}

#[test]
fn unowned_log_group_is_rejected_before_anything_is_created() {
    let world = world();
    let environment = world.environment();
    let slow = log_group(&environment, "slow");
    let group = json!({ "logGroupName": slow, "tags": { "team": "web" } });
    world.call("logs", "create_log_group", &group);
    let mut requested = request(&environment, &json!({ "slow": {} }));

    let rejected = world.run(&requested);

    assert_eq!(rejected.error, "NotOwned", "{rejected:?}");
    let expected = format!("PlanLogGroup: log group `{slow}` exists, but isn't owned");
    assert!(rejected.cause.starts_with(&expected), "{}", rejected.cause);
    assert_eq!(
        world.security_groups(&environment),
        ["backend", "default"],
        "nothing was created"
    );

    requested["adopt"] = json!(true);
    let omitting = world.run(&requested);

    assert_eq!(omitting.error, "InvalidSpec", "{omitting:?}");
    let expected = format!("PlanLogGroup: log group `{slow}` keeps its entries forever");
    assert!(omitting.cause.starts_with(&expected), "{}", omitting.cause);

    requested["cache"]["logs"]["retentionDays"] = json!(365);
    let adopted = world.run(&requested);

    assert_eq!(adopted.status, "SUCCEEDED", "{adopted:?}");
    let found = resources::of(&environment, world).expect("the resources");
    let tags = array(&found["log groups"][0]["tags"]).map(|tag| text(&tag["Key"]));
    assert_eq!(
        tags.collect::<Vec<_>>(),
        ["envcache:environment", "envcache:stack", "team"]
    );
}
