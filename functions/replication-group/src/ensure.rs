//! One round of ensuring: look, then do the one thing that comes next.

use aws_sdk_elasticache::Client;
use contract::error::StepResult;
use contract::message::{EnsureReplicationGroupInput, EnsuredReplicationGroup};

use crate::change::Answer;
use crate::create::{Creation, create};
use crate::find::Ownership;
use crate::{change, compare, find, schedule};

/// Creates the replication group, or finds what an earlier run created and brings it a step nearer to
/// what is wanted. The state machine calls it again until it is settled.
///
/// # Errors
/// `NotOwned` where a group of the wanted name is not ours, `Immutable` where AWS cannot change a
/// difference in place; else what ElastiCache answered.
pub async fn ensure(
    elasticache: &Client,
    stack: &str,
    wanted: EnsureReplicationGroupInput,
) -> StepResult<EnsuredReplicationGroup> {
    let pending = |outcome: String| EnsuredReplicationGroup::Pending {
        outcome,
        wait_seconds: schedule::next_wait(wanted.seconds_waited),
    };
    let owner = wanted.spec.owner(stack);
    let id = wanted.spec.cache.name.as_str();
    let Some(group) = find::replication_group(elasticache, id).await? else {
        if !wanted.creation_recorded {
            return Ok(EnsuredReplicationGroup::Absent {
                outcome: "to be created".to_owned(),
            });
        }
        return Ok(pending(
            match create(elasticache, &owner, &wanted).await? {
                Creation::Accepted => "created".to_owned(),
                Creation::AlreadyThere => "exists already".to_owned(),
            },
        ));
    };
    // Only an available group shows its tags and takes changes. The check judges every other status.
    match group.status().unwrap_or("without a status") {
        "available" => {}
        // Nothing is gained by waiting.
        "create-failed" => {
            return Ok(EnsuredReplicationGroup::Pending {
                outcome: "found create-failed".to_owned(),
                wait_seconds: 0,
            });
        }
        status => return Ok(pending(format!("found {status}"))),
    }
    if find::ownership(elasticache, &owner, &group).await? == Ownership::Unreadable {
        return Ok(pending("found changing".to_owned()));
    }
    let members = match find::members(elasticache, &group).await? {
        Ok(members) => members,
        Err(changing) => return Ok(pending(format!("found changing: {changing}"))),
    };
    let Some(member) = members.first() else {
        return Ok(pending("found without a member".to_owned()));
    };
    let Some(next) = compare::next_change(&group, member, &wanted)? else {
        return Ok(EnsuredReplicationGroup::Settled {
            outcome: "as wanted".to_owned(),
        });
    };
    let outcome = format!("changing {next}");
    match change::apply(elasticache, id, next).await? {
        Answer::Accepted => Ok(pending(outcome)),
        Answer::StillChanging => Ok(pending("found changing".to_owned())),
    }
}
