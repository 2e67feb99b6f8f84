//! Deletes a cache that could not be created.

use aws_sdk_elasticache::Client;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{DeleteReplicationGroupInput, DeletedReplicationGroup};

use crate::{find, schedule};

/// Deletes the replication group of the wanted name where it is *create-failed* and the environment's record
/// says that we asked for it: its tags cannot be read. It never deletes one that can be used. What has gone, or is
/// going, is a success.
///
/// # Errors
/// `NotOwned` where the record does not say that it is ours; `UnexpectedStatus` where it is not *create-failed*;
/// else what ElastiCache answered.
pub async fn delete(
    elasticache: &Client,
    input: DeleteReplicationGroupInput,
) -> StepResult<DeletedReplicationGroup> {
    let id = input.spec.cache.name.as_str();
    let answer = |going: bool, outcome: &str| DeletedReplicationGroup {
        going,
        wait_seconds: schedule::next_wait(input.seconds_waited),
        outcome: outcome.to_owned(),
    };
    let found = find::replication_group(elasticache, id).await?;
    let status = found.map(|group| group.status.unwrap_or_default());
    match verdict(id, status.as_deref(), input.creation_recorded)? {
        Verdict::NotThere => return Ok(answer(false, "not there")),
        Verdict::Going => return Ok(answer(true, "found deleting")),
        Verdict::Delete => {}
    }
    let sent = elasticache
        .delete_replication_group()
        .replication_group_id(id)
        .send()
        .await;
    match sent {
        Ok(_) => Ok(answer(true, "deleted")),
        Err(error) if step::code(&error) == Some("ReplicationGroupNotFoundFault") => {
            Ok(answer(false, "not there"))
        }
        // It is going already, or a member is not ready to go: the next look tells which.
        Err(error) if find::is_still_changing(step::code(&error)) => {
            Ok(answer(false, "not deletable yet"))
        }
        Err(error) => Err(step::failure("DeleteReplicationGroup", id, error)),
    }
}

enum Verdict {
    NotThere,
    Going,
    Delete,
}

/// What a status means for a deletion.
fn verdict(id: &str, status: Option<&str>, creation_recorded: bool) -> StepResult<Verdict> {
    let (name, why) = match status {
        None => return Ok(Verdict::NotThere),
        Some("deleting") => return Ok(Verdict::Going),
        Some("create-failed") if creation_recorded => return Ok(Verdict::Delete),
        Some("create-failed") => (
            ErrorName::NotOwned,
            "is create-failed, and the environment's record does not say that envcache asked for it".to_owned(),
        ),
        Some(status) => (
            ErrorName::UnexpectedStatus,
            format!("was create-failed and is {status} now"),
        ),
    };
    Err(StepError::new(
        name,
        format!(
            "replication group {id} {why}. It was left as it is: look at it in the ElastiCache console, then start again"
        ),
    ))
}
