//! Tests of the deletion.

use aws_sdk_elasticache::Client;
use contract::error::{ErrorName, StepResult};
use contract::message::DeleteOutput;
use replay::elasticache::{accepted, list_tags_for_resource, owned_by};
use replay::{Answer, Replay, form, owner_tags};
use serde_json::{Value, json};

use super::{DESCRIPTION, groups, own, writes};
use crate::delete;

/// Returns `DeleteParameterGroup`'s message for a removal, with these fields changed.
fn message(changes: &Value) -> Value {
    let mut message = json!({
        "environment": "bandup",
        "execution": "run-1",
        "cacheName": "bandup-redis",
        "parameterGroups": null,
        "secondsWaited": 0,
        "createdBy": null,
    });
    for (field, value) in changes.as_object().into_iter().flatten() {
        message[field] = value.clone();
    }
    message
}

async fn deleted(replay: &Replay, changes: &Value) -> StepResult<DeleteOutput> {
    let client = Client::new(&replay.config());
    let message = serde_json::from_value(message(changes)).expect("the state's message");
    delete(&client, "envcache", message).await
}

/// Returns ElastiCache's answer for a group that a cache uses:
/// <https://github.com/aws-controllers-k8s/community/issues/2004>.
fn in_use() -> Answer {
    Answer::query_fault(
        400,
        "InvalidCacheParameterGroupState",
        "One or more cache clusters are still members of this parameter group bandup-redis-valkey8, so the group cannot be deleted.",
    )
}

#[tokio::test]
async fn deletes_only_owned_groups() {
    let removed = || accepted("DeleteCacheParameterGroup");
    let gone = || Answer::query_fault(404, "CacheParameterGroupNotFound", "not found");
    let absent_as = |outcome: &str| json!({ "status": "absent", "outcome": outcome });
    let left = "cache parameter group bandup-redis-valkey8 doesn't have this stack's tags";
    let cases = [
        (vec![groups(&[])], absent_as("not there")),
        (
            vec![own(), owned_by("envcache"), removed()],
            absent_as("deleted"),
        ),
        (
            vec![own(), owned_by("envcache"), gone()],
            absent_as("not there"),
        ),
        (vec![own(), gone()], absent_as("not there")),
        (
            vec![own(), owned_by("another-stack")],
            json!({ "status": "notOwned", "left": [left] }),
        ),
        // Another stack's environment of the same name has the description too.
        (
            vec![
                groups(&[("other-valkey8", DESCRIPTION)]),
                owned_by("another-stack"),
            ],
            absent_as("not there"),
        ),
    ];
    for (answers, expected) in cases {
        let found = deleted(&Replay::new(answers), &json!({})).await;

        let found = serde_json::to_value(found.expect("no error")).expect("JSON");
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn deletes_all_groups_of_the_environment_or_the_named_ones() {
    let all = || {
        groups(&[
            ("bandup-redis-valkey7", DESCRIPTION),
            ("bandup-redis-valkey8", DESCRIPTION),
        ])
    };
    let removed = || accepted("DeleteCacheParameterGroup");
    let removal = Replay::new([
        all(),
        owned_by("envcache"),
        removed(),
        owned_by("envcache"),
        removed(),
    ]);
    let update = Replay::new([all(), owned_by("envcache"), removed()]);

    deleted(&removal, &json!({})).await.expect("deleted");
    let former = json!({ "parameterGroups": ["bandup-redis-valkey7"], "secondsWaited": null });
    deleted(&update, &former).await.expect("deleted");

    assert_eq!(writes(&removal), ["DeleteCacheParameterGroup"; 2]);
    assert_eq!(
        update.forms()[2],
        form([
            ("Action", "DeleteCacheParameterGroup"),
            ("CacheParameterGroupName", "bandup-redis-valkey7"),
        ])
    );
}

#[tokio::test]
async fn rollback_deletes_only_what_its_run_created() {
    let created_by =
        |run: &str| list_tags_for_resource(&owner_tags("envcache", &[("envcache:execution", run)]));
    let rollback = json!({ "createdBy": "run-1" });
    let own_run = Replay::new([
        own(),
        created_by("run-1"),
        accepted("DeleteCacheParameterGroup"),
    ]);
    let other_run = Replay::new([own(), created_by("run-0")]);

    deleted(&own_run, &rollback).await.expect("deleted");
    let kept = deleted(&other_run, &rollback).await.expect("kept");

    assert_eq!(writes(&own_run), ["DeleteCacheParameterGroup"]);
    let left = "cache parameter group bandup-redis-valkey8 was not created by the failed run";
    assert_eq!(
        kept,
        DeleteOutput::NotOwned {
            left: vec![left.to_owned()]
        }
    );
}

#[tokio::test]
async fn group_in_use_is_waited_for_in_a_removal_and_an_error_in_an_update() {
    let answers = || [own(), owned_by("envcache"), in_use()];

    let waits = deleted(&Replay::new(answers()), &json!({})).await;
    let over = deleted(&Replay::new(answers()), &json!({ "secondsWaited": 900 })).await;
    let update = deleted(&Replay::new(answers()), &json!({ "secondsWaited": null })).await;

    let waits = waits.expect("it waits");
    assert!(
        matches!(
            waits,
            DeleteOutput::Waiting {
                wait_seconds: 15,
                ..
            }
        ),
        "{waits:?}"
    );
    for error in [over, update].map(|found| found.expect_err("in use")) {
        assert_eq!(error.name(), ErrorName::InUse);
        let expected = "cache parameter group bandup-redis-valkey8 is still in use";
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn group_in_use_does_not_prevent_the_deletion_of_others() {
    let replay = Replay::new([
        groups(&[
            ("bandup-redis-valkey7", DESCRIPTION),
            ("bandup-redis-valkey8", DESCRIPTION),
            ("bandup-redis-valkey9", DESCRIPTION),
        ]),
        owned_by("envcache"),
        in_use(),
        owned_by("envcache"),
        accepted("DeleteCacheParameterGroup"),
        owned_by("envcache"),
        in_use(),
    ]);

    let error = deleted(&replay, &json!({ "secondsWaited": null })).await;

    assert_eq!(error.expect_err("in use").name(), ErrorName::InUse);
    assert_eq!(writes(&replay), ["DeleteCacheParameterGroup"; 3]);
}

#[tokio::test]
async fn names_every_group_that_is_left_when_one_is_in_use() {
    let answers = || {
        [
            groups(&[
                ("bandup-redis-valkey7", DESCRIPTION),
                ("bandup-redis-valkey8", DESCRIPTION),
                ("bandup-redis-valkey9", DESCRIPTION),
            ]),
            owned_by("envcache"),
            in_use(),
            owned_by("another-stack"),
            owned_by("envcache"),
            in_use(),
        ]
    };

    let update = deleted(&Replay::new(answers()), &json!({ "secondsWaited": null })).await;
    let removal = deleted(&Replay::new(answers()), &json!({})).await;
    let over = deleted(&Replay::new(answers()), &json!({ "secondsWaited": 900 })).await;

    // The catcher in `provision.asl.json` separates the reasons at the semicolons.
    let update = update.expect_err("in use").to_string();
    let reasons: Vec<_> = update.split("; ").collect();
    let expected = [
        "cache parameter group bandup-redis-valkey7 is still in use: ",
        "cache parameter group bandup-redis-valkey9 is still in use: ",
        "cache parameter group bandup-redis-valkey8 doesn't have this stack's tags",
    ];
    assert_eq!(reasons.len(), expected.len(), "{update}");
    for (reason, expected) in reasons.into_iter().zip(expected) {
        assert!(reason.starts_with(expected), "{update}");
    }
    let both = "each of the cache parameter groups bandup-redis-valkey7, bandup-redis-valkey9 is still in use";
    let Ok(DeleteOutput::Waiting { outcome, .. }) = &removal else {
        panic!("{removal:?}");
    };
    assert!(outcome.starts_with(both), "{outcome}");
    let over = over.expect_err("in use").to_string();
    assert!(over.starts_with(both), "{over}");
}
