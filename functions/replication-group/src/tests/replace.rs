//! Tests with a group that ElastiCache couldn't create.

use std::time::SystemTime;

use aws_sdk_elasticache::primitives::{DateTime, DateTimeFormat};
use contract::error::ErrorName;
use record::Creation;
use replay::{Answer, form};
use serde_json::json;

use super::{
    Aws, THIS_RUN, absent, accepted, creation, described, events, held, message, rejected,
    rejections, same, waiting, with, zones,
};

/// Returns a group that ElastiCache couldn't create, and one event with this message.
fn failed(message: &str) -> Vec<Answer> {
    let event = ("bandup-redis-001", message, "2026-11-23T10:00:00.000Z");
    vec![
        described("create-failed", same),
        events(&[event]),
        events(&[]),
    ]
}

/// Returns the answers of `failed`, and this answer to the deletion.
fn failed_then(message: &str, deletion: Answer) -> Vec<Answer> {
    [failed(message), vec![deletion]].concat()
}

const NO_ADDRESSES: &str = "no free IP addresses";
const NO_CAPACITY: &str = "InsufficientCacheClusterCapacity: none in ap-southeast-1a";
/// The recorded reason if an event has this message.
const REASON: &str = "ElastiCache's events: bandup-redis-001: InsufficientCacheClusterCapacity: none in ap-southeast-1a";

/// Returns the recorded creation after this run replaced the group.
fn replaced() -> Creation {
    Creation {
        replaced: true,
        ..creation()
    }
}

#[tokio::test]
async fn deletes_recorded_failed_creation() {
    let aws = Aws::new(failed_then(
        NO_ADDRESSES,
        accepted("DeleteReplicationGroup"),
    ));

    let found = aws.ensure(message(&json!({}))).await.expect("deleted");

    let outcome =
        "deleted after it failed: ElastiCache's events: bandup-redis-001: no free IP addresses";
    assert_eq!(found, waiting(outcome, 30));
    assert_eq!(
        aws.elasticache.forms()[3],
        form([
            ("Action", "DeleteReplicationGroup"),
            ("ReplicationGroupId", "bandup-redis"),
        ]),
        "without a final snapshot: there is no data"
    );
    let expected = Creation {
        deletion_requested: true,
        ..creation()
    };
    assert_eq!(aws.recorded(), [expected]);
}

#[tokio::test]
async fn deletes_failed_creation_recorded_by_earlier_version() {
    // The earlier version recorded the cache's name instead of the creation.
    let record =
        json!({ "environment": "bandup", "holder": THIS_RUN, "askedForCache": "bandup-redis" });
    let aws = Aws::with_record(
        &record,
        failed_then(NO_ADDRESSES, accepted("DeleteReplicationGroup")),
    );

    aws.ensure(message(&json!({}))).await.expect("deleted");

    assert_eq!(aws.elasticache_writes(), ["DeleteReplicationGroup"]);
    let expected = Creation {
        deletion_requested: true,
        ..creation()
    };
    assert_eq!(aws.recorded(), [expected]);
}

#[tokio::test]
async fn waits_when_deletion_is_not_possible_or_needed() {
    let cases = [
        ("ReplicationGroupNotFoundFault", "already deleted"),
        ("InvalidReplicationGroupState", "not deletable yet"),
    ];
    for (code, outcome) in cases {
        let aws = Aws::new(failed_then(NO_ADDRESSES, rejected(code)));

        let found = aws.ensure(message(&json!({}))).await.expect(outcome);

        assert_eq!(found, waiting(outcome, 30));
    }
}

#[tokio::test]
async fn deletes_again_after_rejected_deletion() {
    let rejected = failed_then(NO_CAPACITY, rejected("InvalidReplicationGroupState"));
    let first = Aws::new(rejected);
    first.ensure(message(&json!({}))).await.expect("it waits");
    let record = held(first.recorded().first());
    let accepted = failed_then(NO_CAPACITY, accepted("DeleteReplicationGroup"));
    let second = Aws::with_record(&record, accepted);

    second.ensure(message(&json!({}))).await.expect("deleted");

    assert_eq!(second.elasticache_writes(), ["DeleteReplicationGroup"]);
    let expected = Creation {
        rejections: rejections(REASON, &[&[]]),
        deletion_requested: true,
        ..creation()
    };
    assert_eq!(second.recorded(), [expected], "the placement counts once");
}

#[tokio::test]
async fn creates_in_next_placement_after_lack_of_capacity() {
    let accepted_deletion = failed_then(NO_CAPACITY, accepted("DeleteReplicationGroup"));
    let first = Aws::new(accepted_deletion);
    first.ensure(message(&json!({}))).await.expect("deleted");
    let record = held(first.recorded().first());
    let second = Aws::with_record(&record, [absent(), accepted("CreateReplicationGroup")]);

    let found = second.ensure(message(&json!({}))).await.expect("created");

    assert_eq!(found, waiting("created in ap-southeast-1a", 30));
    let expected = Creation {
        placement: zones(&["ap-southeast-1a"]),
        rejections: rejections(REASON, &[&[]]),
        replaced: true,
        ..creation()
    };
    assert_eq!(second.recorded(), [expected]);
}

#[tokio::test]
async fn creates_in_same_placement_after_other_failure() {
    let accepted_deletion = failed_then(NO_ADDRESSES, accepted("DeleteReplicationGroup"));
    let first = Aws::new(accepted_deletion);
    first.ensure(message(&json!({}))).await.expect("deleted");
    let record = held(first.recorded().first());
    let second = Aws::with_record(&record, [absent(), accepted("CreateReplicationGroup")]);

    let found = second.ensure(message(&json!({}))).await.expect("created");

    assert_eq!(found, waiting("created", 30));
    assert_eq!(second.recorded(), [replaced()]);
}

#[tokio::test]
async fn keeps_failed_creation_when_unrecorded_or_too_late() {
    let recorded = held(Some(&creation()));
    let cases = [
        (
            held(None),
            0,
            "doesn't say that envcache requested it, so it was not changed",
        ),
        (recorded, 3600, "could not be replaced within 60 minutes"),
    ];
    for (record, waited, expected) in cases {
        let aws = Aws::with_record(&record, failed(NO_ADDRESSES));
        let message = with(message(&json!({})), &json!({ "secondsWaited": waited }));

        let error = aws.ensure(message).await.expect_err(expected);

        assert_eq!(error.name(), ErrorName::CreateFailed);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().contains(NO_ADDRESSES), "{error}");
        assert!(aws.elasticache_writes().is_empty(), "{expected}");
    }
}

#[tokio::test]
async fn replaces_again_only_after_lack_of_capacity() {
    for (reason, is_replaced) in [(NO_CAPACITY, true), (NO_ADDRESSES, false)] {
        let aws = Aws::with_record(
            &held(Some(&replaced())),
            failed_then(reason, accepted("DeleteReplicationGroup")),
        );

        let found = aws.ensure(message(&json!({}))).await;

        let failure = found.err().map(|error| error.name());
        let expected = (!is_replaced).then_some(ErrorName::CreateFailed);
        assert_eq!(failure, expected, "{reason}");
        let deletions = aws.elasticache_writes().len();
        assert_eq!(deletions, usize::from(is_replaced), "{reason}");
    }
}

#[tokio::test]
async fn returns_reason_from_events() {
    let addresses = "Insufficient free IP addresses in ap-southeast-1a.";
    // Events of an earlier cache with this ID aren't requested.
    let now = DateTime::from(SystemTime::now());
    let created = now.fmt(DateTimeFormat::DateTime).expect("a date");
    let with_its_creation = |group: String| {
        let time = format!("<ReplicationGroupCreateTime>{created}</ReplicationGroupCreateTime>");
        group.replacen("<Status>", &format!("{time}<Status>"), 1)
    };
    let aws = Aws::with_record(
        &held(Some(&replaced())),
        [
            described("create-failed", with_its_creation),
            events(&[
                ("bandup-redis-001", "older", "2026-11-23T10:00:00.000Z"),
                ("bandup-redis-001", addresses, "2026-11-23T10:05:00.000Z"),
            ]),
            events(&[]),
        ],
    );

    let error = aws
        .ensure(message(&json!({})))
        .await
        .expect_err("create-failed");

    assert_eq!(error.name(), ErrorName::CreateFailed);
    assert!(
        error.to_string().contains(
            "ElastiCache's events: bandup-redis-001: Insufficient free IP addresses in ap-southeast-1a; \
             bandup-redis-001: older. This run replaced it"
        ),
        "the newest message first: {error}"
    );
    let requested: Vec<_> = aws.elasticache.forms()[1..]
        .iter()
        .map(|form| ["SourceType", "SourceIdentifier", "StartTime"].map(|name| form[name].clone()))
        .collect();
    assert_eq!(
        requested,
        [
            ["cache-cluster", "bandup-redis-001", &created],
            ["replication-group", "bandup-redis", &created]
        ],
        "events of the member and of the group, since the creation"
    );
}

#[tokio::test]
async fn returns_create_failed_when_events_give_no_reason() {
    let denied = || Answer::query_fault(403, "AccessDenied", "not authorized");
    let event = ("bandup-redis-001", "no room", "2026-11-23T10:05:00.000Z");
    let cases = [
        (
            vec![events(&[]), events(&[])],
            "The cache's events since its creation give no reason",
        ),
        (
            vec![denied()],
            "The cache's events could not be read (DescribeEvents bandup-redis-001: AccessDenied",
        ),
        (
            vec![events(&[event]), denied()],
            "ElastiCache's events: bandup-redis-001: no room. This run replaced it",
        ),
    ];
    for (answers, expected) in cases {
        let aws = Aws::with_record(
            &held(Some(&replaced())),
            [vec![described("create-failed", same)], answers].concat(),
        );

        let error = aws.ensure(message(&json!({}))).await.expect_err(expected);

        assert_eq!(error.name(), ErrorName::CreateFailed);
        assert!(error.to_string().contains(expected), "{error}");
    }
}
