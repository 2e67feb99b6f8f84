//! Caches that are restored from a snapshot or from files, on the simulator.

use envcache_tests::{Environment, text, until};
use local::backend;
use serde_json::{Value, json};

use super::valkey_world as world;

/// The key that [`backend::use_cache`] writes, and its value.
const KEY: (&str, &str) = ("envcache:demo", "it works");

fn url(environment: &Environment) -> String {
    format!("rediss://{}", environment.primary_endpoint(world()))
}

/// Returns the value of the key in the environment's cache.
fn value(environment: &Environment) -> Option<String> {
    backend::value(&url(environment), world().authority(), KEY.0).expect("an answer")
}

/// Creates a cache with the key, removes it with a final snapshot, and returns a request that restores the snapshot.
fn removed(environment: &Environment) -> Value {
    let world = world();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    backend::use_cache(&url(environment), world.authority()).expect("the cache stores the key");
    let removal = json!({ "environment": environment.name, "finalSnapshot": true });
    let removed = world.remove(&removal);
    assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
    let snapshot = text(&removed.output["finalSnapshot"]);
    restoring(environment, &snapshot)
}

fn restoring(environment: &Environment, snapshot: &str) -> Value {
    environment.request_with("/cache", json!({ "restoreFrom": { "snapshot": snapshot } }))
}

/// Deletes the cache outside envcache, and waits until it doesn't exist.
fn lose(environment: &Environment) {
    let id = format!("{}-redis", environment.name);
    let deletion = json!({ "ReplicationGroupId": id });
    world().call("elasticache", "delete_replication_group", &deletion);
    until("the cache is deleted", || {
        environment.cache(world()).is_err().then_some(())
    });
}

#[test]
fn cache_has_the_data_of_the_snapshot_that_it_is_restored_from() {
    let world = world();
    let environment = world.environment();
    let request = removed(&environment);
    let mut dry = request.clone();
    dry["dryRun"] = json!(true);

    let planned = world.run(&dry);
    let restored = world.run(&request);
    let again = world.run(&request);

    let shown = planned.output["actions"].to_string();
    assert!(shown.contains("cache.restoreFrom"), "{planned:?}");
    assert_eq!(restored.status, "SUCCEEDED", "{restored:?}");
    assert_eq!(value(&environment).as_deref(), Some(KEY.1));
    assert_eq!(again.status, "SUCCEEDED", "an existing cache ignores it");
}

#[test]
fn snapshot_is_described_like_its_cache() {
    let environment = world().environment();
    let request = removed(&environment);

    let name = &request["cache"]["restoreFrom"]["snapshot"];
    let found = world().call(
        "elasticache",
        "describe_snapshots",
        &json!({ "SnapshotName": name }),
    );

    let snapshot = &found["Snapshots"][0];
    for (field, expected) in [
        ("Engine", json!("valkey")),
        ("EngineVersion", json!("8.2.0")),
        ("CacheNodeType", json!("cache.t3.micro")),
        ("NumNodeGroups", json!(1)),
        ("DataTiering", json!("disabled")),
    ] {
        assert_eq!(snapshot[field], expected, "{field}");
    }
}

#[test]
fn cache_that_disappeared_is_not_restored_from_the_same_data() {
    let world = world();
    let environment = world.environment();
    let request = removed(&environment);
    assert_eq!(world.run(&request).status, "SUCCEEDED");
    lose(&environment);

    let rejected = world.run(&request);
    let is_created = environment.cache(world).is_ok();
    let empty = world.run(&environment.request());

    assert_eq!(rejected.error, "Immutable", "{rejected:?}");
    for expected in [
        "PlanReplicationGroup: cache.restoreFrom: ",
        "Remove cache.restoreFrom for an empty cache",
    ] {
        assert!(rejected.cause.contains(expected), "{}", rejected.cause);
    }
    assert!(!is_created, "nothing was created");
    assert_eq!(empty.status, "SUCCEEDED", "{empty:?}");
    assert_eq!(value(&environment), None);
}

/// The simulator doesn't read the files: the cache has no data.
#[test]
fn cache_is_created_from_files_once() {
    let world = world();
    let environment = world.environment();
    let file = "arn:aws:s3:::backups/sessions.rdb";
    let source = json!({ "restoreFrom": { "files": [file] } });
    let request = environment.request_with("/cache", source);
    let mut dry = request.clone();
    dry["dryRun"] = json!(true);

    let planned = world.run(&dry);
    let created = world.run(&request);
    let again = world.run(&request);
    lose(&environment);
    let rejected = world.run(&request);

    let shown = planned.output["actions"].to_string();
    for expected in ["cache.restoreFrom", file] {
        assert!(shown.contains(expected), "{planned:?}");
    }
    assert_eq!(created.status, "SUCCEEDED", "{created:?}");
    assert_eq!(again.status, "SUCCEEDED", "an existing cache ignores it");
    assert_eq!(rejected.error, "Immutable", "{rejected:?}");
    let expected = "PlanReplicationGroup: cache.restoreFrom: ";
    assert!(rejected.cause.starts_with(expected), "{}", rejected.cause);
    assert!(rejected.cause.contains(file), "{}", rejected.cause);
}

#[test]
fn cache_is_restored_again_after_its_removal() {
    let world = world();
    let environment = world.environment();
    let request = removed(&environment);
    assert_eq!(world.run(&request).status, "SUCCEEDED");
    lose(&environment);
    let removal = json!({ "environment": environment.name });
    assert_eq!(world.remove(&removal).status, "SUCCEEDED");

    let restored = world.run(&request);

    assert_eq!(restored.status, "SUCCEEDED", "{restored:?}");
    assert_eq!(value(&environment).as_deref(), Some(KEY.1));
}

#[test]
fn plan_rejects_a_snapshot_that_does_not_exist_and_nothing_is_created() {
    let world = world();
    let environment = world.environment();

    let rejected = world.run(&restoring(&environment, "no-such-snapshot"));

    assert_eq!(rejected.error, "NotFound", "{rejected:?}");
    let expected = "PlanReplicationGroup: DescribeSnapshots no-such-snapshot: ";
    assert!(rejected.cause.starts_with(expected), "{}", rejected.cause);
    assert_eq!(
        world.security_groups(&environment),
        ["backend", "default"],
        "nothing was created"
    );
}

#[test]
fn restored_cache_has_the_requested_parameters() {
    let world = world();
    let environment = world.environment();
    let mut request = removed(&environment);
    request["cache"]["parameters"] = json!({ "maxmemory-policy": "allkeys-lru" });

    let restored = world.run(&request);

    assert_eq!(restored.status, "SUCCEEDED", "{restored:?}");
    assert_eq!(value(&environment).as_deref(), Some(KEY.1));
    until("the server has the parameter", || {
        let found = backend::parameter(&url(&environment), world.authority(), "maxmemory-policy");
        (found.expect("an answer").as_deref() == Some("allkeys-lru")).then_some(())
    });
}
