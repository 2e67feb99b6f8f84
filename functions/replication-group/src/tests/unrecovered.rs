//! A member that ElastiCache can't keep, and a name that something else has.

use contract::error::ErrorName;
use contract::message::{CheckReplicationGroupOutput, EnsureReplicationGroupOutput, Observed};
use replay::{Answer, Replay};
use serde_json::{Value, json};

use super::{
    Aws, absent, accepted, described, events, member, message, owned, rejected, same, waiting_with,
    with,
};
use crate::check;

fn member_that_is(status: &str) -> Answer {
    member(|body| {
        body.replace(
            "<CacheClusterStatus>available",
            &format!("<CacheClusterStatus>{status}"),
        )
    })
}

/// What the second round in a row has observed.
fn observed_twice(status: &str) -> Value {
    json!({ "failedMember": { "id": "bandup-redis-001", "status": status, "checks": 2 } })
}

/// The group in a status, and its member in another. While the group is *modifying*, its tags can't be read.
fn answers(group: &str, member: &str) -> Vec<Answer> {
    let mut answers = vec![described(group, same)];
    answers.extend((group == "available").then(owned));
    answers.push(member_that_is(member));
    answers
}

/// The statuses of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html> and of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Nodes.viewing.html>.
const UNRECOVERED: [&str; 3] = [
    "incompatible-network",
    "incompatible_network",
    "restore-failed",
];

#[tokio::test]
async fn waits_twice_for_a_member_that_does_not_recover() {
    for status in UNRECOVERED {
        for group in ["available", "modifying"] {
            let mut observed = json!({});
            for checks in 1..=2 {
                let aws = Aws::new(answers(group, status));
                let message = with(message(&json!({})), &json!({ "observed": observed }));

                let found = aws.ensure(message).await.expect("it waits");

                observed["failedMember"] =
                    json!({ "id": "bandup-redis-001", "status": status, "checks": checks });
                let expected: Observed =
                    serde_json::from_value(observed.clone()).expect("observed");
                let outcome = format!("found changing: bandup-redis-001 is {status}");
                assert_eq!(found, waiting_with(&outcome, 30, expected), "{group}");
            }
        }
    }
}

#[tokio::test]
async fn third_check_names_the_member_its_status_and_the_events() {
    for status in UNRECOVERED {
        for group in ["available", "modifying"] {
            let event = (
                "bandup-redis-001",
                "No free addresses in subnet-1",
                "2026-11-23T10:05:00.000Z",
            );
            let mut answers = answers(group, status);
            answers.extend([events(&[event]), events(&[])]);
            let aws = Aws::new(answers);
            let third = json!({ "observed": observed_twice(status), "secondsWaited": 60 });

            let error = aws
                .ensure(with(message(&json!({})), &third))
                .await
                .expect_err("three checks");

            assert_eq!(error.name(), ErrorName::UnexpectedStatus);
            for expected in [
                format!("its member bandup-redis-001 is {status}"),
                "bandup-redis-001: No free addresses in subnet-1".to_owned(),
            ] {
                assert!(error.to_string().contains(&expected), "{error}");
            }
            assert!(aws.elasticache_writes().is_empty());
        }
    }
}

#[tokio::test]
async fn checks_start_over_when_the_member_recovers_or_another_fails() {
    let other = json!({ "failedMember": { "id": "bandup-redis-002", "status": "restore-failed", "checks": 2 } });
    let cases = [
        ("modifying", other.clone(), None),
        ("restore-failed", other, Some(1)),
    ];
    for (status, observed, checks) in cases {
        let aws = Aws::new(answers("available", status));
        let message = with(message(&json!({})), &json!({ "observed": observed }));

        let found = aws.ensure(message).await.expect("it waits");

        let EnsureReplicationGroupOutput::Waiting { observed, .. } = found else {
            panic!("{found:?}");
        };
        let found = observed.failed_member.map(|member| member.checks);
        assert_eq!(found, checks, "{status}");
    }
}

#[tokio::test]
async fn plan_only_reports_a_member_that_does_not_recover() {
    let aws = Aws::new(answers("available", "restore-failed"));
    let third = json!({ "plan": true, "observed": observed_twice("restore-failed") });

    let found = aws.ensure(with(message(&json!({})), &third)).await;

    let Ok(EnsureReplicationGroupOutput::Planned { outcome, .. }) = found else {
        panic!("{found:?}");
    };
    assert_eq!(
        outcome,
        "found changing: bandup-redis-001 is restore-failed"
    );
}

#[tokio::test]
async fn poll_is_over_when_a_member_of_a_modified_group_does_not_recover() {
    let ready = |found: &str| CheckReplicationGroupOutput::Ready {
        found: found.to_owned(),
    };
    let pending = CheckReplicationGroupOutput::Pending {
        found: "modifying".to_owned(),
        wait_seconds: 30,
    };
    let cases = [
        (
            "restore-failed",
            ready("modifying: bandup-redis-001 is restore-failed"),
        ),
        ("creating", pending.clone()),
        ("available", pending),
    ];
    for (status, expected) in cases {
        let replay = Replay::new(answers("modifying", status));
        let input = json!({
            "environment": "bandup",
            "execution": "run-1",
            "cacheName": "bandup-redis",
            "secondsWaited": 0,
        });
        let input = serde_json::from_value(input).expect("the state's message");

        let found = check(&aws_sdk_elasticache::Client::new(&replay.config()), input).await;

        assert_eq!(found.expect(status), expected);
    }
}

#[tokio::test]
async fn replicas_that_disappear_twice_are_not_requested_again() {
    let found = || vec![described("available", same), owned(), member(same)];
    let event = (
        "bandup-redis",
        "Replica bandup-redis-002 was deleted",
        "2026-11-23T10:05:00.000Z",
    );
    for (requests, is_requested) in [(0, true), (1, true), (2, false)] {
        let mut answers = found();
        if is_requested {
            answers.push(accepted("IncreaseReplicaCount"));
        } else {
            answers.extend([events(&[]), events(&[event])]);
        }
        let aws = Aws::new(answers);
        let message = with(
            message(&json!({ "replicas": 1 })),
            &json!({ "observed": { "replicaRequests": requests } }),
        );

        let found = aws.ensure(message).await;

        if is_requested {
            let observed = Observed {
                replica_requests: requests + 1,
                ..Observed::default()
            };
            let outcome = "changing to more replicas: 1";
            assert_eq!(found.expect(outcome), waiting_with(outcome, 30, observed));
            continue;
        }
        let error = found.expect_err("twice is enough");
        assert_eq!(error.name(), ErrorName::UnexpectedStatus);
        for expected in [
            "has 1 instead of 2 nodes",
            "Replica bandup-redis-002 was deleted",
        ] {
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(aws.elasticache_writes().is_empty());
    }
}

#[tokio::test]
async fn name_of_a_standalone_cache_cluster_is_not_owned() {
    let standalone = member(|body| {
        body.replace("bandup-redis-001", "bandup-redis")
            .replace("<ReplicationGroupId>bandup-redis</ReplicationGroupId>", "")
            .replace("<Engine>valkey", "<Engine>memcached")
    });
    let cases = [
        (true, standalone, "a memcached cache cluster"),
        (
            false,
            rejected("CacheClusterAlreadyExists"),
            "a cache cluster",
        ),
    ];
    for (plan, answer, found) in cases {
        let aws = Aws::new([absent(), answer]);
        let message = with(message(&json!({})), &json!({ "plan": plan }));

        let error = aws.ensure(message).await.expect_err("not owned");

        assert_eq!(error.name(), ErrorName::NotOwned);
        let expected = format!("{found} named bandup-redis exists");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[tokio::test]
async fn member_of_another_group_takes_no_name() {
    let aws = Aws::new([
        absent(),
        member(|body| body.replace(">bandup-redis<", ">other<")),
    ]);

    let found = aws
        .ensure(with(message(&json!({})), &json!({ "plan": true })))
        .await;

    assert!(
        matches!(found, Ok(EnsureReplicationGroupOutput::Planned { .. })),
        "{found:?}"
    );
}
