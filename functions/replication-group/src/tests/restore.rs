//! Tests of restores.

use contract::error::ErrorName;
use replay::Answer;
use replay::dynamodb::get_item;
use serde_json::{Value, json};

use super::{
    Aws, absent, accepted, creation, described, events, held, member, message, no_cluster, owned,
    rejected, same, taken_over, with,
};

const NAME: &str = "bandup-redis-final-1795341600000";
const SOURCE: &str = r#"{"snapshot":"bandup-redis-final-1795341600000"}"#;
const FILE: &str = "arn:aws:s3:::backups/sessions.rdb";

/// Returns the message of a request that names the snapshot, with these cache settings.
fn restoring(cache: &Value) -> Value {
    let mut cache = cache.clone();
    cache["restoreFrom"] = json!({ "snapshot": NAME });
    message(&cache)
}

/// Returns the message to `PlanReplicationGroup`.
fn plan(message: Value) -> Value {
    with(message, &json!({ "plan": true }))
}

/// Returns a response in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeSnapshots.html>, with these changes to a
/// snapshot of a cache without cluster mode.
fn snapshot(changes: &[(&str, &str)]) -> Answer {
    let body = format!(
        "<DescribeSnapshotsResponse><DescribeSnapshotsResult><Snapshots><Snapshot>\
         <SnapshotName>{NAME}</SnapshotName><SnapshotStatus>available</SnapshotStatus>\
         <SnapshotSource>manual</SnapshotSource><ReplicationGroupId>bandup-redis</ReplicationGroupId>\
         <CacheNodeType>cache.t3.micro</CacheNodeType><Engine>valkey</Engine><EngineVersion>8.0.1</EngineVersion>\
         <NumNodeGroups>1</NumNodeGroups><DataTiering>disabled</DataTiering>\
         </Snapshot></Snapshots></DescribeSnapshotsResult></DescribeSnapshotsResponse>"
    );
    Answer::ok(changes.iter().fold(body, |body, (from, to)| {
        assert!(body.contains(from), "no {from}");
        body.replace(from, to)
    }))
}

fn no_snapshot() -> Answer {
    Answer::query_fault(
        404,
        "SnapshotNotFoundFault",
        &format!("{NAME} is either not present or not available."),
    )
}

/// Returns the record of an environment whose cache was restored from the snapshot.
fn restored() -> Value {
    with(held(None), &json!({ "restoredFrom": SOURCE }))
}

#[tokio::test]
async fn creates_cache_from_snapshot_or_files() {
    let files = message(&json!({ "restoreFrom": { "files": [FILE] } }));
    let create = || accepted("CreateReplicationGroup");
    let cases = [
        (
            restoring(&json!({})),
            vec![absent(), snapshot(&[]), create()],
            ("SnapshotName", NAME),
        ),
        (
            files,
            vec![absent(), create()],
            ("SnapshotArns.SnapshotArn.1", FILE),
        ),
    ];
    for (message, answers, (parameter, value)) in cases {
        let aws = Aws::new(answers);

        aws.ensure(message).await.expect("created");

        let forms = aws.elasticache.forms();
        let created = forms.last().expect("the creation");
        assert_eq!(created["Action"], "CreateReplicationGroup");
        assert_eq!(created[parameter], value);
        assert_eq!(created["CacheParameterGroupName"], "default.valkey8");
    }
}

#[tokio::test]
async fn plan_shows_the_source() {
    let aws = Aws::new([absent(), snapshot(&[]), no_cluster()]);

    let found = aws.ensure(plan(restoring(&json!({})))).await;

    let found = serde_json::to_value(found.expect("a plan")).expect("JSON");
    let expected = json!({ "field": "cache.restoreFrom", "found": null, "wanted": SOURCE });
    let changes = found["actions"][0]["changes"].as_array().expect("changes");
    assert!(changes.contains(&expected), "{found}");
}

#[tokio::test]
async fn rejects_snapshot_that_does_not_fit() {
    let status = |status| ("<SnapshotStatus>available", status);
    let durability = |element| ("<DataTiering>disabled</DataTiering>", element);
    let version = [("8.0.1", "9.0.0")];
    let cases = [
        (
            vec![status("<SnapshotStatus>creating")],
            json!({}),
            "its status is creating",
        ),
        (
            vec![status("<SnapshotStatus>deleting")],
            json!({}),
            "its status is deleting",
        ),
        (
            vec![("<Engine>valkey", "<Engine>memcached")],
            json!({}),
            "its engine is memcached",
        ),
        (
            vec![("<NumNodeGroups>1", "<NumNodeGroups>3")],
            json!({}),
            "it has 3 shards",
        ),
        (
            vec![durability("<Durability>sync</Durability>")],
            json!({}),
            "it has durability",
        ),
        (
            vec![durability("<Durability>async</Durability>")],
            json!({}),
            "it has durability",
        ),
        (
            vec![durability("<Durability>disabled</Durability>")],
            json!({}),
            "",
        ),
        (
            vec![("<DataTiering>disabled", "<DataTiering>enabled")],
            json!({}),
            "it has data tiering, and `cache.t3.micro` doesn't",
        ),
        (
            version.to_vec(),
            json!({}),
            "it is of Valkey 9.0, whose files Valkey 8.2 can't read",
        ),
        (version.to_vec(), json!({ "engineVersion": "9.0" }), ""),
        (
            vec![("<DataTiering>disabled", "<DataTiering>enabled")],
            json!({ "nodeType": "cache.r6gd.xlarge" }),
            "",
        ),
        (vec![status("<SnapshotStatus>restoring")], json!({}), ""),
        (
            vec![("<Engine>valkey", "<Engine>redis"), ("8.0.1", "7.1.0")],
            json!({}),
            "",
        ),
    ];
    for (changes, cache, problem) in cases {
        let aws = Aws::new([absent(), snapshot(&changes), no_cluster()]);

        let found = aws.ensure(plan(restoring(&cache))).await;

        match found {
            Ok(_) => assert_eq!(problem, "", "{changes:?}"),
            Err(error) => {
                assert_eq!(error.name(), ErrorName::InvalidSpec);
                let text = error.to_string();
                assert!(text.starts_with(&format!("DescribeSnapshots {NAME}: ")));
                assert!(!problem.is_empty() && text.contains(problem), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn snapshot_that_does_not_exist_is_not_found() {
    for is_plan in [true, false] {
        let aws = Aws::new([absent(), no_snapshot()]);
        let message = with(restoring(&json!({})), &json!({ "plan": is_plan }));

        let error = aws.ensure(message).await.expect_err("no snapshot");

        assert_eq!(error.name(), ErrorName::NotFound);
        assert!(error.to_string().contains("no such snapshot"), "{error}");
        assert!(aws.record_writes().is_empty());
    }
}

#[tokio::test]
async fn reports_rejection_of_the_source() {
    let files = || message(&json!({ "restoreFrom": { "files": [FILE] } }));
    let cases = [
        (
            files(),
            vec![absent()],
            Answer::query_fault(
                400,
                "InvalidParameterValue",
                "Unable to fetch metadata from S3.",
            ),
            ErrorName::InvalidSpec,
            "can be read by ElastiCache",
        ),
        (
            restoring(&json!({})),
            vec![absent(), snapshot(&[])],
            rejected("SnapshotNotFoundFault"),
            ErrorName::NotFound,
            "Check that the snapshot of cache.restoreFrom exists",
        ),
        (
            restoring(&json!({})),
            vec![absent(), snapshot(&[])],
            rejected("InvalidSnapshotState"),
            ErrorName::InvalidSpec,
            "is available",
        ),
    ];
    for (message, mut answers, answer, name, remedy) in cases {
        answers.push(answer);

        let error = Aws::new(answers).ensure(message).await;

        let error = error.expect_err("AWS rejected it");
        assert_eq!(error.name(), name, "{error}");
        let text = error.to_string();
        assert!(text.contains("The cache was not created. "), "{text}");
        assert!(text.contains(remedy), "{text}");
    }
}

/// Any other rejection isn't one of the source.
#[tokio::test]
async fn other_rejection_is_reported_without_the_source() {
    let invalid = Answer::query_fault(400, "InvalidParameterValue", "Invalid node type.");
    let aws = Aws::new([absent(), snapshot(&[]), invalid]);

    let error = aws.ensure(restoring(&json!({}))).await;

    let text = error.expect_err("AWS rejected it").to_string();
    assert!(!text.contains("cache.restoreFrom"), "{text}");
}

#[tokio::test]
async fn existing_cache_ignores_the_source_which_is_recorded() {
    let available = || [described("available", same), owned(), member(same)];
    let source = Some(SOURCE);
    let cases = [
        (held(None), restoring(&json!({})), source, 1),
        (restored(), restoring(&json!({})), None, 0),
        (restored(), message(&json!({})), None, 1),
        (held(None), message(&json!({})), None, 0),
    ];
    for (record, message, expected, writes) in cases {
        let aws = Aws::with_record(&record, available());

        let found = aws.ensure(message).await.expect("a round");

        let found = serde_json::to_value(found).expect("JSON");
        assert_eq!(found["status"], "upToDate", "{found}");
        let recorded = aws.record_writes();
        assert_eq!(recorded.len(), writes, "{recorded:?}");
        if let Some(write) = recorded.first() {
            let value = &write["ExpressionAttributeValues"][":restoredFrom"]["S"];
            assert_eq!(value.as_str(), expected, "{write}");
            let update = write["UpdateExpression"].as_str().expect("an update");
            assert!(update.contains("restoredFrom"), "{update}");
        }
    }
}

#[tokio::test]
async fn plan_does_not_record_the_source() {
    let aws = Aws::new([described("available", same), owned(), member(same)]);

    aws.ensure(plan(restoring(&json!({}))))
        .await
        .expect("a plan");

    assert!(aws.record_writes().is_empty());
}

#[tokio::test]
async fn stops_when_the_claim_is_lost_before_the_source_is_recorded() {
    let aws = Aws::answering(
        [described("available", same), owned(), member(same)],
        [get_item(&held(None)), taken_over()],
    );

    let found = aws.ensure(restoring(&json!({}))).await.expect("a round");

    let found = serde_json::to_value(found).expect("JSON");
    assert_eq!(found["status"], "claimLost", "{found}");
}

#[tokio::test]
async fn disappeared_cache_is_not_restored_from_the_same_source() {
    for is_plan in [true, false] {
        let aws = Aws::with_record(&restored(), [absent()]);
        let message = with(restoring(&json!({})), &json!({ "plan": is_plan }));

        let error = aws.ensure(message).await.expect_err("old data");

        assert_eq!(error.name(), ErrorName::Immutable);
        let text = error.to_string();
        for expected in [SOURCE, "Remove cache.restoreFrom for an empty cache"] {
            assert!(text.contains(expected), "{text}");
        }
        assert!(aws.elasticache_writes().is_empty());
    }
}

#[tokio::test]
async fn disappeared_cache_is_created_empty_or_from_another_source() {
    let create = || accepted("CreateReplicationGroup");
    let other = message(&json!({ "restoreFrom": { "files": [FILE] } }));
    for message in [other, message(&json!({}))] {
        let aws = Aws::with_record(&restored(), [absent(), create()]);

        aws.ensure(message).await.expect("created");

        assert_eq!(aws.elasticache_writes(), ["CreateReplicationGroup"]);
    }
}

#[tokio::test]
async fn failed_restore_is_replaced_and_restored_again() {
    let failed = [
        described("create-failed", same),
        events(&[]),
        events(&[]),
        snapshot(&[("<SnapshotStatus>available", "<SnapshotStatus>restoring")]),
        accepted("DeleteReplicationGroup"),
    ];
    let deleting = Aws::new(failed);
    deleting
        .ensure(restoring(&json!({})))
        .await
        .expect("deleted");
    let recorded = deleting.recorded().remove(0);

    let create = accepted("CreateReplicationGroup");
    let creating = Aws::with_record(&held(Some(&recorded)), [absent(), snapshot(&[]), create]);
    creating
        .ensure(restoring(&json!({})))
        .await
        .expect("created");

    assert_eq!(recorded.execution, creation().execution);
    assert_eq!(creating.elasticache.forms()[2]["SnapshotName"], NAME);
}

#[tokio::test]
async fn waits_for_a_restore_up_to_2_hours() {
    for (waited, is_late) in [(3600, false), (7200, true)] {
        let aws = Aws::new([described("creating", same)]);
        let message = with(restoring(&json!({})), &json!({ "secondsWaited": waited }));

        let found = aws.ensure(message).await;

        assert_eq!(found.is_err(), is_late, "{waited}: {found:?}");
        if let Err(error) = found {
            assert_eq!(error.name(), ErrorName::Timeout);
            assert!(error.to_string().contains("after 120 minutes"), "{error}");
        }
    }
}
