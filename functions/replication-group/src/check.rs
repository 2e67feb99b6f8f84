//! The poll: one describe call.

use aws_sdk_elasticache::Client;
use contract::error::StepResult;
use contract::message::{CheckReplicationGroupInput, CheckReplicationGroupOutput};

use crate::decide::{self, Next};
use crate::find;
use crate::schedule::wait_or_give_up;

/// Describes the replication group once. It decides only whether `EnsureReplicationGroup` has something to decide. A group
/// that is *modifying* counts as ready: with a member that doesn't recover it may stay so, and only `EnsureReplicationGroup`
/// looks at members.
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
        Ok(Next::Wait(found)) if found != "modifying" => CheckReplicationGroupOutput::Pending {
            wait_seconds: wait_or_give_up(input.seconds_waited, id, &found)?,
            found,
        },
        // A status that envcache doesn't know is EnsureReplicationGroup's error.
        Ok(_) | Err(_) => CheckReplicationGroupOutput::Ready {
            found: status.unwrap_or("not there").to_owned(),
        },
    })
}
