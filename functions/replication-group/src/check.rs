//! The poll: one describe call.

use aws_sdk_elasticache::Client;
use contract::error::StepResult;
use contract::message::{CheckReplicationGroupInput, CheckReplicationGroupOutput};
use elasticache::describe;

use crate::decide::{self, Next};
use crate::find;
use crate::schedule::{deadline_seconds, wait_or_give_up};

/// Describes the replication group once, and returns `Ready` if `EnsureReplicationGroup` has a decision to make.
///
/// A *modifying* group is ready, because it stays *modifying* if a member doesn't recover, and only
/// `EnsureReplicationGroup` checks members.
///
/// # Errors
/// Returns `Timeout` after 60 minutes of waiting, or 2 hours if the request restores data; otherwise, ElastiCache's error.
pub async fn check(
    elasticache: &Client,
    input: CheckReplicationGroupInput,
) -> StepResult<CheckReplicationGroupOutput> {
    let id = &input.cache_name;
    let group = describe::replication_group(elasticache, id).await?;
    let status = group.as_ref().map(find::status);
    Ok(match decide::by_status(id, status) {
        Ok(Next::Wait(found)) if found != "modifying" => CheckReplicationGroupOutput::Pending {
            wait_seconds: wait_or_give_up(
                input.seconds_waited,
                deadline_seconds(input.restores),
                id,
                &found,
            )?,
            found,
        },
        // For an unknown status, EnsureReplicationGroup returns the error.
        Ok(_) | Err(_) => CheckReplicationGroupOutput::Ready {
            found: status.unwrap_or("not there").to_owned(),
        },
    })
}
