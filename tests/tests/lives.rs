//! A cache that takes its time, and a cache that AWS cannot make: the workflow against the lives that AWS
//! documents.

use std::sync::OnceLock;

use envcache_tests::{Ended, Environment, World, array, matrix, text};
use local::Settings;
use local::gateway::elasticache::{Life, Outcome};
use serde_json::{Value, json};

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::deploy_with(matrix::SETTINGS).expect("a stack"))
}

/// Runs the workflow for an environment whose cache lives so.
fn run(environment: &Environment, life: Life) -> Ended {
    let cache = format!("{}-redis", environment.name);
    world().gateway().live(&cache, life);
    world().run(&environment.request())
}

#[test]
fn a_creation_of_three_minutes_is_polled_as_designed() {
    // The steps take time of their own, which a tenth of AWS's time makes ten times as long.
    let world = World::deploy_with(Settings {
        scale: 0.1,
        ..matrix::SETTINGS
    })
    .expect("a stack");
    let environment = world.environment();
    let life = Life {
        creating: 180.0,
        ..Life::default()
    };
    world
        .gateway()
        .live(&format!("{}-redis", environment.name), life);
    let execution = world.start(&environment.request());

    let ended = world.wait(&execution);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    // Few looks before it is likely, one every 10 seconds from 3 minutes on.
    let designed = [30, 60, 90, 120, 150, 180, 190];
    let looks = looks(&world, &execution);
    assert_eq!(
        looks,
        designed[..looks.len().min(designed.len())],
        "the schedule, and seen within 10 seconds of its 3 minutes"
    );
    assert!(
        looks.len() >= 4,
        "a creation of 3 minutes is waited for: {looks:?}"
    );
}

/// The seconds waited until each look, from the waits that the steps asked for.
fn looks(world: &World, execution: &str) -> Vec<u64> {
    let history = world.call(
        "stepfunctions",
        "get_execution_history",
        &json!({ "executionArn": execution }),
    );
    let mut waited = 0;
    array(&history["events"])
        .filter_map(|event| {
            let exited = &event["stateExitedEventDetails"];
            let steps = ["EnsureReplicationGroup", "CheckReplicationGroup"];
            if !steps.contains(&text(&exited["name"]).as_str()) {
                return None;
            }
            let answer: Value = serde_json::from_str(&text(&exited["output"])).ok()?;
            answer["waitSeconds"].as_u64().filter(|wait| *wait > 0)
        })
        .map(|wait| {
            waited += wait;
            waited
        })
        .collect()
}

#[test]
fn a_failed_creation_ends_in_create_failed_with_awss_reason() {
    let environment = world().environment();
    // As users see it: an event of the member, with the code and the zone
    // (https://runbooks.cloud-platform.service.justice.gov.uk/elasticache-insufficient-az-capacity.html).
    let reason =
        "InsufficientCacheClusterCapacity: the zone ap-southeast-1a has no cache.t3.micro to give";

    let ended = run(
        &environment,
        Life {
            outcome: Outcome::Failed {
                reason: reason.to_owned(),
            },
            ..Life::default()
        },
    );

    assert_eq!(ended.error, "CreateFailed", "{ended:?}");
    let expected = format!(
        "CheckReplicationGroup: replication group {}-redis is create-failed",
        environment.name
    );
    assert!(ended.cause.starts_with(&expected), "{}", ended.cause);
    assert!(ended.cause.contains(reason), "{}", ended.cause);
    assert!(
        environment.parameters(world()).is_empty(),
        "no endpoint of a cache that failed"
    );
}

#[test]
fn a_backup_at_birth_and_a_late_endpoint_only_take_longer() {
    let lives = [
        Life {
            snapshotting: 60.0,
            ..Life::default()
        },
        Life {
            without_endpoint: 60.0,
            ..Life::default()
        },
    ];
    for life in lives {
        let environment = world().environment();

        let ended = run(&environment, life.clone());

        assert_eq!(ended.status, "SUCCEEDED", "{life:?}: {ended:?}");
        assert_eq!(
            ended.output["primaryEndpoint"],
            environment.primary_endpoint(world()),
            "{life:?}"
        );
    }
}

#[test]
fn a_status_that_nobody_has_heard_of_is_said_and_left_alone() {
    let environment = world().environment();

    let ended = run(
        &environment,
        Life {
            outcome: Outcome::Unheard {
                status: "hibernating".to_owned(),
            },
            ..Life::default()
        },
    );

    assert_eq!(ended.error, "UnexpectedStatus", "{ended:?}");
    assert!(ended.cause.contains("is hibernating"), "{}", ended.cause);
    assert!(environment.parameters(world()).is_empty());
}

#[test]
fn a_cache_that_is_never_ready_ends_in_timeout_before_the_machine_does() {
    let environment = world().environment();

    let ended = run(
        &environment,
        Life {
            creating: 1e6,
            ..Life::default()
        },
    );

    assert_eq!(ended.error, "Timeout", "{ended:?}");
    assert!(
        ended.cause.contains("is creating after 60 minutes"),
        "{}",
        ended.cause
    );
}

#[test]
fn what_aws_refuses_is_refused_here() {
    let world = world();
    let (environment, elsewhere) = (world.environment(), world.environment());
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let group = |changes: Value| {
        let mut request = json!({
            "ReplicationGroupId": format!("{}-other", environment.name),
            "ReplicationGroupDescription": "made by hand",
            "Engine": "valkey",
            "CacheNodeType": "cache.t3.micro",
            "NumCacheClusters": 1,
            "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name),
        });
        for (field, value) in changes.as_object().into_iter().flatten() {
            request[field] = value.clone();
        }
        request
    };
    let subnet_group = |changes: Value| {
        json!({
            "CacheSubnetGroupName": format!("{}-other", environment.name),
            "CacheSubnetGroupDescription": "made by hand",
            "SubnetIds": changes,
        })
    };
    let create = "create_replication_group";
    let cases = [
        (
            create,
            group(json!({ "CacheSubnetGroupName": "no-such-group" })),
            "CacheSubnetGroupNotFoundFault",
        ),
        (
            create,
            group(json!({ "SecurityGroupIds": ["sg-0123456789abcdef0"] })),
            "InvalidParameterValue",
        ),
        (
            create,
            group(json!({ "SecurityGroupIds": [elsewhere.laid.backend_security_group] })),
            "InvalidParameterCombination",
        ),
        (
            create,
            group(json!({ "CacheParameterGroupName": "no-such-group" })),
            "CacheParameterGroupNotFound",
        ),
        (
            create,
            group(json!({ "AutomaticFailoverEnabled": true })),
            "InvalidParameterCombination",
        ),
        (
            "create_cache_subnet_group",
            subnet_group(json!(["subnet-0123456789abcdef0"])),
            "InvalidParameterValue",
        ),
        (
            "create_cache_subnet_group",
            subnet_group(json!([
                environment.laid.subnets[0],
                elsewhere.laid.subnets[1]
            ])),
            "InvalidSubnet",
        ),
        (
            "delete_cache_subnet_group",
            json!({ "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name) }),
            "CacheSubnetGroupInUse",
        ),
    ];
    for (operation, request, code) in cases {
        assert_eq!(
            refused("elasticache", operation, &request),
            Some(code.to_owned()),
            "{operation} {request}"
        );
    }
}

/// The code that AWS refuses a call with; none where it does not.
fn refused(service: &str, operation: &str, request: &Value) -> Option<String> {
    let error = world().aws.call(service, operation, request).err()?;
    Some(
        error
            .downcast::<local::aws::Refusal>()
            .expect("a refusal")
            .code,
    )
}

#[test]
fn a_deleted_cache_goes_slowly_and_its_security_group_after_it() {
    let world = world();
    let environment = world.environment();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let cache = json!({ "ReplicationGroupId": format!("{}-redis", environment.name) });
    let subnets =
        json!({ "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name) });
    let name = format!("{}-redis-sg", environment.name);
    let found = world.call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [{ "Name": "group-name", "Values": [name] }] }),
    );
    let security_group = json!({ "GroupId": found["SecurityGroups"][0]["GroupId"] });

    let deleted = world.call("elasticache", "delete_replication_group", &cache);

    assert_eq!(deleted["ReplicationGroup"]["Status"], "deleting");
    assert_eq!(
        environment.cache(world).expect("still there")["Status"],
        "deleting"
    );
    assert_eq!(
        refused("elasticache", "delete_cache_subnet_group", &subnets).as_deref(),
        Some("CacheSubnetGroupInUse")
    );
    envcache_tests::until("it has gone", || environment.cache(world).err());
    assert_eq!(
        refused("ec2", "delete_security_group", &security_group).as_deref(),
        Some("DependencyViolation"),
        "its interfaces linger"
    );
    envcache_tests::until("its interfaces have gone", || {
        world
            .aws
            .call("ec2", "delete_security_group", &security_group)
            .ok()
    });
    world.call("elasticache", "delete_cache_subnet_group", &subnets);
}
