//! Tests of the poll.

use aws_sdk_elasticache::Client;
use contract::error::{ErrorName, StepResult};
use contract::message::CheckReplicationGroupOutput;
use replay::{Answer, Replay, form};
use serde_json::json;

use super::{absent, described, rejected, same};
use crate::check;

/// Runs `CheckReplicationGroup` with one answer, after `waited` seconds.
async fn checked(answer: Answer, waited: u32) -> StepResult<CheckReplicationGroupOutput> {
    checked_while_restoring(answer, waited, false).await
}

/// Does the same for a request that may restore data.
async fn checked_while_restoring(
    answer: Answer,
    waited: u32,
    restores: bool,
) -> StepResult<CheckReplicationGroupOutput> {
    let replay = Replay::new([answer]);
    let message = json!({
        "environment": "bandup",
        "execution": "run-1",
        "cacheName": "bandup-redis",
        "restores": restores,
        "secondsWaited": waited,
    });
    let input = serde_json::from_value(message).expect("the state's message");
    let found = check(&Client::new(&replay.config()), input).await;
    assert_eq!(
        replay.forms(),
        [form([
            ("Action", "DescribeReplicationGroups"),
            ("ReplicationGroupId", "bandup-redis"),
        ])],
        "a check describes the group once"
    );
    found
}

#[tokio::test]
async fn returns_pending_while_group_is_changing() {
    for status in ["creating", "deleting", "snapshotting"] {
        let found = checked(described(status, same), 320).await.expect(status);

        assert_eq!(
            found,
            CheckReplicationGroupOutput::Pending {
                found: status.to_owned(),
                wait_seconds: 7
            }
        );
    }
}

#[tokio::test]
async fn returns_ready_for_other_statuses_even_after_60_minutes() {
    let without_status = |body: String| body.replacen("<Status>any</Status>", "", 1);
    let cases = [
        (absent(), "not there"),
        (described("available", same), "available"),
        // Only EnsureReplicationGroup checks the members.
        (described("modifying", same), "modifying"),
        (described("create-failed", same), "create-failed"),
        (described("hibernating", same), "hibernating"),
        (described("any", without_status), "without a status"),
    ];
    for (answer, status) in cases {
        for waited in [0, 3600] {
            let found = checked(answer.clone(), waited).await.expect(status);

            assert_eq!(
                found,
                CheckReplicationGroupOutput::Ready {
                    found: status.to_owned()
                },
                "after {waited} seconds"
            );
        }
    }
}

#[tokio::test]
async fn times_out_when_pending_for_60_minutes() {
    let error = checked(described("creating", same), 3600)
        .await
        .expect_err("60 minutes are over");

    assert_eq!(error.name(), ErrorName::Timeout);
    assert!(
        error
            .to_string()
            .starts_with("replication group `bandup-redis` is creating"),
        "{error}"
    );
}

#[tokio::test]
async fn returns_aws_error_when_check_is_rejected() {
    let error = checked(rejected("Throttling"), 0)
        .await
        .expect_err("throttled");

    assert_eq!(error.name(), ErrorName::Throttled);
    assert!(
        error
            .to_string()
            .starts_with("DescribeReplicationGroups bandup-redis: Throttling"),
        "{error}"
    );
}

#[tokio::test]
async fn waits_for_a_restore_up_to_2_hours() {
    let creating = || described("creating", same);

    let pending = checked_while_restoring(creating(), 3600, true).await;
    let late = checked_while_restoring(creating(), 7200, true).await;

    assert_eq!(
        pending.expect("the restore may take longer"),
        CheckReplicationGroupOutput::Pending {
            found: "creating".to_owned(),
            wait_seconds: 30
        }
    );
    let error = late.expect_err("2 hours are over");
    assert_eq!(error.name(), ErrorName::Timeout);
    assert!(error.to_string().contains("after 120 minutes"), "{error}");
}
