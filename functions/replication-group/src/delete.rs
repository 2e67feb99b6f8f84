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
    let answer = |deleted: bool, outcome: &str| DeletedReplicationGroup {
        deleted,
        wait_seconds: schedule::next_wait(input.seconds_waited),
        outcome: outcome.to_owned(),
    };
    let (gone, going) = (
        || answer(false, "not there"),
        |outcome| answer(true, outcome),
    );
    let Some(group) = find::replication_group(elasticache, id).await? else {
        return Ok(gone());
    };
    match group.status().unwrap_or("without a status") {
        "deleting" => return Ok(going("found deleting")),
        "create-failed" if input.creation_recorded => {}
        "create-failed" => {
            return Err(StepError::new(
                ErrorName::NotOwned,
                format!(
                    "replication group {id} is create-failed, and the environment's record does not say that envcache \
                     created it. It was left as it is: delete it in the ElastiCache console, then start again"
                ),
            ));
        }
        status => {
            return Err(StepError::new(
                ErrorName::UnexpectedStatus,
                format!(
                    "replication group {id} was create-failed and is {status} now. It was left as it is: look at it \
                     in the ElastiCache console, then start again"
                ),
            ));
        }
    }
    let sent = elasticache
        .delete_replication_group()
        .replication_group_id(id)
        .send()
        .await;
    match sent {
        Ok(_) => Ok(going("deleted")),
        Err(error) if step::code(&error) == Some("ReplicationGroupNotFoundFault") => Ok(gone()),
        // A try whose answer was lost, or a person in the console, has begun it.
        Err(error) if find::is_still_changing(step::code(&error)) => Ok(going("found deleting")),
        Err(error) => Err(step::failure("DeleteReplicationGroup", id, error)),
    }
}
