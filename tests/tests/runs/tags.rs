//! The tags of an environment's resources, on the simulator.

use envcache_tests::{Environment, array, resources, text, world};
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

/// How many resources an environment without replicas has, with parameters and both logs: the cache, its security group, subnet
/// group, and parameter group, two log groups, and four endpoint parameters.
const RESOURCES: usize = 10;

/// Returns a request with these tags, and with every kind of resource.
fn tagged(environment: &Environment, tags: Value) -> Value {
    let cache = json!({ "parameters": { "timeout": 300 }, "logs": { "slow": {}, "engine": {} } });
    let mut request = environment.request_with("/cache", cache);
    request["tags"] = tags;
    request
}

/// Returns the tags of every resource of an environment, except the owner tags. The first is the cache.
fn tags_of(environment: &Environment) -> Vec<Value> {
    let found = resources::of(environment, world()).expect("the resources");
    let without_owner_tags = |tags: &Value| {
        let tags = array(tags).map(|tag| (text(&tag["Key"]), tag["Value"].clone()));
        Value::Object(
            tags.filter(|(key, _)| !key.starts_with("envcache:"))
                .collect(),
        )
    };
    let groups = array(&found["security groups"]["created"]).map(|group| &group["Tags"]);
    let others = ["parameter groups", "log groups", "parameters"];
    let others = others.map(|kind| array(&found[kind]).map(|resource| &resource["tags"]));
    [&found["cache"]["tags"], &found["subnet group"]["tags"]]
        .into_iter()
        .chain(groups)
        .chain(others.into_iter().flatten())
        .map(without_owner_tags)
        .collect()
}

/// Returns the keys of the tags that the environment's record remembers from earlier requests, in DynamoDB's JSON.
fn former_tags(environment: &Environment) -> Value {
    let record = environment.record(world()).expect("a record");
    record["formerTags"].clone()
}

fn deny(environment: &Environment, step: &str, operation: &str) {
    environment.fault_scope.inject(Rule {
        step: step.to_owned(),
        operation: operation.to_owned(),
        when: When::Every,
        fault: Fault::AccessDenied,
    });
}

#[test]
fn tags_are_on_every_resource_and_change_in_place() {
    let environment = world().environment();
    let run = |tags: &Value| world().run(&tagged(&environment, tags.clone()));
    let first = json!({ "stage": "test", "team": "web" });
    let second = json!({ "cost center": "17", "team": "core" });

    let created = run(&first);

    assert_eq!(created.status, "SUCCEEDED", "{created:?}");
    assert_eq!(tags_of(&environment), vec![first; RESOURCES]);

    let arn = environment.cache(world()).expect("the cache")["ARN"].clone();
    let of_another_tool = json!([{ "Key": "backup", "Value": "daily" }]);
    world().call(
        "elasticache",
        "add_tags_to_resource",
        &json!({ "ResourceName": arn, "Tags": of_another_tool }),
    );
    for requested in [second, json!({})] {
        let changed = run(&requested);

        assert_eq!(changed.status, "SUCCEEDED", "{changed:?}");
        let mut expected = vec![requested; RESOURCES];
        expected[0]["backup"] = json!("daily");
        assert_eq!(tags_of(&environment), expected);
        assert_eq!(former_tags(&environment), Value::Null);
    }
}

#[test]
fn tags_of_a_failed_run_and_of_earlier_ones_are_removed_later() {
    let environment = world().environment();
    let run = |tags: Value| world().run(&tagged(&environment, tags));
    assert_eq!(run(json!({ "stage": "test" })).status, "SUCCEEDED");
    deny(&environment, "PublishEndpoint", "RemoveTagsFromResource");

    let failed = run(json!({ "team": "web" }));

    assert_eq!(failed.error, "AccessDenied", "{failed:?}");
    assert!(environment.fault_scope.clear_faults() > 0);
    assert_eq!(former_tags(&environment), json!({ "SS": ["stage"] }));

    let next = run(Value::Null);

    assert_eq!(next.status, "SUCCEEDED", "{next:?}");
    assert_eq!(tags_of(&environment), vec![json!({}); RESOURCES]);
    assert_eq!(former_tags(&environment), Value::Null);
}

#[test]
fn former_tags_stay_recorded_until_a_run_releases_the_environment() {
    let environment = world().environment();
    let run = |tags: Value| world().run(&tagged(&environment, tags));
    assert_eq!(run(json!({ "stage": "test" })).status, "SUCCEEDED");
    deny(&environment, "ReleaseEnvironment", "UpdateItem");

    let unreleased = run(json!({ "team": "web" }));

    assert_eq!(unreleased.status, "SUCCEEDED", "{unreleased:?}");
    assert!(environment.fault_scope.clear_faults() > 0);
    assert_eq!(former_tags(&environment), json!({ "SS": ["stage"] }));

    let next = run(json!({ "team": "web" }));

    assert_eq!(next.status, "SUCCEEDED", "{next:?}");
    assert_eq!(
        tags_of(&environment),
        vec![json!({ "team": "web" }); RESOURCES]
    );
    assert_eq!(former_tags(&environment), Value::Null);
}
