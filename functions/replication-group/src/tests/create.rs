//! Tests with a group that doesn't exist.

use contract::error::ErrorName;
use record::{Creation, Rejection};
use replay::{Answer, form};
use serde_json::json;

use super::{
    Aws, absent, accepted, creation, described, held, message, rejected, rejections, same, waiting,
    with, zones,
};

const ZONE: &str = "PreferredCacheClusterAZs.AvailabilityZone.1";

#[tokio::test]
async fn creates_group_with_every_field_when_absent() {
    let aws = Aws::new([absent(), accepted("CreateReplicationGroup")]);

    let found = aws.ensure(message(&json!({}))).await.expect("created");

    assert_eq!(found, waiting("created", 30));
    assert_eq!(
        aws.elasticache.forms()[1],
        form([
            ("Action", "CreateReplicationGroup"),
            ("ReplicationGroupId", "bandup-redis"),
            ("ReplicationGroupDescription", "in memory db for bandup"),
            ("Engine", "valkey"),
            ("EngineVersion", "8.2"),
            ("CacheNodeType", "cache.t3.micro"),
            ("ClusterMode", "disabled"),
            ("NumCacheClusters", "1"),
            ("AutomaticFailoverEnabled", "false"),
            ("MultiAZEnabled", "false"),
            ("NetworkType", "ipv4"),
            ("Port", "6379"),
            ("CacheSubnetGroupName", "bandup-cached-subnet-group"),
            ("SecurityGroupIds.SecurityGroupId.1", "sg-0c1b2c3d4e5f60718"),
            ("AtRestEncryptionEnabled", "true"),
            ("AutoMinorVersionUpgrade", "true"),
            ("TransitEncryptionEnabled", "true"),
            ("SnapshotRetentionLimit", "1"),
            ("Tags.Tag.1.Key", "envcache:environment"),
            ("Tags.Tag.1.Value", "bandup"),
            ("Tags.Tag.2.Key", "envcache:stack"),
            ("Tags.Tag.2.Value", "envcache"),
        ]),
        "exactly these fields: no TransitEncryptionMode, no KMS key, no AUTH token"
    );
}

#[tokio::test]
async fn records_creation_in_the_same_round() {
    let aws = Aws::with_record(&held(None), [absent(), accepted("CreateReplicationGroup")]);

    let found = aws.ensure(message(&json!({}))).await.expect("created");

    assert_eq!(found, waiting("created", 30));
    assert_eq!(aws.recorded(), [creation()]);
}

#[tokio::test]
async fn tags_execution_when_rollback_is_requested() {
    let aws = Aws::new([absent(), accepted("CreateReplicationGroup")]);
    let mut message = message(&json!({}));
    message["spec"]["options"] = json!({ "onFailure": "rollback" });

    aws.ensure(message).await.expect("created");

    let request = &aws.elasticache.forms()[1];
    assert_eq!(request["Tags.Tag.3.Key"], "envcache:execution");
    assert_eq!(request["Tags.Tag.3.Value"], "run-1");
}

#[tokio::test]
async fn waits_when_group_already_exists() {
    let exists = Answer::query_fault(
        400,
        "ReplicationGroupAlreadyExists",
        "Replication group bandup-redis already exists.",
    );
    let aws = Aws::new([absent(), exists]);

    let found = aws.ensure(message(&json!({}))).await.expect("it waits");

    assert_eq!(found, waiting("already exists", 30));
}

#[tokio::test]
async fn only_waits_while_group_is_changing() {
    for status in ["creating", "deleting", "snapshotting"] {
        let aws = Aws::new([described(status, same)]);

        let found = aws.ensure(message(&json!({}))).await.expect(status);

        assert_eq!(found, waiting(&format!("found {status}"), 30));
        assert_eq!(
            aws.elasticache.actions(),
            ["DescribeReplicationGroups"],
            "{status}: its tags can't be read, and nothing can be changed"
        );
    }
}

#[tokio::test]
async fn times_out_after_60_minutes_of_waiting() {
    let cases = [
        (absent(), "not there"),
        (described("creating", same), "creating"),
    ];
    for (answer, found) in cases {
        let aws = Aws::new([answer]);
        let late = with(message(&json!({})), &json!({ "secondsWaited": 3600 }));

        let error = aws.ensure(late).await.expect_err(found);

        assert_eq!(error.name(), ErrorName::Timeout);
        let expected = format!("replication group `bandup-redis` is {found} after 60 minutes");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(aws.elasticache_writes().is_empty(), "{found}");
    }
}

#[tokio::test]
async fn rejects_undocumented_status() {
    let aws = Aws::new([described("hibernating", same)]);

    let error = aws.ensure(message(&json!({}))).await.expect_err("unknown");

    assert_eq!(error.name(), ErrorName::UnexpectedStatus);
    assert!(
        error
            .to_string()
            .starts_with("replication group `bandup-redis` is hibernating"),
        "{error}"
    );
    assert_eq!(aws.elasticache.actions(), ["DescribeReplicationGroups"]);
}

#[tokio::test]
async fn returns_not_found_when_security_group_is_not_visible_yet() {
    // AWS documents neither an error code nor a message for this case. The step checks that the message contains the
    // group's ID.
    let aws = Aws::new([
        absent(),
        Answer::query_fault(
            400,
            "InvalidParameterValue",
            "Some security group ids are invalid: sg-0c1b2c3d4e5f60718",
        ),
    ]);

    let error = aws
        .ensure(message(&json!({})))
        .await
        .expect_err("not visible yet");

    assert_eq!(error.name(), ErrorName::NotFound, "{error}");
}

#[tokio::test]
async fn returns_aws_error_when_creation_is_rejected() {
    let cases = [
        ("NodeQuotaForCustomerExceeded", ErrorName::QuotaExceeded),
        ("CacheSubnetGroupNotFoundFault", ErrorName::NotFound),
        ("InvalidParameterCombination", ErrorName::InvalidSpec),
        ("Throttling", ErrorName::Throttled),
        ("AccessDenied", ErrorName::AccessDenied),
        ("ServiceLinkedRoleNotFoundFault", ErrorName::AccessDenied),
    ];
    for (code, expected) in cases {
        let aws = Aws::new([absent(), rejected(code)]);

        let error = aws.ensure(message(&json!({}))).await.expect_err(code);

        assert_eq!(error.name(), expected, "{code}");
        assert!(
            error.to_string().starts_with(&format!(
                "CreateReplicationGroup bandup-redis: {code}: AWS's message."
            )),
            "{error}"
        );
    }
}

/// Returns the error with the message of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html>.
fn no_capacity() -> Answer {
    Answer::query_fault(400, CODE, MESSAGE)
}

const CODE: &str = "InsufficientCacheClusterCapacity";
const MESSAGE: &str =
    "The requested cache node type is not available in the specified Availability Zone.";

#[tokio::test]
async fn tries_each_placement_once_when_capacity_is_lacking() {
    let attempts = [
        (None, "zones chosen by ElastiCache"),
        (Some("ap-southeast-1a"), "ap-southeast-1a"),
        (Some("ap-southeast-1b"), "ap-southeast-1b"),
    ];
    let mut record = held(None);
    let mut tried = Vec::new();
    for (zone, placement) in attempts {
        let reason = format!("{CODE}: {}", MESSAGE.trim_end_matches('.'));
        let outcome = &format!("AWS rejected {placement}: {reason}");
        let aws = Aws::with_record(&record, [absent(), no_capacity()]);

        let found = aws.ensure(message(&json!({}))).await.expect(outcome);

        assert_eq!(found, waiting(outcome, 30));
        let requested = aws.elasticache.forms()[1].get(ZONE).cloned();
        assert_eq!(requested.as_deref(), zone, "{outcome}");
        let before = Creation {
            placement: zone.into_iter().map(str::to_owned).collect(),
            rejections: tried.clone(),
            ..creation()
        };
        tried.push(Rejection {
            placement: before.placement.clone(),
            reason,
        });
        let after = Creation {
            rejections: tried.clone(),
            ..before.clone()
        };
        assert_eq!(aws.recorded(), [before, after.clone()], "{outcome}");
        record = held(Some(&after));
    }

    let aws = Aws::with_record(&record, [absent()]);
    let error = aws
        .ensure(message(&json!({})))
        .await
        .expect_err("no placement is left");

    assert_eq!(error.name(), ErrorName::InsufficientCapacity);
    for placement in [
        "zones chosen by ElastiCache",
        "ap-southeast-1a",
        "ap-southeast-1b",
    ] {
        let quoted = format!("{placement} ({CODE}: The requested cache node type is not available");
        assert!(error.to_string().contains(&quoted), "{error}");
    }
    assert_eq!(aws.elasticache.actions(), ["DescribeReplicationGroups"]);
    assert!(aws.record_writes().is_empty());
}

#[tokio::test]
async fn requests_zones_when_elasticache_does_not_choose_them() {
    let recorded = Creation {
        rejections: rejections(CODE, &[&[]]),
        ..creation()
    };
    let aws = Aws::with_record(
        &held(Some(&recorded)),
        [absent(), accepted("CreateReplicationGroup")],
    );

    let found = aws.ensure(message(&json!({}))).await.expect("created");

    assert_eq!(found, waiting("created in ap-southeast-1a", 30));
    assert_eq!(aws.elasticache.forms()[1][ZONE], "ap-southeast-1a");
    let expected = Creation {
        placement: zones(&["ap-southeast-1a"]),
        ..recorded
    };
    assert_eq!(aws.recorded(), [expected]);
}
