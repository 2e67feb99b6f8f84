//! The decisions about the settings of a cache that is adopted. Nothing is changed before everything is compared.

use envcache_tests::{Ended, Environment, array, fast_world as world, resources, text, unmanaged};
use local::gateway::elasticache::{Lifecycle, Part};
use serde_json::{Value, json};

/// Returns an adopting request with these cache settings.
fn adopting(environment: &Environment, cache: &Value) -> Value {
    let mut request = environment.request_with("/cache", cache.clone());
    request["adopt"] = json!(true);
    request
}

fn cache_name(environment: &Environment) -> String {
    format!("{}-redis", environment.name)
}

/// Starts a dry run of the request.
fn plan(request: &Value) -> Ended {
    let mut dry = request.clone();
    dry["dryRun"] = json!(true);
    world().run(&dry)
}

/// Runs the request, and checks that it is rejected with this error, and that nothing was changed. Returns the reason.
fn rejected(environment: &Environment, request: &Value, error: &str) -> String {
    let resources = || {
        let mut found = resources::of(environment, world()).expect("the resources");
        // The record stores the result of the run.
        found.as_object_mut().expect("an object").remove("record");
        found
    };
    let before = resources();

    let ended = world().run(request);
    let planned = plan(request);

    assert_eq!(ended.error, error, "{ended:?}");
    assert!(
        ended.cause.starts_with("PlanReplicationGroup: "),
        "{ended:?}"
    );
    assert_eq!(planned.output["rejected"]["error"], error, "{planned:?}");
    assert_eq!(before, resources(), "tagged or changed");
    ended.cause
}

#[test]
fn request_that_omits_settings_is_rejected_with_the_cache_to_paste() {
    let environment = world().environment();
    let group = unmanaged::security_group(&environment, world());
    let topic = json!({ "Name": format!("{}-events", environment.name) });
    let topic = text(&world().call("sns", "create_topic", &topic)["TopicArn"]);
    let settings = json!({
        "AutoMinorVersionUpgrade": false,
        "NotificationTopicArn": topic,
        "CacheNodeType": "cache.t3.medium",
        "NumCacheClusters": 2,
        "AutomaticFailoverEnabled": true,
        "MultiAZEnabled": true,
        "SnapshotRetentionLimit": 7,
        "SecurityGroupIds": [group],
        "AtRestEncryptionEnabled": true,
        "TransitEncryptionEnabled": true,
        "Port": 6379,
    });
    unmanaged::cache(&environment, world(), &settings);
    unmanaged::wait_until_available(&environment, world());

    let cause = rejected(
        &environment,
        &adopting(&environment, &json!({ "replicas": 1 })),
        "InvalidSpec",
    );

    for omitted in [
        "cache.description is \"created manually\"",
        "cache.nodeType is \"cache.t3.medium\"",
        "cache.snapshotRetentionDays is 7",
        "cache.autoMinorVersionUpgrade is false, and the default is true",
        "cache.notificationTopic is \"arn:aws:sns:",
    ] {
        assert!(cause.contains(omitted), "no {omitted:?} in {cause}");
    }
    let (_, pasted) = cause.split_once("\"cache\": ").expect("the cache");
    let pasted: Value = serde_json::from_str(pasted).expect("JSON");
    let adopted = world().run(&adopting(&environment, &pasted));
    assert_eq!(adopted.status, "SUCCEEDED", "{adopted:?}");
    let mut later = environment.request();
    later["cache"] = pasted;
    let again = plan(&later);
    assert_eq!(again.output["actions"], json!([]), "{again:?}");
}

#[test]
fn plan_reports_what_an_adoption_keeps() {
    let environment = world().environment();
    unmanaged::cache_as_requested(&environment, world());
    let cache = cache_name(&environment);
    let gateway = world().gateway();
    gateway.set_described(&cache, Part::Group, &["NetworkType"], "dual_stack");
    gateway.set_described(&cache, Part::Group, &["EffectiveDurability"], "async");
    let request = adopting(&environment, &json!({}));

    let planned = plan(&request);
    let adopted = world().run(&request);
    let later = plan(&environment.request());

    let kept = |setting: &str| {
        array(&planned.output["kept"])
            .find(|kept| kept["setting"] == setting)
            .map(|kept| text(&kept["value"]))
    };
    let network_type = kept("network type").unwrap_or_default();
    assert!(network_type.starts_with("dual_stack"), "{planned:?}");
    assert_eq!(kept("durability").as_deref(), Some("async"));
    assert_eq!(adopted.status, "SUCCEEDED", "{adopted:?}");
    assert_eq!(later.output["kept"], json!([]), "it is owned: {later:?}");
}

#[test]
fn pending_node_type_is_neither_hidden_nor_applied() {
    let environment = world().environment();
    unmanaged::cache_as_requested(&environment, world());
    world().gateway().set_described(
        &cache_name(&environment),
        Part::Member,
        &["PendingModifiedValues", "CacheNodeType"],
        "cache.m7g.large",
    );

    let cause = rejected(
        &environment,
        &adopting(&environment, &json!({ "description": "sessions" })),
        "Immutable",
    );

    assert!(
        cause.contains("pending changes: cache.nodeType cache.m7g.large ("),
        "{cause}"
    );
}

#[test]
fn cache_with_other_security_groups_is_not_adopted() {
    let environment = world().environment();
    unmanaged::cache_as_requested(&environment, world());
    let other = unmanaged::security_group_named(&environment, world(), "clients");
    let request = adopting(&environment, &json!({ "securityGroupName": "clients" }));

    let cause = rejected(&environment, &request, "Immutable");

    assert!(
        cause.contains("other security groups: sg-") && !cause.contains(&other),
        "{cause}"
    );
}

#[test]
fn changing_cache_is_not_adopted_and_nothing_is_tagged() {
    let environment = world().environment();
    world().gateway().set_lifecycle(
        &cache_name(&environment),
        Lifecycle {
            creating: 3600.0,
            ..Lifecycle::default()
        },
    );
    let group = unmanaged::security_group(&environment, world());
    let settings = json!({ "NumCacheClusters": 1, "AutomaticFailoverEnabled": false, "SecurityGroupIds": [group] });
    unmanaged::cache(&environment, world(), &settings);

    let cause = rejected(
        &environment,
        &adopting(&environment, &json!({})),
        "UnexpectedStatus",
    );

    assert!(
        cause.contains("is creating, so it can't be compared"),
        "{cause}"
    );
}

/// Removes a tag from the environment's cache, as a tagging tool does.
fn untag_cache(environment: &Environment, key: &str) {
    let arn = environment.cache(world()).expect("the cache")["ARN"].clone();
    untag_in_elasticache(&arn, key);
}

fn untag_in_elasticache(arn: &Value, key: &str) {
    world().call(
        "elasticache",
        "remove_tags_from_resource",
        &json!({ "ResourceName": arn, "TagKeys": [key] }),
    );
}

/// Removes a tag from the cache, its groups, and a parameter.
fn untag_all(environment: &Environment, key: &str) {
    untag_cache(environment, key);
    let name = format!("{}-cached-subnet-group", environment.name);
    let found = world().call(
        "elasticache",
        "describe_cache_subnet_groups",
        &json!({ "CacheSubnetGroupName": name }),
    );
    untag_in_elasticache(&found["CacheSubnetGroups"][0]["ARN"], key);
    let found = world().call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [
            { "Name": "vpc-id", "Values": [environment.network.vpc] },
            { "Name": "group-name", "Values": [format!("{}-redis-sg", environment.name)] },
        ] }),
    );
    let group = &found["SecurityGroups"][0]["GroupId"];
    world().call(
        "ec2",
        "delete_tags",
        &json!({ "Resources": [group], "Tags": [{ "Key": key }] }),
    );
    world().call(
        "ssm",
        "remove_tags_from_resource",
        &json!({
            "ResourceType": "Parameter",
            "ResourceId": format!("/{}/cache/url", environment.name),
            "TagKeys": [key],
        }),
    );
}

#[test]
fn resources_that_lost_one_owner_tag_are_adopted_by_their_environment() {
    for key in ["envcache:environment", "envcache:stack"] {
        let environment = world().environment();
        assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
        untag_all(&environment, key);

        let rejected = world().run(&environment.request());
        let adopted = world().run(&adopting(&environment, &json!({})));

        assert_eq!(rejected.error, "NotOwned", "{rejected:?}");
        assert!(
            rejected
                .cause
                .contains(&format!("its tag {key} is missing"))
                && rejected.cause.contains("\"adopt\": true"),
            "{rejected:?}"
        );
        assert_eq!(adopted.status, "SUCCEEDED", "{adopted:?}");
        let after = resources::of(&environment, world()).expect("the resources");
        assert!(resources::violations(&after).is_empty(), "{after}");
        // Both tags are restored: a later request doesn't need `adopt`.
        let later = world().run(&environment.request());
        assert_eq!(later.status, "SUCCEEDED", "{later:?}");
    }
}

#[test]
fn cache_of_another_environment_is_not_adopted_without_its_tag() {
    let (owner, other) = (world().environment(), world().environment());
    assert_eq!(world().run(&owner.request()).status, "SUCCEEDED");
    untag_cache(&owner, "envcache:environment");
    let request = adopting(&other, &json!({ "name": cache_name(&owner) }));

    let ended = world().run(&request);

    assert_eq!(ended.error, "NotOwned", "{ended:?}");
    assert!(
        ended
            .cause
            .contains("or another environment's record names it"),
        "{ended:?}"
    );
}
