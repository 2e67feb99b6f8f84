//! AWS behavior that a run has to handle: upgrades, members, tags, names, and inactive functions.

use envcache_tests::definition::{Machine, steps};
use envcache_tests::{Ended, Environment, World, array, fast_world as world, matrix, text, until};
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

/// Returns an environment that has a cache with these settings.
fn provisioned(cache: &Value) -> Environment {
    let environment = world().environment();
    assert_succeeds(&run(&environment, cache));
    environment
}

fn run(environment: &Environment, cache: &Value) -> Ended {
    world().run(&environment.request_with("/cache", cache.clone()))
}

fn assert_succeeds(ended: &Ended) {
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}

/// Checks that the run failed with this error, and that its cause begins with the state and contains the texts.
fn assert_fails(ended: &Ended, error: &str, state: &str, texts: &[&str]) {
    assert_eq!(ended.error, error, "{ended:?}");
    assert!(ended.cause.starts_with(&format!("{state}: ")), "{ended:?}");
    for text in texts {
        assert!(ended.cause.contains(text), "{text} is missing: {ended:?}");
    }
}

fn cache_name(environment: &Environment) -> String {
    format!("{}-redis", environment.name)
}

/// Returns the first member of an environment's cache, as ElastiCache describes it.
fn member(world: &World, environment: &Environment) -> Value {
    let found = world.call(
        "elasticache",
        "describe_cache_clusters",
        &json!({ "CacheClusterId": format!("{}-001", cache_name(environment)) }),
    );
    found["CacheClusters"][0].clone()
}

fn inject(environment: &Environment, step: &str, operation: &str, when: When, fault: Fault) {
    environment.fault_scope.inject(Rule {
        step: step.to_owned(),
        operation: operation.to_owned(),
        when,
        fault,
    });
}

#[test]
fn major_upgrade_uses_the_new_default_parameter_group() {
    let environment = provisioned(&json!({ "engineVersion": "7.2" }));
    let before = member(world(), &environment);

    let ended = run(&environment, &json!({ "engineVersion": "9.0" }));

    assert_eq!(before["EngineVersion"], "7.2.6");
    assert_succeeds(&ended);
    let after = member(world(), &environment);
    assert_eq!(after["EngineVersion"], "9.0.0");
    assert_eq!(
        after["CacheParameterGroup"]["CacheParameterGroupName"],
        "default.valkey9"
    );
    let versions = json!({ "found": "9.0.0", "requested": "9.0" });
    assert_eq!(ended.output["engineVersion"], versions, "{ended:?}");
}

#[test]
fn plan_rejects_major_upgrade_with_custom_parameter_group() {
    let environment = provisioned(&json!({ "engineVersion": "7.2" }));
    let name = format!("{}-parameters", environment.name);
    world().call(
        "elasticache",
        "create_cache_parameter_group",
        &json!({
            "CacheParameterGroupName": name,
            "CacheParameterGroupFamily": "valkey7",
            "Description": "created outside envcache",
        }),
    );
    world().call(
        "elasticache",
        "modify_replication_group",
        &json!({
            "ReplicationGroupId": cache_name(&environment),
            "CacheParameterGroupName": name,
            "ApplyImmediately": true,
        }),
    );
    until("the cache is available", || {
        let cache = environment.cache(world()).expect("a cache");
        (cache["Status"] == "available").then_some(())
    });

    let ended = run(
        &environment,
        &json!({ "engineVersion": "8.0", "description": "cache" }),
    );

    assert_fails(
        &ended,
        "Immutable",
        "PlanReplicationGroup",
        &[&name, "family valkey8"],
    );
    let cache = environment.cache(world()).expect("a cache");
    assert_ne!(cache["Description"], "cache", "nothing was changed");
}

#[test]
fn minor_upgrade_satisfies_request_and_survives_recreation() {
    let cache = json!({ "engineVersion": "8.0" });
    let environment = provisioned(&cache);
    world().gateway().upgrade(&cache_name(&environment), "8.1");

    let again = run(&environment, &cache);

    assert_succeeds(&again);
    let versions = json!({ "found": "8.1.0", "requested": "8.0" });
    assert_eq!(again.output["engineVersion"], versions, "{again:?}");
    let mut plan = environment.request_with("/cache", cache.clone());
    plan["dryRun"] = json!(true);
    let plan = world().run(&plan);
    assert_eq!(plan.output["engineVersion"], versions, "{plan:?}");
    let record = environment.record(world()).expect("a record");
    assert_eq!(record["engineVersion"]["S"], "8.1.0");

    // A user deletes the cache.
    world().call(
        "elasticache",
        "delete_replication_group",
        &json!({ "ReplicationGroupId": cache_name(&environment) }),
    );
    until("the cache is deleted", || environment.cache(world()).err());
    assert_succeeds(&run(&environment, &cache));
    assert_eq!(member(world(), &environment)["EngineVersion"], "8.1.0");
}

#[test]
fn major_downgrade_is_immutable() {
    let environment = provisioned(&json!({ "engineVersion": "9.0" }));

    let ended = run(&environment, &json!({ "engineVersion": "8.2" }));

    assert_fails(
        &ended,
        "Immutable",
        "PlanReplicationGroup",
        &["cache.engineVersion is `9.0.0`, requested `8.2`"],
    );
}

#[test]
fn default_version_applies_only_to_new_caches() {
    let mut world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    let listener = world.listen("envcache");
    let environment = world.environment();

    let first = world.run(&environment.request());

    assert_succeeds(&first);
    let versions = json!({ "found": "8.2.0", "requested": null });
    assert_eq!(first.output["engineVersion"], versions, "{first:?}");
    let announced = listener.wait_for(&environment.name);
    assert_eq!(announced["detail"]["engineVersion"], versions);
    let record = environment.record(&world).expect("a record");
    assert_eq!(record["engineVersion"]["S"], "8.2.0");
    drop(listener);

    world
        .redeploy(&["DefaultEngineVersion=9.1".to_owned()])
        .expect("a deployment");
    let again = world.run(&environment.request());
    let other = world.environment();
    let new = world.run(&other.request());

    assert_eq!(again.output["engineVersion"], versions, "{again:?}");
    assert_eq!(new.output["engineVersion"]["found"], "9.1.0", "{new:?}");
}

#[test]
fn waits_while_tags_are_unavailable() {
    let change = json!({ "description": "cache" });
    let cases = [
        ("EnsureReplicationGroup", "ListTagsForResource"),
        ("PlanReplicationGroup", "ListTagsForResource"),
    ];
    for (step, operation) in cases {
        let environment = provisioned(&json!({}));
        inject(
            &environment,
            step,
            operation,
            When::First(2),
            Fault::TagsUnavailable,
        );

        let ended = run(&environment, &change);

        assert_succeeds(&ended);
        assert!(environment.fault_scope.clear_faults() > 0, "{step}");
        let cache = environment.cache(world()).expect("a cache");
        assert_eq!(cache["Description"], "cache", "{step}");
    }
    let environment = provisioned(&json!({}));
    inject(
        &environment,
        "DeleteReplicationGroup",
        "ListTagsForResource",
        When::First(2),
        Fault::TagsUnavailable,
    );

    let removed = world().remove(&json!({ "environment": environment.name }));

    assert_succeeds(&removed);
    assert_eq!(environment.fault_scope.clear_faults(), 2);
    assert!(environment.cache(world()).is_err(), "it is deleted");
}

#[test]
fn compares_again_when_aws_finds_nothing_to_modify() {
    let cases = [
        (
            "EnsureReplicationGroup",
            "ModifyReplicationGroup",
            json!({ "cache": { "description": "cache" } }),
            "cache.description is `in memory db for",
        ),
        (
            "EnsureSubnetGroup",
            "ModifyCacheSubnetGroup",
            json!({ "network": { "subnets": ["subnet-one", "subnet-two", "subnet-three"] } }),
            "network.subnets is `subnet-",
        ),
    ];
    for (step, operation, change, expected) in cases {
        for when in [When::First(1), When::Every] {
            let environment = provisioned(&json!({}));
            let mut request = environment.request();
            for (object, fields) in change.as_object().into_iter().flatten() {
                for (field, value) in fields.as_object().into_iter().flatten() {
                    request[object][field] = value.clone();
                }
            }
            inject(&environment, step, operation, when, Fault::NothingToModify);

            let ended = world().run(&request);

            assert!(environment.fault_scope.clear_faults() > 0, "{step}");
            if when == When::Every {
                assert_fails(&ended, "Immutable", step, &[expected]);
            } else {
                assert_succeeds(&ended);
            }
        }
    }
}

#[test]
fn fails_and_names_a_member_that_does_not_recover() {
    let replica = json!({ "replicas": 1 });
    let environment = provisioned(&replica);
    let name = cache_name(&environment);
    world().gateway().fail_member(&name, 2, "restore-failed");

    let ended = run(&environment, &replica);

    assert_fails(
        &ended,
        "UnexpectedStatus",
        "EnsureReplicationGroup",
        &[&format!("the member `{name}-002`, which is restore-failed")],
    );
    assert_eq!(
        environment.parameters(world()).len(),
        5,
        "the endpoint stays published"
    );
}

#[test]
fn fails_with_events_when_replicas_disappear_twice() {
    let environment = provisioned(&json!({}));
    world().gateway().lose_replicas(&cache_name(&environment));

    let ended = run(&environment, &json!({ "replicas": 1 }));

    assert_fails(
        &ended,
        "UnexpectedStatus",
        "EnsureReplicationGroup",
        &["has 1 instead of 2 nodes", "could not be created"],
    );
    let requests = environment.fault_scope.calls().into_iter();
    let requests = requests.filter(|call| call.operation == "IncreaseReplicaCount");
    assert_eq!(requests.count(), 2);
}

/// Returns the ID of the security group of this name in the environment's VPC.
fn security_group(environment: &Environment, name: &str) -> String {
    text(&environment.security_group(world(), name)["GroupId"])
}

fn create_security_group(environment: &Environment, name: &str) -> String {
    let created = world().call(
        "ec2",
        "create_security_group",
        &json!({ "VpcId": environment.network.vpc, "GroupName": name, "Description": "created outside envcache" }),
    );
    text(&created["GroupId"])
}

/// Returns the permission of a rule with this port and source or destination group.
fn permission(port: u16, group: &str, description: &str) -> Value {
    json!([{
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "UserIdGroupPairs": [{ "GroupId": group, "Description": description }],
    }])
}

#[test]
fn first_check_names_outbound_rule_that_blocks_deletion() {
    let environment = provisioned(&json!({}));
    let cache = security_group(&environment, &format!("{}-redis-sg", environment.name));
    let client = create_security_group(&environment, "client");
    world().call(
        "ec2",
        "authorize_security_group_egress",
        &json!({ "GroupId": client, "IpPermissions": permission(6379, &cache, "to the cache") }),
    );
    let expected = format!("an outbound rule of {client} references it");

    let execution = world().start_on(
        &world().stack.deprovision_state_machine_arn,
        &json!({ "environment": environment.name }),
    );
    let ended = world().wait(&execution);

    assert_fails(&ended, "InUse", "DeleteSecurityGroup", &[&expected]);
    let history = world().history(&execution);
    let first = array(&history["events"])
        .map(ToString::to_string)
        .find(|event| event.contains("is still in use"));
    assert!(
        first
            .as_ref()
            .is_some_and(|event| event.contains(&expected)),
        "{first:?}"
    );
}

#[test]
fn security_group_names_match_regardless_of_case() {
    let environment = world().environment();
    let name = format!("{}-REDIS-sg", environment.name);
    let group = create_security_group(&environment, &name);

    let rejected = world().run(&environment.request());

    assert_fails(&rejected, "NotOwned", "PlanSecurityGroup", &[&name, &group]);

    let adopted = world().run(&environment.request_with("/adopt", json!(true)));

    assert_succeeds(&adopted);
    let member = member(world(), &environment);
    assert_eq!(member["SecurityGroups"][0]["SecurityGroupId"], group);
    assert_succeeds(&world().run(&environment.request()));
    let removed = world().remove(&json!({ "environment": environment.name }));
    assert_succeeds(&removed);
    assert_eq!(removed.output["left"], json!([]), "{removed:?}");
    assert_eq!(
        world().security_groups(&environment),
        ["backend", "default"]
    );
}

#[test]
fn revokes_outdated_rules_and_keeps_foreign_ones() {
    let environment = provisioned(&json!({}));
    let cache = security_group(&environment, &format!("{}-redis-sg", environment.name));
    let owned = format!("Backend of environment {} to its cache", environment.name);
    for (backend, description) in [
        ("old", &*owned),
        ("older", &*owned),
        ("jobs", "nightly jobs"),
    ] {
        let backend = create_security_group(&environment, backend);
        world().call(
            "ec2",
            "authorize_security_group_ingress",
            &json!({ "GroupId": cache, "IpPermissions": permission(6379, &backend, description) }),
        );
    }

    let ended = world().run(&environment.request());

    assert_succeeds(&ended);
    let jobs = security_group(&environment, "jobs");
    assert_eq!(
        ended.output["drift"]["inboundRules"],
        json!([format!("tcp 6379 from {jobs}")])
    );
    let found = world().call(
        "ec2",
        "describe_security_group_rules",
        &json!({ "Filters": [{ "Name": "group-id", "Values": [cache] }] }),
    );
    let inbound = array(&found["SecurityGroupRules"]).filter(|rule| rule["IsEgress"] == false);
    let mut sources: Vec<_> = inbound
        .map(|rule| text(&rule["ReferencedGroupInfo"]["GroupId"]))
        .collect();
    sources.sort();
    let mut expected = [jobs, environment.network.backend_security_group.clone()];
    expected.sort();
    assert_eq!(sources, expected);
}

#[test]
fn plan_rejects_the_name_of_a_standalone_cache_cluster() {
    let environment = world().environment();
    world().call(
        "elasticache",
        "create_cache_cluster",
        &json!({
            "CacheClusterId": cache_name(&environment),
            "Engine": "memcached",
            "CacheNodeType": "cache.t3.micro",
            "NumCacheNodes": 1,
        }),
    );

    let ended = world().run(&environment.request());

    assert_fails(
        &ended,
        "NotOwned",
        "PlanReplicationGroup",
        &["a memcached cache cluster", &cache_name(&environment)],
    );
    assert_eq!(
        world().security_groups(&environment),
        ["backend", "default"],
        "nothing was created"
    );
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#vpc-idle>; 110 seconds is the longest reported
/// activation.
#[test]
fn retries_until_inactive_functions_become_active() {
    for machine in Machine::ALL {
        let environment = match machine {
            Machine::Provision => world().environment(),
            Machine::Deprovision => provisioned(&json!({})),
        };
        for (_, function) in steps(machine) {
            environment.fault_scope.make_inactive(&function, 110.0);
        }

        let ended = match machine {
            Machine::Provision => world().run(&environment.request()),
            Machine::Deprovision => world().remove(&json!({ "environment": environment.name })),
        };

        assert_succeeds(&ended);
    }
}

#[test]
fn fails_when_an_inactive_function_stays_unavailable() {
    let environment = world().environment();
    environment
        .fault_scope
        .make_inactive("PublishEndpoint", 3600.0);

    let ended = world().run(&environment.request());

    assert_fails(
        &ended,
        "ServiceUnavailable",
        "PlanEndpoint",
        &["is inactive or pending"],
    );
}
