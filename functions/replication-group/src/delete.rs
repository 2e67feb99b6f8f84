//! Deletes the cache: one that could not be created, or one whose environment is no more.

use aws_sdk_elasticache::Client;
use contract::Owner;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{DeleteReplicationGroupInput, Deleted, Purpose};

use crate::{find, schedule};

/// Deletes the replication group where it is ours, or finds how far its deletion has come. Whose it is, its tags
/// say; while it is *create-failed* they cannot be read, and the environment's record says it. What has gone is a
/// success.
///
/// # Errors
/// Where it is to be replaced, `NotOwned` for one that is not ours, and `UnexpectedStatus` for one that is not
/// *create-failed*. Where it is to be removed, `UnexpectedStatus` for a status that ElastiCache does not document, and
/// `Timeout` after the deadline. Else what ElastiCache answered.
pub async fn delete(
    elasticache: &Client,
    stack: &str,
    input: DeleteReplicationGroupInput,
) -> StepResult<Deleted> {
    let id = &input.cache_name;
    let Some(group) = find::replication_group(elasticache, id).await? else {
        return gone(elasticache, &input).await;
    };
    let status = group.status().unwrap_or("without a status");
    match verdict(&input, status)? {
        Verdict::Going => return going(&input, "found deleting"),
        Verdict::NotYet => return not_yet(&input, &format!("found {status}")),
        Verdict::NotOurs(outcome) => return Ok(Deleted::NotOurs { outcome }),
        Verdict::Delete => {}
        Verdict::DeleteIfOurs => {
            let owner = Owner::new(&input.environment, stack);
            let maker = input.maker.as_deref();
            match find::tags(elasticache, &group).await {
                Ok(Some(tags)) if owner.made(maker, find::pairs(&tags)) => {}
                Ok(Some(_)) => {
                    return Ok(Deleted::NotOurs {
                        outcome: format!("replication group {id} {}", step::whose(maker)),
                    });
                }
                Ok(None) => return not_yet(&input, "found changing"),
                // Somebody was faster.
                Err(error) if error.name() == ErrorName::NotFound => {
                    return gone(elasticache, &input).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
    // One that could not be created has nothing to keep.
    let final_snapshot = input.final_snapshot.clone();
    let sent = elasticache
        .delete_replication_group()
        .replication_group_id(id)
        .set_final_snapshot_identifier(final_snapshot.filter(|_| status != "create-failed"))
        .send()
        .await;
    match sent {
        Ok(_) => going(&input, "deleted"),
        Err(error) if step::code(&error) == Some("ReplicationGroupNotFoundFault") => {
            gone(elasticache, &input).await
        }
        // It is going already, or a member is not ready to go: the next look tells which.
        Err(error) if find::is_still_changing(step::code(&error)) => {
            not_yet(&input, "not deletable yet")
        }
        Err(error) => Err(step::failure("DeleteReplicationGroup", id, error)),
    }
}

/// Returns `Gone`, with the last backup if there is one. ElastiCache is asked, because the request for it proves nothing:
/// a *create-failed* group and one that was being deleted already leave none, and the reply to a deletion may be lost.
async fn gone(elasticache: &Client, input: &DeleteReplicationGroupInput) -> StepResult<Deleted> {
    let final_snapshot = match &input.final_snapshot {
        // Boxed, or the step's future is too deep for the compiler.
        Some(name) => Box::pin(find::snapshot(elasticache, name)).await?,
        None => None,
    };
    Ok(Deleted::Gone {
        outcome: "not there".to_owned(),
        final_snapshot,
    })
}

fn going(input: &DeleteReplicationGroupInput, outcome: &str) -> StepResult<Deleted> {
    Ok(Deleted::Going {
        outcome: outcome.to_owned(),
        wait_seconds: next_wait(input, "deleting")?,
    })
}

fn not_yet(input: &DeleteReplicationGroupInput, outcome: &str) -> StepResult<Deleted> {
    Ok(Deleted::NotYet {
        wait_seconds: next_wait(input, outcome)?,
        outcome: outcome.to_owned(),
    })
}

/// A removal has its own deadline; that of a replacement is the check's.
fn next_wait(input: &DeleteReplicationGroupInput, doing: &str) -> StepResult<u32> {
    match input.purpose {
        Purpose::Replace => Ok(schedule::next_wait(input.seconds_waited)),
        Purpose::Remove => {
            schedule::wait_or_give_up(input.seconds_waited, &input.cache_name, doing)
        }
    }
}

enum Verdict {
    Going,
    NotYet,
    NotOurs(String),
    Delete,
    DeleteIfOurs,
}

/// What a status means for a deletion. The statuses are those of
/// [ReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html).
fn verdict(input: &DeleteReplicationGroupInput, status: &str) -> StepResult<Verdict> {
    let id = &input.cache_name;
    let unrecorded =
        "is create-failed, and the environment's record does not say that envcache asked for it";
    let refuse = |name, why: String| {
        Err(StepError::new(
            name,
            format!(
                "replication group {id} {why}. It was left as it is: look at it in the ElastiCache console, then start \
                 again"
            ),
        ))
    };
    match (input.purpose, status) {
        (_, "deleting") => Ok(Verdict::Going),
        (_, "create-failed") if input.creation_recorded => Ok(Verdict::Delete),
        (Purpose::Replace, "create-failed") => refuse(ErrorName::NotOwned, unrecorded.to_owned()),
        (Purpose::Replace, status) => refuse(
            ErrorName::UnexpectedStatus,
            format!("was create-failed and is {status} now"),
        ),
        (Purpose::Remove, "create-failed") => Ok(Verdict::NotOurs(format!(
            "replication group {id} {unrecorded}"
        ))),
        (Purpose::Remove, "creating" | "modifying" | "snapshotting") => Ok(Verdict::NotYet),
        (Purpose::Remove, "available") => Ok(Verdict::DeleteIfOurs),
        (Purpose::Remove, status) => refuse(
            ErrorName::UnexpectedStatus,
            format!("is {status}, a status that envcache does not know"),
        ),
    }
}
