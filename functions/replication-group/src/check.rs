//! The poll: one describe call, and one more for each member while the group is modified.

use aws_sdk_elasticache::Client;
use contract::error::StepResult;
use contract::message::{CheckReplicationGroupInput, CheckReplicationGroupOutput};

use crate::decide::{self, Next};
use crate::find::{self, Members};
use crate::schedule::wait_or_give_up;

/// Describes the replication group once. It decides only whether ElastiCache is still at work on the group. A group with
/// a member that doesn't recover may be *modifying* forever, so it counts as ready then.
///
/// # Errors
/// Returns `Timeout` after 60 minutes of waiting; otherwise, what ElastiCache answered.
pub async fn check(
    elasticache: &Client,
    input: CheckReplicationGroupInput,
) -> StepResult<CheckReplicationGroupOutput> {
    let id = &input.cache_name;
    let group = find::replication_group(elasticache, id).await?;
    let status = group
        .as_ref()
        .map(|group| group.status().unwrap_or("without a status"));
    Ok(match decide::by_status(id, status) {
        Ok(Next::Wait(found)) => {
            if let Some(group) = group.as_ref().filter(|_| found == "modifying")
                && let Members::Failed { id, status } = find::members(elasticache, group).await?
            {
                return Ok(CheckReplicationGroupOutput::Ready {
                    found: format!("modifying: {id} is {status}"),
                });
            }
            CheckReplicationGroupOutput::Pending {
                wait_seconds: wait_or_give_up(input.seconds_waited, id, &found)?,
                found,
            }
        }
        // A status that envcache doesn't know is EnsureReplicationGroup's error.
        Ok(_) | Err(_) => CheckReplicationGroupOutput::Ready {
            found: status.unwrap_or("not there").to_owned(),
        },
    })
}
