//! Tests of a removal.

use aws_sdk_elasticache::Client;
use contract::error::{ErrorName, StepResult};
use replay::elasticache::list_tags_for_resource;
use replay::{Answer, Replay, form, owner_tags};
use serde_json::{Value, json};

use super::{absent, accepted, described, member, owned, owned_by, rejected, same, with};
use crate::delete;

/// Runs `DeleteReplicationGroup` with these answers and these fields of its message.
async fn deleted(replay: &Replay, changes: &Value) -> StepResult<Value> {
    let message = json!({
        "environment": "bandup",
        "execution": "run-1",
        "plan": false,
        "cacheName": "bandup-redis",
        "creationRecorded": true,
        "finalSnapshot": null,
        "secondsWaited": 0,
        "createdBy": null,
    });
    let input = serde_json::from_value(with(message, changes)).expect("the state's message");
    let found = delete(&Client::new(&replay.config()), "envcache", input).await?;
    Ok(serde_json::to_value(found).expect("JSON"))
}

#[tokio::test]
async fn deletes_failed_creation_without_final_snapshot() {
    let replay = Replay::new([
        described("create-failed", same),
        accepted("DeleteReplicationGroup"),
    ]);

    let found = deleted(&replay, &json!({ "finalSnapshot": "last" })).await;

    assert_eq!(
        found.expect("deleted"),
        json!({ "status": "waiting", "outcome": "deleted", "waitSeconds": 30 }),
    );
    assert_eq!(
        replay.forms()[1],
        form([
            ("Action", "DeleteReplicationGroup"),
            ("ReplicationGroupId", "bandup-redis"),
        ])
    );
}

#[tokio::test]
async fn creates_final_snapshot_only_when_requested() {
    let mut with_snapshot = form([
        ("Action", "DeleteReplicationGroup"),
        ("ReplicationGroupId", "bandup-redis"),
    ]);
    let without_snapshot = with_snapshot.clone();
    let name = "bandup-redis-final-1";
    with_snapshot.insert("FinalSnapshotIdentifier".to_owned(), name.to_owned());
    let cases = [
        (json!(name), with_snapshot),
        (Value::Null, without_snapshot),
    ];
    for (snapshot, expected) in cases {
        let replay = Replay::new([
            described("available", same),
            owned(),
            accepted("DeleteReplicationGroup"),
        ]);

        let found = deleted(&replay, &json!({ "finalSnapshot": snapshot })).await;

        assert_eq!(found.expect("deleted")["status"], "waiting", "{snapshot}");
        assert_eq!(replay.forms()[2], expected, "{snapshot}");
    }
}

#[tokio::test]
async fn reports_final_snapshot_only_when_it_exists() {
    // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeSnapshots.html
    let found = Answer::ok(
        "<DescribeSnapshotsResponse><DescribeSnapshotsResult><Snapshots><Snapshot>\
         <SnapshotName>last</SnapshotName><SnapshotStatus>available</SnapshotStatus>\
         </Snapshot></Snapshots></DescribeSnapshotsResult></DescribeSnapshotsResponse>",
    );
    let missing = Answer::query_fault(404, "SnapshotNotFoundFault", "last is not found.");
    for (answer, expected) in [(found, json!("last")), (missing, Value::Null)] {
        let replay = Replay::new([absent(), answer]);

        let found = deleted(&replay, &json!({ "finalSnapshot": "last" })).await;

        let found = found.expect("absent");
        assert_eq!(found["status"], "absent");
        assert_eq!(found["finalSnapshot"], expected);
        assert_eq!(
            replay.forms()[1],
            form([("Action", "DescribeSnapshots"), ("SnapshotName", "last")])
        );
    }
}

#[tokio::test]
async fn succeeds_when_group_is_absent_or_deleting() {
    let failed = || described("create-failed", same);
    let cases = [
        (vec![absent()], "absent", "not there"),
        (
            vec![described("deleting", same)],
            "waiting",
            "found deleting",
        ),
        (
            vec![failed(), rejected("ReplicationGroupNotFoundFault")],
            "absent",
            "not there",
        ),
        (
            vec![failed(), rejected("InvalidReplicationGroupState")],
            "waiting",
            "not deletable yet",
        ),
        // Another run or a user deletes the group after it was described.
        (
            vec![described("available", same), absent()],
            "absent",
            "not there",
        ),
    ];
    for (answers, status, outcome) in cases {
        let found = deleted(&Replay::new(answers), &json!({})).await;

        let found = found.expect(outcome);
        assert_eq!(found["status"], status, "{found}");
        assert_eq!(found["outcome"], outcome, "{found}");
    }
}

#[tokio::test]
async fn waits_up_to_60_minutes_while_group_is_changing() {
    let changing = || {
        vec![
            described("available", same),
            rejected("InvalidReplicationGroupState"),
        ]
    };
    let modifying = |status: &str| {
        let member = member(|body| body.replace(">available<", &format!(">{status}<")));
        vec![described("modifying", same), member]
    };
    let cases = ["creating", "deleting", "snapshotting"]
        .map(|status| (vec![described(status, same)], status))
        .into_iter()
        .chain([
            (changing(), "changing"),
            (modifying("creating"), "modifying"),
            (
                modifying("restore-failed"),
                "modifying (bandup-redis-001 is restore-failed)",
            ),
        ]);
    for (answers, found) in cases {
        let waits = deleted(&Replay::new(answers.clone()), &json!({})).await;
        let late = deleted(&Replay::new(answers), &json!({ "secondsWaited": 3600 })).await;

        let waits = waits.expect(found);
        assert_eq!(waits["status"], "waiting", "{waits}");
        assert_eq!(waits["outcome"], format!("found {found}"));
        let error = late.expect_err("60 minutes are over");
        assert_eq!(error.name(), ErrorName::Timeout, "{error}");
        assert!(error.to_string().contains(found), "{error}");
    }
}

#[tokio::test]
async fn keeps_unowned_group_and_reports_reason() {
    let cases = [
        (
            vec![described("available", same), owned_by("another-stack")],
            "replication group bandup-redis doesn't have this stack's tags",
        ),
        (
            vec![described("create-failed", same)],
            "replication group bandup-redis is create-failed, and the environment's record doesn't say that envcache \
             requested it",
        ),
    ];
    for (answers, left) in cases {
        let replay = Replay::new(answers);

        let found = deleted(&replay, &json!({ "creationRecorded": false })).await;

        assert_eq!(
            found.expect(left),
            json!({ "status": "notOwned", "left": [left] })
        );
    }
}

#[tokio::test]
async fn rollback_deletes_only_group_created_by_failed_run() {
    let created_by = |execution: &str| {
        list_tags_for_resource(&owner_tags(
            "envcache",
            &[("envcache:execution", execution)],
        ))
    };
    let left = json!({
        "status": "notOwned",
        "left": ["replication group bandup-redis was not created by the failed run"]
    });
    let deleting = json!({ "status": "waiting", "outcome": "deleted", "waitSeconds": 30 });
    let cases = [
        (owned(), &left),
        (created_by("run-0"), &left),
        (created_by("failed-run"), &deleting),
    ];
    for (tags, expected) in cases {
        let replay = Replay::new([
            described("available", same),
            tags,
            accepted("DeleteReplicationGroup"),
        ]);

        let found = deleted(&replay, &json!({ "createdBy": "failed-run" })).await;

        assert_eq!(found.expect("an output"), *expected);
        let is_deleted = replay.actions().len() == 3;
        assert_eq!(is_deleted, *expected == deleting);
    }
}

/// Returns the described group as a member of a global datastore:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_GlobalReplicationGroupInfo.html>.
fn in_global_datastore(role: &str) -> Answer {
    let info = format!(
        "<GlobalReplicationGroupInfo><GlobalReplicationGroupId>sgaui-sessions</GlobalReplicationGroupId>\
         <GlobalReplicationGroupMemberRole>{role}</GlobalReplicationGroupMemberRole></GlobalReplicationGroupInfo>"
    );
    described("available", |group| {
        group.replacen("<Status>", &format!("{info}<Status>"), 1)
    })
}

#[tokio::test]
async fn plan_rejects_owned_member_of_global_datastore() {
    let unreadable = || rejected("InvalidReplicationGroupState");
    for (role, text, tags) in [
        ("PRIMARY", "the primary member", owned()),
        ("SECONDARY", "a secondary member", owned()),
        // A group whose tags can't be read may be owned.
        ("SECONDARY", "a secondary member", unreadable()),
    ] {
        let replay = Replay::new([in_global_datastore(role), tags]);

        let error = deleted(&replay, &json!({ "plan": true }))
            .await
            .expect_err(role);

        assert_eq!(error.name(), ErrorName::InUse);
        let expected = format!(
            "replication group `bandup-redis` can't be deleted: it is {text} of the global datastore `sgaui-sessions`. \
             Nothing was removed"
        );
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

#[tokio::test]
async fn plan_allows_what_may_become_deletable_or_stays() {
    let cases = [
        ("available", vec![described("available", same)]),
        ("modifying", vec![described("modifying", same)]),
        ("creating", vec![described("creating", same)]),
        ("absent", vec![absent()]),
        (
            "not owned",
            vec![in_global_datastore("PRIMARY"), owned_by("another")],
        ),
        (
            "deleted in the meantime",
            vec![
                in_global_datastore("PRIMARY"),
                rejected("ReplicationGroupNotFoundFault"),
            ],
        ),
    ];
    for (case, answers) in cases {
        let calls = answers.len();
        let replay = Replay::new(answers);

        let found = deleted(&replay, &json!({ "plan": true })).await;

        assert_eq!(found.expect(case), json!({ "status": "possible" }));
        assert_eq!(replay.actions().len(), calls, "{case}");
    }
}

#[tokio::test]
async fn plan_of_rollback_allows_cache_of_another_run() {
    let replay = Replay::new([in_global_datastore("PRIMARY"), owned()]);
    let rollback = json!({ "plan": true, "createdBy": "failed-run" });

    let found = deleted(&replay, &rollback).await;

    assert_eq!(found.expect("a plan"), json!({ "status": "possible" }));
}

#[tokio::test]
async fn group_that_joined_global_datastore_is_in_use() {
    // The message of https://github.com/cloud-custodian/cloud-custodian/issues/8815.
    let message =
        "Cluster [bandup-redis] is part of a global cluster [sgaui-sessions]. Request rejected.";
    let replay = Replay::new([
        described("available", same),
        owned(),
        Answer::query_fault(400, "InvalidParameterValue", message),
    ]);

    let error = deleted(&replay, &json!({})).await.expect_err("in use");

    assert_eq!(error.name(), ErrorName::InUse);
    assert!(error.to_string().contains(message), "{error}");
}

#[tokio::test]
async fn deletes_nothing_when_status_is_undocumented() {
    let replay = Replay::new([described("hibernating", same)]);

    let error = deleted(&replay, &json!({})).await.expect_err("unknown");

    assert_eq!(error.name(), ErrorName::UnexpectedStatus);
    assert_eq!(replay.actions(), ["DescribeReplicationGroups"]);
}

#[tokio::test]
async fn returns_aws_error_when_deletion_is_rejected() {
    let replay = Replay::new([described("create-failed", same), rejected("AccessDenied")]);

    let error = deleted(&replay, &json!({})).await.expect_err("denied");

    assert_eq!(error.name(), ErrorName::AccessDenied);
    assert!(
        error
            .to_string()
            .starts_with("DeleteReplicationGroup bandup-redis: AccessDenied"),
        "{error}"
    );
}
