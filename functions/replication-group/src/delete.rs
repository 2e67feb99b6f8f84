//! Deletes the replication group.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::error::ProvideErrorMetadata;
use aws_sdk_elasticache::types::{ReplicationGroup, Tag};
use contract::Owner;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{DeleteReplicationGroupInput, DeleteReplicationGroupOutput};
use elasticache::describe;
use elasticache::tag::pairs;

use crate::find::{self, Members};
use crate::schedule;

/// Deletes the replication group of an environment that is removed, if the environment owns it, or checks the progress
/// of its deletion.
///
/// Ownership comes from the group's tags. While the group is `create-failed`, its tags can't be read, so ownership
/// comes from the environment's record. A group that doesn't exist is a success.
///
/// A plan deletes nothing. It runs before the endpoint is retracted, and only checks for obstacles that waiting doesn't remove.
///
/// # Errors
/// Returns `InUse` if the group is a member of a global datastore, `UnexpectedStatus` for a status that ElastiCache doesn't
/// document, and `Timeout` after 60 minutes of waiting; otherwise, ElastiCache's error.
pub async fn delete(
    elasticache: &Client,
    stack: &str,
    input: DeleteReplicationGroupInput,
) -> StepResult<DeleteReplicationGroupOutput> {
    if input.plan {
        return plan(elasticache, stack, &input).await;
    }
    let id = &input.cache_name;
    let Some(group) = describe::replication_group(elasticache, id).await? else {
        return absent(elasticache, &input).await;
    };
    let status = find::status(&group);
    match by_status(&input, status)? {
        Next::Wait => {
            let found = changing(elasticache, &group, status).await?;
            return wait(&input, &format!("found {found}"), &found);
        }
        Next::Keep(left) => {
            return Ok(DeleteReplicationGroupOutput::NotOwned { left: vec![left] });
        }
        Next::Delete => {}
        Next::DeleteIfOwned => {
            let owner = Owner::new(&input.environment, stack);
            let created_by = input.created_by.as_deref();
            match find::tags(elasticache, &group).await {
                Ok(Some(tags)) if owner.owns_created_by(created_by, pairs(&tags)) => {}
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
    // A failed creation has no data for a final snapshot.
    let final_snapshot = input
        .final_snapshot
        .clone()
        .filter(|_| status != "create-failed");
    match request(elasticache, id, final_snapshot).await? {
        Answer::Accepted => wait(&input, "deleted", "deleting"),
        Answer::Absent => absent(elasticache, &input).await,
        Answer::StillChanging => wait(&input, "not deletable yet", "not deletable yet"),
    }
}

/// Checks that nothing prevents the deletion of an owned group permanently.
async fn plan(
    elasticache: &Client,
    stack: &str,
    input: &DeleteReplicationGroupInput,
) -> StepResult<DeleteReplicationGroupOutput> {
    let possible = Ok(DeleteReplicationGroupOutput::Possible);
    let id = &input.cache_name;
    let Some(group) = describe::replication_group(elasticache, id).await? else {
        return possible;
    };
    let Some(obstacle) = obstacle(&group) else {
        return possible;
    };
    let owner = Owner::new(&input.environment, stack);
    let is_owned = |tags: &[Tag]| owner.owns_created_by(input.created_by.as_deref(), pairs(tags));
    match find::tags(elasticache, &group).await {
        Ok(Some(tags)) if !is_owned(&tags) => possible,
        Err(error) if error.name() == ErrorName::NotFound => possible,
        Err(error) => Err(error),
        // The group is owned, or its tags can't be read while it changes. A wrong rejection loses no data.
        Ok(_) => Err(StepError::new(
            ErrorName::InUse,
            format!(
                "replication group `{id}` can't be deleted: {obstacle}. Nothing was removed, and the endpoint is still \
                 published. {LEAVE_DATASTORE}"
            ),
        )),
    }
}

/// How a cache leaves its global datastore: only a secondary member can be disassociated
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DisassociateGlobalReplicationGroup.html>), and a
/// datastore without secondary members can be deleted without its primary
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteGlobalReplicationGroup.html>).
const LEAVE_DATASTORE: &str = "Remove a secondary member with DisassociateGlobalReplicationGroup. For the primary one, remove all \
    secondary members, then delete the global datastore with DeleteGlobalReplicationGroup and \
    RetainPrimaryReplicationGroup=true. Then start again";

/// Returns what prevents the deletion of a group permanently: ElastiCache doesn't delete a member of a global datastore
/// (<https://github.com/cloud-custodian/cloud-custodian/issues/8815>).
fn obstacle(group: &ReplicationGroup) -> Option<String> {
    let info = group.global_replication_group_info()?;
    let datastore = info.global_replication_group_id()?;
    let role = match info.global_replication_group_member_role() {
        Some("PRIMARY") => "the primary",
        _ => "a secondary",
    };
    Some(format!(
        "it is {role} member of the global datastore `{datastore}`"
    ))
}

/// ElastiCache's answer to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    /// The group doesn't exist.
    Absent,
    /// The group is already being deleted, or a member is still changing. The next check shows which.
    StillChanging,
}

/// Requests the deletion of the group.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn request(
    elasticache: &Client,
    id: &str,
    final_snapshot: Option<String>,
) -> StepResult<Answer> {
    let answer = elasticache
        .delete_replication_group()
        .replication_group_id(id)
        .set_final_snapshot_identifier(final_snapshot)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(Answer::Accepted),
        Err(error) if step::code(&error) == Some("ReplicationGroupNotFoundFault") => {
            Ok(Answer::Absent)
        }
        Err(error) if find::is_still_changing(step::code(&error)) => Ok(Answer::StillChanging),
        // It joined a global datastore after the plan. AWS's message has the code of an invalid value:
        // https://github.com/cloud-custodian/cloud-custodian/issues/8815
        Err(error)
            if error
                .message()
                .is_some_and(|text| text.contains("part of a global cluster")) =>
        {
            let message = error.message().unwrap_or_default();
            Err(StepError::new(
                ErrorName::InUse,
                format!("DeleteReplicationGroup {id}: {message} {LEAVE_DATASTORE}"),
            ))
        }
        Err(error) => Err(step::failure("DeleteReplicationGroup", id, error)),
    }
}

/// Returns `Absent`, with the final snapshot if it exists. ElastiCache creates no snapshot of a `create-failed` group
/// or of a group that is already being deleted, and the reply to a deletion may be lost. Therefore, it describes the
/// snapshot.
async fn absent(
    elasticache: &Client,
    input: &DeleteReplicationGroupInput,
) -> StepResult<DeleteReplicationGroupOutput> {
    let final_snapshot = match &input.final_snapshot {
        Some(name) => {
            let found = find::snapshot(elasticache, name).await?;
            found.and_then(|snapshot| snapshot.snapshot_name)
        }
        None => None,
    };
    Ok(DeleteReplicationGroupOutput::Absent {
        outcome: "not there".to_owned(),
        final_snapshot,
    })
}

/// Describes a group that is changing. If a member doesn't recover, the group may be *modifying* forever, so the text
/// names the member.
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

/// Waits for a group with the state `found`.
fn wait(
    input: &DeleteReplicationGroupInput,
    outcome: &str,
    found: &str,
) -> StepResult<DeleteReplicationGroupOutput> {
    Ok(DeleteReplicationGroupOutput::Waiting {
        wait_seconds: schedule::wait_or_give_up(
            input.seconds_waited,
            schedule::deadline_seconds(false),
            &input.cache_name,
            found,
        )?,
        outcome: outcome.to_owned(),
    })
}

/// The next step of a deletion.
enum Next {
    Wait,
    /// Keeps the group, because it isn't owned; contains the text for `left`.
    Keep(String),
    Delete,
    DeleteIfOwned,
}

/// Returns the next step for a status. The statuses are those of
/// [ReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html).
///
/// # Errors
/// Returns `UnexpectedStatus` for a status that ElastiCache doesn't document.
fn by_status(input: &DeleteReplicationGroupInput, status: &str) -> StepResult<Next> {
    let id = &input.cache_name;
    Ok(match status {
        "available" => Next::DeleteIfOwned,
        "create-failed" if input.creation_recorded => Next::Delete,
        "create-failed" => Next::Keep(format!(
            "replication group {id} is create-failed, and the environment's record doesn't say that envcache requested it"
        )),
        "creating" | "deleting" | "modifying" | "snapshotting" => Next::Wait,
        status => {
            return Err(StepError::new(
                ErrorName::UnexpectedStatus,
                format!(
                    "replication group `{id}` is {status}: envcache doesn't know this status. It was not deleted. Check \
                     it in the ElastiCache console, then start again"
                ),
            ));
        }
    })
}
