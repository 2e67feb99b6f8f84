//! Tests with a member that doesn't recover, replicas that disappear, a topic that stays inactive, and a name that a cache
//! cluster has.

use contract::error::ErrorName;
use contract::message::EnsureReplicationGroupOutput;
use record::Creation;
use replay::Answer;
use replay::dynamodb::get_item;
use serde_json::{Value, json};

use super::{
    Aws, absent, accepted, described, events, held, member, message, owned, rejected, same,
    taken_over, unowned, waiting, with, with_observed, written,
};

fn member_with_status(status: &str) -> Answer {
    member(|body| {
        body.replace(
            "<CacheClusterStatus>available",
            &format!("<CacheClusterStatus>{status}"),
        )
    })
}

/// Returns this execution's checks of a member, each with the seconds waited so far.
fn observed(checks: &[u32], status: &str) -> Value {
    json!({
        "execution": "run-1",
        "failedMember": { "id": "bandup-redis-001", "status": status, "checks": checks }
    })
}

/// Returns the message of a round after `seconds` of waiting.
fn after(seconds: u32) -> Value {
    with(message(&json!({})), &json!({ "secondsWaited": seconds }))
}

/// Returns the answers for a group and its member with these statuses. While the group is *modifying*, the step reads
/// no tags.
fn answers(group: &str, member: &str) -> Vec<Answer> {
    let mut answers = vec![described(group, same)];
    answers.extend((group == "available").then(owned));
    answers.push(member_with_status(member));
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
async fn waits_twice_for_unrecovered_member() {
    for status in UNRECOVERED {
        for group in ["available", "modifying"] {
            let cases = [
                (json!({}), json!([30])),
                (observed(&[0], status), json!([0, 30])),
                // A retried invocation of the same round.
                (observed(&[0, 30], status), json!([0, 30])),
            ];
            for (before, checks) in cases {
                let aws = Aws::with_record(&with_observed(&before), answers(group, status));

                let found = aws.ensure(after(30)).await.expect("it waits");

                let outcome = format!("found changing: bandup-redis-001 is {status}");
                assert_eq!(found, waiting(&outcome, 30), "{group}");
                let recorded = &aws.observed()[0]["failedMember"];
                assert_eq!(recorded["id"], "bandup-redis-001");
                assert_eq!(recorded["status"], status);
                assert_eq!(recorded["checks"], checks);
                let write = aws.record_writes()[0].to_string();
                assert!(
                    !write.contains("cacheIdentity"),
                    "it may not be owned: {write}"
                );
            }
        }
    }
}

#[tokio::test]
async fn fails_at_third_check_with_status_and_events() {
    for status in UNRECOVERED {
        for group in ["available", "modifying"] {
            let event = (
                "bandup-redis-001",
                "No free addresses in subnet-1",
                "2026-11-23T10:05:00.000Z",
            );
            let mut answers = answers(group, status);
            answers.extend([events(&[event]), events(&[])]);
            let aws = Aws::with_record(&with_observed(&observed(&[0, 30], status)), answers);

            let error = aws.ensure(after(60)).await.expect_err("three checks");

            assert_eq!(error.name(), ErrorName::UnexpectedStatus);
            for expected in [
                format!("the member `bandup-redis-001`, which is {status}"),
                "bandup-redis-001: No free addresses in subnet-1".to_owned(),
            ] {
                assert!(error.to_string().contains(&expected), "{error}");
            }
            assert!(aws.elasticache_writes().is_empty());
        }
    }
}

/// AWS doesn't delete the only node or the primary:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheCluster.html>.
#[tokio::test]
async fn suggests_remedy_by_role_of_member() {
    let two = |role: &'static str| {
        move |body: String| {
            body.replace(
                "</MemberClusters>",
                "<ClusterId>bandup-redis-002</ClusterId></MemberClusters>",
            )
            .replace(
                "</NodeGroupMember>",
                &format!("<CurrentRole>{role}</CurrentRole></NodeGroupMember>"),
            )
        }
    };
    let cases = [
        (described("available", same), "the member is the only node"),
        (
            described("available", two("primary")),
            "fail over to a replica",
        ),
        (
            described("available", two("replica")),
            "Correct the cause, delete the member",
        ),
    ];
    for (group, expected) in cases {
        let none = || events(&[]);
        let answers = [
            group,
            owned(),
            member_with_status("restore-failed"),
            none(),
            none(),
            none(),
        ];
        let before = with_observed(&observed(&[0, 30], "restore-failed"));
        let aws = Aws::with_record(&before, answers);

        let error = aws.ensure(after(60)).await.expect_err("three checks");

        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn ignores_checks_of_another_member_or_execution() {
    let status = "restore-failed";
    let mut other_member = observed(&[0, 30], status);
    other_member["failedMember"]["id"] = json!("bandup-redis-002");
    let mut other_execution = observed(&[0, 30], status);
    other_execution["execution"] = json!("run-0");
    for before in [other_member, other_execution] {
        let aws = Aws::with_record(&with_observed(&before), answers("available", status));

        aws.ensure(after(60)).await.expect("it waits");

        let checks = &aws.observed()[0]["failedMember"]["checks"];
        assert_eq!(*checks, json!([60]), "{before}");
    }
}

#[tokio::test]
async fn returns_claim_lost_when_check_cannot_be_recorded() {
    let aws = Aws::answering(
        answers("available", "restore-failed"),
        [get_item(&with_observed(&json!({}))), taken_over()],
    );

    let found = aws.ensure(message(&json!({}))).await;

    assert!(
        matches!(found, Ok(EnsureReplicationGroupOutput::ClaimLost { .. })),
        "{found:?}"
    );
}

#[tokio::test]
async fn plan_only_reports_unrecovered_member() {
    for group in ["available", "modifying"] {
        let before = with_observed(&observed(&[0, 30], "restore-failed"));
        let aws = Aws::with_record(&before, answers(group, "restore-failed"));

        let found = aws
            .ensure(with(message(&json!({})), &json!({ "plan": true })))
            .await;

        let Ok(EnsureReplicationGroupOutput::Planned { outcome, .. }) = found else {
            panic!("{found:?}");
        };
        let expected = "found changing: bandup-redis-001 is restore-failed";
        assert_eq!(outcome, expected, "{group}");
        assert!(aws.record_writes().is_empty());
    }
}

#[tokio::test]
async fn only_waits_for_modifying_group_that_is_not_recorded() {
    let aws = Aws::with_record(&held(None), answers("modifying", "restore-failed"));

    let found = aws.ensure(message(&json!({}))).await.expect("it waits");

    let outcome = "found modifying: bandup-redis-001 is restore-failed";
    assert_eq!(found, waiting(outcome, 30));
    let aws = Aws::with_record(&held(None), [described("available", same), unowned()]);
    let error = aws.ensure(message(&json!({}))).await.expect_err("unowned");
    assert_eq!(error.name(), ErrorName::NotOwned);
}

#[tokio::test]
async fn waits_while_members_of_modifying_group_recover() {
    for status in ["creating", "available"] {
        let aws = Aws::with_record(&with_observed(&json!({})), answers("modifying", status));

        let found = aws.ensure(message(&json!({}))).await.expect("it waits");

        assert_eq!(found, waiting("found modifying", 30), "{status}");
    }
}

fn replicas_requested(at: &[u32]) -> Value {
    with_observed(&json!({ "execution": "run-1", "replicaRequests": at }))
}

/// Returns the message of a round that needs a replica, after `seconds` of waiting.
fn needing_a_replica(seconds: u32) -> Value {
    with(
        message(&json!({ "replicas": 1 })),
        &json!({ "secondsWaited": seconds }),
    )
}

#[tokio::test]
async fn records_replica_request_before_making_it() {
    let changing = "changing cache.replicas to 1";
    let accepted = || accepted("IncreaseReplicaCount");
    let cases = [
        (&[][..], accepted(), changing, json!([[60]])),
        (&[0], accepted(), changing, json!([[0, 60]])),
        // A retried invocation of the same round.
        (&[0, 60], accepted(), changing, json!([[0, 60]])),
        // ElastiCache didn't accept it, so it doesn't count.
        (
            &[0],
            rejected("InvalidReplicationGroupState"),
            "found changing",
            json!([[0, 60], [0]]),
        ),
    ];
    for (before, answer, outcome, recorded) in cases {
        let answers = [described("available", same), owned(), member(same), answer];
        let aws = Aws::with_record(&replicas_requested(before), answers);

        let found = aws.ensure(needing_a_replica(60)).await;

        assert_eq!(found.expect(outcome), waiting(outcome, 30));
        let counts: Vec<_> = aws
            .observed()
            .iter()
            .map(|observed| observed["replicaRequests"].clone())
            .collect();
        assert_eq!(json!(counts), recorded);
    }
}

/// Step Functions retries the round with the same input.
#[tokio::test]
async fn keeps_error_when_rejected_replica_request_is_retried() {
    let mut record = replicas_requested(&[0]);
    for _ in 0..4 {
        let denied = Answer::query_fault(400, "Throttling", "Rate exceeded");
        let answers = [described("available", same), owned(), member(same), denied];
        let aws = Aws::with_record(&record, answers);

        let error = aws
            .ensure(needing_a_replica(60))
            .await
            .expect_err("throttled");

        assert_eq!(error.name(), ErrorName::Throttled);
        record["observed"] = json!(aws.observed()[0].to_string());
    }
}

#[tokio::test]
async fn stops_requesting_replicas_that_disappeared_twice() {
    let event = (
        "bandup-redis",
        "Replica bandup-redis-002 was deleted",
        "2026-11-23T10:05:00.000Z",
    );
    let answers = [
        described("available", same),
        owned(),
        member(same),
        events(&[]),
        events(&[event]),
    ];
    let aws = Aws::with_record(&replicas_requested(&[0, 60]), answers);

    let error = aws
        .ensure(needing_a_replica(120))
        .await
        .expect_err("requested twice");

    assert_eq!(error.name(), ErrorName::UnexpectedStatus);
    for expected in [
        "has 1 instead of 2 nodes",
        "Replica bandup-redis-002 was deleted",
    ] {
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(aws.elasticache_writes().is_empty());
}

const TOPIC: &str = "arn:aws:sns:ap-southeast-1:123456789012:cache-events";

/// Returns ElastiCache's answers for an available group with a topic of this status.
fn with_topic(status: &str) -> Vec<Answer> {
    let configuration = format!(
        "<NotificationConfiguration><TopicArn>{TOPIC}</TopicArn><TopicStatus>{status}</TopicStatus>\
         </NotificationConfiguration><Engine>"
    );
    vec![
        described("available", same),
        owned(),
        member(|body| body.replace("<Engine>", &configuration)),
    ]
}

fn topics_requested(execution: &str, at: &[u32]) -> Value {
    with_observed(&json!({ "execution": execution, "topicRequests": at }))
}

/// Returns the message of a round that needs a topic, after `seconds` of waiting.
fn needing_a_topic(seconds: u32) -> Value {
    with(
        message(&json!({ "notificationTopic": TOPIC })),
        &json!({ "secondsWaited": seconds }),
    )
}

#[tokio::test]
async fn records_topic_request_before_making_it() {
    let changing = "changing cache.notificationTopic";
    let accepted = || accepted("ModifyReplicationGroup");
    let cases = [
        ("run-1", &[][..], accepted(), changing, json!([[60]])),
        ("run-1", &[0], accepted(), changing, json!([[0, 60]])),
        // A retried invocation of the same round.
        ("run-1", &[0, 60], accepted(), changing, json!([[0, 60]])),
        // Another execution, whose cause may have been corrected.
        ("run-0", &[0, 30], accepted(), changing, json!([[60]])),
        // ElastiCache didn't accept it, so it doesn't count.
        (
            "run-1",
            &[0],
            rejected("InvalidReplicationGroupState"),
            "found changing",
            json!([[0, 60], [0]]),
        ),
    ];
    for (execution, before, answer, outcome, recorded) in cases {
        let answers = [with_topic("inactive"), vec![answer]].concat();
        let aws = Aws::with_record(&topics_requested(execution, before), answers);

        let found = aws.ensure(needing_a_topic(60)).await;

        assert_eq!(found.expect(outcome), waiting(outcome, 30));
        let counts: Vec<_> = aws
            .observed()
            .iter()
            .map(|observed| observed["topicRequests"].clone())
            .collect();
        assert_eq!(json!(counts), recorded, "{before:?}");
    }
}

/// ElastiCache deactivates a topic that it can't publish to:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ECEvents.SNS.html>.
#[tokio::test]
async fn fails_when_topic_was_set_twice_and_is_inactive() {
    let aws = Aws::with_record(&topics_requested("run-1", &[0, 60]), with_topic("inactive"));

    let error = aws.ensure(needing_a_topic(120)).await;

    let error = error.expect_err("it was set twice");
    assert_eq!(error.name(), ErrorName::UnexpectedStatus);
    for expected in [
        format!("the topic `{TOPIC}` isn't active"),
        format!("shows the topic `{TOPIC}` with the status inactive"),
        "aws:SourceOwner".to_owned(),
    ] {
        assert!(error.to_string().contains(&expected), "{error}");
    }
    assert!(aws.elasticache_writes().is_empty());
}

#[tokio::test]
async fn topic_that_is_turned_off_is_not_counted() {
    let off = accepted("ModifyReplicationGroup");
    let answers = [with_topic("active"), vec![off]].concat();
    let aws = Aws::with_record(&topics_requested("run-1", &[0, 60]), answers);

    let found = aws.ensure(after(120)).await.expect("a change");

    assert_eq!(found, waiting("changing cache.notificationTopic", 30));
    assert!(aws.observed().is_empty(), "{:?}", aws.observed());
}

#[tokio::test]
async fn removes_recorded_request_when_name_is_taken() {
    // <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html>
    let taken = || {
        Answer::query_fault(
            400,
            "CacheClusterAlreadyExists",
            "You already have a cluster with the given identifier.",
        )
    };
    let with_creation = |execution: &str| {
        let creation = Creation {
            execution: execution.to_owned(),
            ..Creation::default()
        };
        let mut record = with_observed(&json!({}));
        record["creation"] = json!(serde_json::to_string(&creation).expect("JSON"));
        record
    };
    let available_before = || {
        let mut record = with_observed(&json!({}));
        record["engineVersion"] = json!("8.2.0");
        record
    };
    let all = "REMOVE cacheIdentity, creation ADD version :one";
    let cases = [
        (held(None), all),
        // The first invocation of this round recorded it.
        (with_creation("run-1"), all),
        (
            with_creation("run-0"),
            "SET creation = :creation ADD version :one",
        ),
        (available_before(), "REMOVE creation ADD version :one"),
    ];
    for (record, expected) in cases {
        let aws = Aws::answering(
            [absent(), taken()],
            [get_item(&record), written(), written()],
        );

        let error = aws.ensure(message(&json!({}))).await.expect_err("taken");

        assert_eq!(error.name(), ErrorName::NotOwned);
        let reason = "You already have a cluster with the given identifier";
        assert!(error.to_string().contains(reason), "{error}");
        let update = &aws.record_writes()[1]["UpdateExpression"];
        assert_eq!(update, expected);
    }
}
