//! A cache that takes its time, and a cache that AWS cannot make: the workflow against the lives that AWS
//! documents.

use envcache_tests::{
    Ended, Environment, World, array, fast_world as world, matrix, text, unmanaged,
};
use local::Settings;
use local::gateway::elasticache::{Lifecycle, Outcome};
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

/// Runs the workflow for an environment whose cache lives so.
fn run(environment: &Environment, lifecycle: Lifecycle) -> Ended {
    let cache = format!("{}-redis", environment.name);
    world().gateway().set_lifecycle(&cache, lifecycle);
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
    let lifecycle = Lifecycle {
        creating: 180.0,
        ..Lifecycle::default()
    };
    world
        .gateway()
        .set_lifecycle(&format!("{}-redis", environment.name), lifecycle.clone());
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
    let created = environment
        .fault_scope
        .call_times("EnsureReplicationGroup", "CreateReplicationGroup")[0];
    let seen: Vec<_> = environment
        .fault_scope
        .call_times("CheckReplicationGroup", "DescribeReplicationGroups")
        .into_iter()
        .map(|moment| moment - created >= lifecycle.creating)
        .collect();
    assert_eq!(
        seen.iter().filter(|ready| **ready).count(),
        1,
        "the first look after its 3 minutes is the last that waits: {seen:?}"
    );
}

/// The seconds waited until each look, from the waits that the steps asked for.
fn looks(world: &World, execution: &str) -> Vec<u64> {
    let history = world.history(execution);
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
    // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ElastiCacheSNS.html
    let reason = "Failed to create cache nodes: insufficient free IP addresses in the subnet";

    let ended = run(
        &environment,
        Lifecycle {
            outcome: Outcome::Failed {
                reason: reason.to_owned(),
            },
            ..Lifecycle::default()
        },
    );

    assert_eq!(ended.error, "CreateFailed", "{ended:?}");
    let expected = format!(
        "EnsureReplicationGroup: replication group {}-redis is create-failed",
        environment.name
    );
    assert!(ended.cause.starts_with(&expected), "{}", ended.cause);
    assert!(ended.cause.contains(reason), "{}", ended.cause);
    assert!(
        environment.parameters(world()).is_empty(),
        "no endpoint of a cache that failed"
    );
}

/// As users see it: an event of the member, with the code
/// (<https://runbooks.cloud-platform.service.justice.gov.uk/elasticache-insufficient-az-capacity.html>).
fn without_capacity() -> Lifecycle {
    Lifecycle {
        outcome: Outcome::Failed {
            reason: "InsufficientCacheClusterCapacity: the zone has no such node to give"
                .to_owned(),
        },
        ..Lifecycle::default()
    }
}

fn zones(letters: &[char]) -> Vec<String> {
    letters
        .iter()
        .map(|letter| format!("ap-southeast-1{letter}"))
        .collect()
}

#[test]
fn where_a_zone_has_no_capacity_the_cache_is_made_in_another() {
    let environment = world().environment();
    let cache = format!("{}-redis", environment.name);
    world().gateway().exhaust_capacity(&cache, zones(&['a']));

    let ended = world().run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let asked = environment
        .fault_scope
        .call_times("EnsureReplicationGroup", "CreateReplicationGroup");
    assert_eq!(asked.len(), 3, "AWS's choice, then a, then b");
    assert_eq!(environment.parameters(world()).len(), 4);
}

#[test]
fn nodes_in_several_zones_leave_out_the_one_without_capacity() {
    let environment = world().environment();
    let cache = format!("{}-redis", environment.name);
    world().gateway().exhaust_capacity(&cache, zones(&['c']));
    let mut request = environment.request_with("/cache", json!({ "replicas": 1 }));
    request["network"]["subnets"] = json!(["subnet-one", "subnet-two", "subnet-three"]);

    let ended = world().run(&request);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}

#[test]
fn capacity_that_lacks_only_after_acceptance_is_looked_for_elsewhere_too() {
    let environment = world().environment();
    let cache = format!("{}-redis", environment.name);
    for lifecycle in [without_capacity(), without_capacity(), Lifecycle::default()] {
        world().gateway().set_lifecycle(&cache, lifecycle);
    }

    let ended = world().run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let deletions = environment
        .fault_scope
        .call_times("EnsureReplicationGroup", "DeleteReplicationGroup");
    assert_eq!(deletions.len(), 2, "each orphan goes");
}

#[test]
fn a_failed_creation_that_cannot_be_deleted_at_once_counts_as_one_placement() {
    let environment = world().environment();
    let cache = format!("{}-redis", environment.name);
    for lifecycle in [without_capacity(), Lifecycle::default()] {
        world().gateway().set_lifecycle(&cache, lifecycle);
    }
    environment.fault_scope.inject(Rule {
        step: "EnsureReplicationGroup".to_owned(),
        operation: "DeleteReplicationGroup".to_owned(),
        when: When::First(2),
        fault: Fault::InvalidState,
    });

    let ended = world().run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let created = environment
        .fault_scope
        .call_times("EnsureReplicationGroup", "CreateReplicationGroup");
    assert_eq!(created.len(), 2, "AWS's choice, then zone a");
    let zone = world().call(
        "elasticache",
        "describe_cache_clusters",
        &json!({ "CacheClusterId": format!("{cache}-001") }),
    );
    assert_eq!(
        zone["CacheClusters"][0]["PreferredAvailabilityZone"], "ap-southeast-1a",
        "no zone was left out: {zone}"
    );
}

#[test]
fn without_capacity_anywhere_a_run_says_what_it_tried_and_leaves_no_orphan() {
    let at_once = world().environment();
    let cache = format!("{}-redis", at_once.name);
    world()
        .gateway()
        .exhaust_capacity(&cache, zones(&['a', 'b']));
    let after_acceptance = world().environment();
    let cache = format!("{}-redis", after_acceptance.name);
    world().gateway().set_lifecycle(&cache, without_capacity());

    for environment in [at_once, after_acceptance] {
        let ended = world().run(&environment.request());

        assert_eq!(ended.error, "InsufficientCapacity", "{ended:?}");
        let tried = "Tried: zones chosen by ElastiCache; ap-southeast-1a; ap-southeast-1b.";
        assert!(ended.cause.contains(tried), "{}", ended.cause);
        assert!(environment.cache(world()).is_err(), "no orphan is left");
        assert!(environment.parameters(world()).is_empty());
    }
}

#[test]
fn a_failed_creation_of_an_earlier_run_is_replaced_by_the_next() {
    let environment = world().environment();
    let failing = Lifecycle {
        outcome: Outcome::Failed {
            reason: "no luck".to_owned(),
        },
        ..Lifecycle::default()
    };
    let cache = format!("{}-redis", environment.name);
    for lifecycle in [failing.clone(), failing, Lifecycle::default()] {
        world().gateway().set_lifecycle(&cache, lifecycle);
    }
    let first = world().run(&environment.request());
    assert_eq!(first.error, "CreateFailed", "{first:?}");

    let second = world().run(&environment.request());

    assert_eq!(second.status, "SUCCEEDED", "{second:?}");
    assert_eq!(
        second.output["primaryEndpoint"],
        environment.primary_endpoint(world())
    );
    let deletions = environment
        .fault_scope
        .call_times("EnsureReplicationGroup", "DeleteReplicationGroup");
    assert_eq!(deletions.len(), 2, "once in each run");
}

#[test]
fn a_failed_creation_that_is_not_ours_is_left_as_it_is() {
    let environment = world().environment();
    let cache = format!("{}-redis", environment.name);
    world().gateway().set_lifecycle(
        &cache,
        Lifecycle {
            creating: 0.0,
            outcome: Outcome::Failed {
                reason: "somebody's".to_owned(),
            },
            ..Lifecycle::default()
        },
    );
    // In a subnet group that is in nobody's way.
    let elsewhere = format!("{}-by-hand", environment.name);
    let settings = json!({ "CacheSubnetGroupName": elsewhere });
    unmanaged::cache(&environment, world(), &settings);

    let ended = world().run(&environment.request());

    assert_eq!(ended.error, "CreateFailed", "{ended:?}");
    assert!(
        ended
            .cause
            .contains("does not say that envcache asked for it"),
        "{}",
        ended.cause
    );
    assert_eq!(
        environment.cache(world()).expect("it is there")["Status"],
        "create-failed"
    );
}

#[test]
fn a_cache_that_is_being_deleted_is_waited_for_and_made_anew() {
    let environment = world().environment();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    world().call(
        "elasticache",
        "delete_replication_group",
        &json!({ "ReplicationGroupId": format!("{}-redis", environment.name) }),
    );

    let ended = world().run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(
        ended.output["primaryEndpoint"],
        environment.primary_endpoint(world()),
        "the new cache's endpoint is published"
    );
}

#[test]
fn a_failed_creation_is_one_also_where_its_reason_cannot_be_read() {
    let faults = [
        Fault::Throttled,
        Fault::InternalError,
        Fault::Reset,
        Fault::NoReply,
    ];
    let executions = faults.map(|fault| {
        let environment = world().environment();
        environment.fault_scope.inject(Rule {
            step: "EnsureReplicationGroup".to_owned(),
            operation: "DescribeEvents".to_owned(),
            when: When::Every,
            fault,
        });
        let lifecycle = Lifecycle {
            outcome: Outcome::Failed {
                reason: "not read".to_owned(),
            },
            ..Lifecycle::default()
        };
        world()
            .gateway()
            .set_lifecycle(&format!("{}-redis", environment.name), lifecycle);
        let execution = world().start(&environment.request());
        (fault, environment, execution)
    });

    for (fault, environment, execution) in executions {
        let ended = world().wait(&execution);

        assert_eq!(ended.error, "CreateFailed", "{fault}: {ended:?}");
        assert!(
            ended.cause.contains("Its events could not be read"),
            "{fault}: {}",
            ended.cause
        );
        assert!(
            environment.fault_scope.clear_faults() > 0,
            "{fault}: it was not asked"
        );
    }
}

#[test]
fn a_backup_at_birth_and_a_late_endpoint_only_take_longer() {
    let lives = [
        Lifecycle {
            snapshotting: 60.0,
            ..Lifecycle::default()
        },
        Lifecycle {
            without_endpoint: 60.0,
            ..Lifecycle::default()
        },
    ];
    for lifecycle in lives {
        let environment = world().environment();

        let ended = run(&environment, lifecycle.clone());

        assert_eq!(ended.status, "SUCCEEDED", "{lifecycle:?}: {ended:?}");
        assert_eq!(
            ended.output["primaryEndpoint"],
            environment.primary_endpoint(world()),
            "{lifecycle:?}"
        );
    }
}

#[test]
fn a_status_that_nobody_has_heard_of_is_said_and_left_alone() {
    let environment = world().environment();

    let ended = run(
        &environment,
        Lifecycle {
            outcome: Outcome::Undocumented {
                status: "hibernating".to_owned(),
            },
            ..Lifecycle::default()
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
        Lifecycle {
            creating: 1e6,
            ..Lifecycle::default()
        },
    );

    assert_eq!(ended.error, "Timeout", "{ended:?}");
    assert!(
        ended.cause.contains("is creating after 60 minutes"),
        "{}",
        ended.cause
    );
}
