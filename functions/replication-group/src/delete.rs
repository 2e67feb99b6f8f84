//! Deletes the cache.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::ReplicationGroup;
use contract::Owner;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{DeleteReplicationGroupInput, DeleteReplicationGroupOutput};

use crate::find::{self, Members};
use crate::schedule;

/// Deletes the replication group of an environment that is removed, if it is owned, or checks how far its deletion has
/// come. OwnershipCheck comes from the group's tags. While the group is `create-failed`, its tags can't be read, so ownership
/// comes from the environment's record. A group that doesn't exist is a success.
///
/// # Errors
/// Returns `UnexpectedStatus` for a status that ElastiCache doesn't document, and `Timeout` after 60 minutes of waiting;
/// otherwise, what ElastiCache answered.
pub async fn delete(
    elasticache: &Client,
    stack: &str,
    input: DeleteReplicationGroupInput,
) -> StepResult<DeleteReplicationGroupOutput> {
    let id = &input.cache_name;
    let Some(group) = find::replication_group(elasticache, id).await? else {
        return absent(elasticache, &input).await;
    };
    let status = group.status().unwrap_or("without a status");
    match verdict(&input, status)? {
        Verdict::Wait => {
            let found = changing(elasticache, &group, status).await?;
            return wait(&input, &format!("found {found}"), &found);
        }
        Verdict::Leave(left) => {
            return Ok(DeleteReplicationGroupOutput::NotOwned { left: vec![left] });
        }
        Verdict::Delete => {}
        Verdict::DeleteIfOwned => {
            let owner = Owner::new(&input.environment, stack);
            let created_by = input.created_by.as_deref();
            match find::tags(elasticache, &group).await {
                Ok(Some(tags)) if owner.owns_created_by(created_by, find::pairs(&tags)) => {}
                Ok(Some(_)) => {
                    return Ok(DeleteReplicationGroupOutput::NotOwned {
                        left: vec![format!(
                            "replication group {id} {}",
                            step::skip_reason(created_by)
                        )],
                    });
                }
                Ok(None) => return wait(&input, "found changing", "changing"),
                // Another run or a user deleted it after it was described.
                Err(error) if error.name() == ErrorName::NotFound => {
                    return absent(elasticache, &input).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
    // A failed creation has nothing to keep.
    let final_snapshot = input
        .final_snapshot
        .clone()
        .filter(|_| status != "create-failed");
    match request(elasticache, id, final_snapshot).await? {
        Requested::Accepted => wait(&input, "deleted", "deleting"),
        Requested::Absent => absent(elasticache, &input).await,
        Requested::StillChanging => wait(&input, "not deletable yet", "not deletable yet"),
    }
}

/// What became of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    Accepted,
    /// There is no such group, or no longer.
    Absent,
    /// It is being deleted already, or a member is still changing: the next check shows which.
    StillChanging,
}

/// Asks ElastiCache to delete the group.
///
/// # Errors
/// Returns what ElastiCache answered.
pub async fn request(
    elasticache: &Client,
    id: &str,
    final_snapshot: Option<String>,
) -> StepResult<Requested> {
    let answer = elasticache
        .delete_replication_group()
        .replication_group_id(id)
        .set_final_snapshot_identifier(final_snapshot)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(Requested::Accepted),
        Err(error) if step::code(&error) == Some("ReplicationGroupNotFoundFault") => {
            Ok(Requested::Absent)
        }
        Err(error) if find::is_still_changing(step::code(&error)) => Ok(Requested::StillChanging),
        Err(error) => Err(step::failure("DeleteReplicationGroup", id, error)),
    }
}

/// Returns `Absent`, with the final snapshot if there is one. ElastiCache is asked, because the request for it proves
/// nothing: a `create-failed` group and one that was being deleted already leave none, and the reply to a deletion may be
/// lost.
async fn absent(
    elasticache: &Client,
    input: &DeleteReplicationGroupInput,
) -> StepResult<DeleteReplicationGroupOutput> {
    let final_snapshot = match &input.final_snapshot {
        Some(name) => find::snapshot(elasticache, name).await?,
        None => None,
    };
    Ok(DeleteReplicationGroupOutput::Absent {
        outcome: "not there".to_owned(),
        final_snapshot,
    })
}

/// Describes a group that ElastiCache is at work on. A group whose member doesn't recover may be *modifying* forever, so
/// the member is named.
async fn changing(
    elasticache: &Client,
    group: &ReplicationGroup,
    status: &str,
) -> StepResult<String> {
    if status != "modifying" {
        return Ok(status.to_owned());
    }
    Ok(match find::members(elasticache, group).await? {
        Members::Failed { id, status } => format!("modifying ({id} is {status})"),
        Members::Available(_) | Members::Changing(_) => status.to_owned(),
    })
}

/// Waits for a group that `found` describes.
fn wait(
    input: &DeleteReplicationGroupInput,
    outcome: &str,
    found: &str,
) -> StepResult<DeleteReplicationGroupOutput> {
    Ok(DeleteReplicationGroupOutput::Waiting {
        wait_seconds: schedule::wait_or_give_up(input.seconds_waited, &input.cache_name, found)?,
        outcome: outcome.to_owned(),
    })
}

enum Verdict {
    Wait,
    /// It isn't owned, as this text says.
    Leave(String),
    Delete,
    DeleteIfOwned,
}

/// What a status means for a deletion. The statuses are those of
/// [ReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html).
fn verdict(input: &DeleteReplicationGroupInput, status: &str) -> StepResult<Verdict> {
    let id = &input.cache_name;
    Ok(match status {
        "available" => Verdict::DeleteIfOwned,
        "create-failed" if input.creation_recorded => Verdict::Delete,
        "create-failed" => Verdict::Leave(format!(
            "replication group {id} is create-failed, and the environment's record does not say that envcache asked for it"
        )),
        "creating" | "deleting" | "modifying" | "snapshotting" => Verdict::Wait,
        status => {
            return Err(StepError::new(
                ErrorName::UnexpectedStatus,
                format!(
                    "replication group {id} is {status}, a status that envcache does not know. It was left as it is: \
                     check it in the ElastiCache console, then start again"
                ),
            ));
        }
    })
}
