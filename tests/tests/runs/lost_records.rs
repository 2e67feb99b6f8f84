//! Runs after an environment's record was lost, as `docs/concurrency.md` describes them.

use envcache_tests::{Environment, fast_world as world};
use local::gateway::elasticache::{Lifecycle, Outcome};
use serde_json::{Value, json};

/// Returns an environment with a cache, and without a record.
fn without_record(request: impl Fn(&Environment) -> Value) -> Environment {
    let environment = world().environment();
    let ended = world().run(&request(&environment));
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    environment.lose_record(world()).expect("a deletion");
    environment
}

#[test]
fn next_run_finds_resources_by_their_tags_and_records_them() {
    let environment = without_record(Environment::request);
    let published = environment.parameters(world());

    let ended = world().run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(environment.parameters(world()), published);
    let record = environment.record(world()).expect("a record");
    for attribute in ["spec", "cacheIdentity", "requestedAt"] {
        assert!(record[attribute].is_object(), "no {attribute} in {record}");
    }
    let created = environment
        .fault_scope
        .call_times("EnsureReplicationGroup", "CreateReplicationGroup");
    assert_eq!(created.len(), 1, "the cache is found");
}

#[test]
fn removal_needs_the_names_that_are_not_the_defaults() {
    let with_name = |environment: &Environment| {
        let name = format!("{}-sessions", environment.name);
        environment.request_with("/cache", json!({ "name": name }))
    };
    let environment = without_record(with_name);
    let cache = format!("{}-sessions", environment.name);

    // The security group is found by its tags, and the cache still uses it.
    let without_names = world().remove(&json!({ "environment": environment.name }));
    let with_names = world().remove(&with_name(&environment));

    assert_eq!(without_names.error, "InUse", "{without_names:?}");
    assert_eq!(with_names.status, "SUCCEEDED", "{with_names:?}");
    let found = world().call("elasticache", "describe_replication_groups", &json!({}));
    assert!(!found.to_string().contains(&cache), "{found}");
}

#[test]
fn protection_and_newest_request_are_unknown() {
    let protected = without_record(|environment| environment.request_with("/protect", json!(true)));

    // This event is older than the request that created the cache.
    let removed = world().remove(&json!({
        "environment": protected.name,
        "event": { "id": "7bf73129", "time": "2020-01-01T00:00:00Z" }
    }));

    assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
    assert!(protected.cache(world()).is_err(), "the cache is deleted");
}

#[test]
fn failed_creation_is_left_in_place() {
    let environment = world().environment();
    let failing = Lifecycle {
        outcome: Outcome::Failed {
            reason: "creation failed".to_owned(),
        },
        ..Lifecycle::default()
    };
    environment.set_lifecycle(world(), failing);
    assert_eq!(world().run(&environment.request()).error, "CreateFailed");
    environment.lose_record(world()).expect("a deletion");

    let ended = world().run(&environment.request());
    let removed = world().remove(&json!({ "environment": environment.name }));

    assert_eq!(ended.error, "CreateFailed", "{ended:?}");
    let advice = "Delete it in the ElastiCache console, then start again";
    assert!(ended.cause.contains(advice), "{}", ended.cause);
    let cache = environment.cache(world()).expect("the cache is left");
    assert_eq!(cache["Status"], "create-failed", "{cache}");
    // It still uses the subnet group.
    assert_eq!(removed.error, "InUse", "{removed:?}");
}
