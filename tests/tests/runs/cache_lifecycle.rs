//! Slow and failed creations: the workflow against the cache lifecycles that AWS documents.

use envcache_tests::{
    Ended, Environment, World, array, fast_world as world, matrix, text, unmanaged,
};
use local::Settings;
use local::gateway::elasticache::{Lifecycle, Outcome, ZoneRejection};
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

/// Runs the workflow for an environment whose cache has this lifecycle.
fn run(environment: &Environment, lifecycle: Lifecycle) -> Ended {
    let cache = format!("{}-redis", environment.name);
    world().gateway().set_lifecycle(&cache, lifecycle);
    world().run(&environment.request())
}

#[test]
fn polls_on_schedule_until_the_cache_is_available() {
    // With scaled time, the steps' own duration counts more: ten times as much at a scale of 0.1.
    let world = World::deploy_with(Settings {
        scale: 0.1,
        ..matrix::SETTINGS
    })
    .expect("a stack");
    let environment = world.environment();
    let lifecycle = Lifecycle {
        creating: 250.0,
        ..Lifecycle::default()
    };
    environment.set_lifecycle(&world, lifecycle.clone());
    let execution = world.start(&environment.request());

    let ended = world.wait(&execution);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    // Polls are rare before the cache is likely to be available, and follow every 20 seconds from 3 minutes on.
    let schedule = [30, 60, 90, 120, 150, 180, 200, 220, 240, 260];
    let polls = poll_times(&world, &execution);
    assert_eq!(
        polls,
        schedule[..polls.len().min(schedule.len())],
        "the schedule, and available within 20 seconds after 250"
    );
    let created = environment
        .fault_scope
        .call_times("EnsureReplicationGroup", "CreateReplicationGroup")[0];
    let after_creation: Vec<_> = environment
        .fault_scope
        .call_times("CheckReplicationGroup", "DescribeReplicationGroups")
        .into_iter()
        .map(|time| time - created >= lifecycle.creating)
        .collect();
    assert_eq!(
        after_creation.iter().filter(|after| **after).count(),
        1,
        "the first poll after 250 seconds is the last: {after_creation:?}"
    );
}

/// Returns the seconds waited until each poll, from the waits that the steps return.
fn poll_times(world: &World, execution: &str) -> Vec<u64> {
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
fn failed_creation_reports_the_reason_from_elasticache() {
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
        "EnsureReplicationGroup: replication group `{}-redis` is create-failed",
        environment.name
    );
    assert!(ended.cause.starts_with(&expected), "{}", ended.cause);
    assert!(ended.cause.contains(reason), "{}", ended.cause);
    assert!(
        environment.parameters(world()).is_empty(),
        "no endpoint is published"
    );
}

/// Returns a lifecycle whose creation fails as users report it: a member's event has the code
/// (<https://runbooks.cloud-platform.service.justice.gov.uk/elasticache-insufficient-az-capacity.html>).
fn without_capacity() -> Lifecycle {
    Lifecycle {
        outcome: Outcome::Failed {
            reason: "InsufficientCacheClusterCapacity: the zone has no capacity for this node type"
                .to_owned(),
        },
        ..Lifecycle::default()
    }
}

const ZONE_REJECTIONS: [ZoneRejection; 3] = [
    ZoneRejection::NoCapacity,
    ZoneRejection::NotOffered,
    ZoneRejection::InvalidZone,
];

/// Rejects the creation of an environment's cache in the zones with these letters.
fn reject_zones(environment: &Environment, letters: &[char], rejection: ZoneRejection) {
    let cache = format!("{}-redis", environment.name);
    let zones = letters
        .iter()
        .map(|letter| format!("ap-southeast-1{letter}"));
    world()
        .gateway()
        .reject_zones(&cache, zones.collect(), rejection);
}

#[test]
fn tries_another_zone_when_aws_rejects_one() {
    for rejection in ZONE_REJECTIONS {
        let environment = world().environment();
        reject_zones(&environment, &['a'], rejection);

        let ended = world().run(&environment.request());

        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        let attempts = environment
            .fault_scope
            .call_times("EnsureReplicationGroup", "CreateReplicationGroup");
        assert_eq!(attempts.len(), 3, "ElastiCache's choice, zone a, zone b");
        assert_eq!(environment.parameters(world()).len(), 4);
    }
}

#[test]
fn cause_quotes_message_for_each_zone() {
    for rejection in ZONE_REJECTIONS {
        let environment = world().environment();
        reject_zones(&environment, &['a', 'b'], rejection);

        let ended = world().run(&environment.request());

        assert_eq!(ended.error, "InsufficientCapacity", "{ended:?}");
        let quotes = match rejection {
            ZoneRejection::NoCapacity => {
                ["ap-southeast-1a (InsufficientCacheClusterCapacity: The requested cache node \
                                          type is not available in the specified Availability Zone)";
                    2]
            }
            ZoneRejection::NotOffered => [
                "not currently supported in the availability zone ap-southeast-1a.",
                "not currently supported in the availability zone ap-southeast-1b.",
            ],
            ZoneRejection::InvalidZone => [
                "(InvalidParameterValue: Availability zone ap-southeast-1a is not supported)",
                "(InvalidParameterValue: Availability zone ap-southeast-1b is not supported)",
            ],
        };
        for quote in quotes {
            assert!(ended.cause.contains(quote), "{}", ended.cause);
        }
    }
}

#[test]
fn replicas_avoid_a_zone_without_capacity() {
    let environment = world().environment();
    reject_zones(&environment, &['c'], ZoneRejection::NoCapacity);
    let mut request = environment.request_with("/cache", json!({ "replicas": 1 }));
    request["network"]["subnets"] = json!(["subnet-one", "subnet-two", "subnet-three"]);

    let ended = world().run(&request);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}

#[test]
fn tries_another_zone_when_accepted_creation_lacks_capacity() {
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
    assert_eq!(deletions.len(), 2, "one per failed creation");
}

#[test]
fn tries_each_placement_once_when_a_deletion_is_delayed() {
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
    assert_eq!(created.len(), 2, "ElastiCache's choice, zone a");
    let member = world().call(
        "elasticache",
        "describe_cache_clusters",
        &json!({ "CacheClusterId": format!("{cache}-001") }),
    );
    assert_eq!(
        member["CacheClusters"][0]["PreferredAvailabilityZone"], "ap-southeast-1a",
        "no zone was skipped: {member}"
    );
}

#[test]
fn lists_placements_and_leaves_no_cache_without_capacity() {
    let before_acceptance = world().environment();
    reject_zones(&before_acceptance, &['a', 'b'], ZoneRejection::NoCapacity);
    let after_acceptance = world().environment();
    let cache = format!("{}-redis", after_acceptance.name);
    world().gateway().set_lifecycle(&cache, without_capacity());

    for environment in [before_acceptance, after_acceptance] {
        let ended = world().run(&environment.request());

        assert_eq!(ended.error, "InsufficientCapacity", "{ended:?}");
        for placement in [
            "zones chosen by ElastiCache (",
            "; ap-southeast-1a (",
            "; ap-southeast-1b (",
        ] {
            assert!(ended.cause.contains(placement), "{}", ended.cause);
        }
        assert!(environment.cache(world()).is_err(), "no cache is left");
        assert!(environment.parameters(world()).is_empty());
    }
}

#[test]
fn next_run_replaces_a_failed_creation() {
    let environment = world().environment();
    let failing = Lifecycle {
        outcome: Outcome::Failed {
            reason: "creation failed".to_owned(),
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
    assert_eq!(deletions.len(), 2, "once per run");
}

#[test]
fn keeps_an_unowned_create_failed_cache() {
    let environment = world().environment();
    let cache = format!("{}-redis", environment.name);
    world().gateway().set_lifecycle(
        &cache,
        Lifecycle {
            creating: 0.0,
            outcome: Outcome::Failed {
                reason: "creation failed".to_owned(),
            },
            ..Lifecycle::default()
        },
    );
    // Its subnet group has another name than the one that the run creates.
    let subnet_group = format!("{}-unmanaged", environment.name);
    let settings = json!({ "CacheSubnetGroupName": subnet_group });
    unmanaged::cache(&environment, world(), &settings);

    let ended = world().run(&environment.request());

    assert_eq!(ended.error, "CreateFailed", "{ended:?}");
    assert!(
        ended
            .cause
            .contains("doesn't say that envcache requested it"),
        "{}",
        ended.cause
    );
    assert_eq!(
        environment.cache(world()).expect("the cache")["Status"],
        "create-failed"
    );
}

#[test]
fn creates_the_cache_again_after_a_pending_deletion() {
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
fn reports_create_failed_when_events_cannot_be_read() {
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
                reason: "unreadable".to_owned(),
            },
            ..Lifecycle::default()
        };
        environment.set_lifecycle(world(), lifecycle);
        let execution = world().start(&environment.request());
        (fault, environment, execution)
    });

    for (fault, environment, execution) in executions {
        let ended = world().wait(&execution);

        assert_eq!(ended.error, "CreateFailed", "{fault}: {ended:?}");
        assert!(
            ended.cause.contains("The cache's events could not be read"),
            "{fault}: {}",
            ended.cause
        );
        assert!(
            environment.fault_scope.clear_faults() > 0,
            "{fault}: DescribeEvents was not called"
        );
    }
}

#[test]
fn waits_for_an_initial_snapshot_and_a_late_endpoint() {
    let lifecycles = [
        Lifecycle {
            snapshotting: 60.0,
            ..Lifecycle::default()
        },
        Lifecycle {
            without_endpoint: 60.0,
            ..Lifecycle::default()
        },
    ];
    for lifecycle in lifecycles {
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
fn fails_on_an_undocumented_status() {
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
fn times_out_when_the_cache_never_becomes_available() {
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
