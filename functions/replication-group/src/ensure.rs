//! One round of ensuring: look, then do the one thing that comes next.

use aws_sdk_elasticache::Client;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureReplicationGroupInput, EnsuredReplicationGroup};
use contract::{Action, Possession};

use crate::adopt::adopt;
use crate::change::Answer;
use crate::create::{Creation, create};
use crate::find::Ownership;
use crate::placement::{Placement, placements};
use crate::{change, compare, find, plan, schedule};

/// Creates the replication group, or finds what an earlier run created and brings it a step nearer to
/// what is wanted. The state machine calls it again until it is settled. A plan tells what would be done, and does
/// nothing.
///
/// # Errors
/// `NotOwned` where a group of the wanted name is not ours and not to be adopted, `Immutable` where AWS cannot change a
/// difference in place, `InsufficientCapacity` where no zone has capacity; else what ElastiCache answered.
pub async fn ensure(
    elasticache: &Client,
    stack: &str,
    wanted: EnsureReplicationGroupInput,
) -> StepResult<EnsuredReplicationGroup> {
    let is_plan = wanted.spec.switches.dry_run;
    let pending = |outcome: String| {
        if is_plan {
            return plan::unknown(outcome);
        }
        EnsuredReplicationGroup::Pending {
            outcome,
            wait_seconds: schedule::next_wait(wanted.seconds_waited),
        }
    };
    let owner = wanted.spec.owner(stack);
    let id = wanted.spec.cache.name.as_str();
    let Some(group) = find::replication_group(elasticache, id).await? else {
        if is_plan {
            return Ok(plan::creation(&wanted, "not there", None));
        }
        if !wanted.creation_recorded {
            return Ok(EnsuredReplicationGroup::Absent {
                outcome: "to be created".to_owned(),
            });
        }
        let placement = placement(&wanted)?;
        return Ok(
            match create(elasticache, &owner, &wanted, &placement).await? {
                Creation::Accepted => pending(match &placement {
                    Placement::Awss => "created".to_owned(),
                    placement @ Placement::Zones(_) => format!("created in {placement}"),
                }),
                Creation::AlreadyThere => pending("exists already".to_owned()),
                Creation::NoCapacity => EnsuredReplicationGroup::NoCapacity {
                    outcome: format!("no capacity in {placement}"),
                    wait_seconds: schedule::next_wait(wanted.seconds_waited),
                },
            },
        );
    };
    // Only an available group shows its tags and takes changes. The check judges every other status.
    match group.status().unwrap_or("without a status") {
        "available" => {}
        "create-failed" if is_plan && wanted.creation_recorded => {
            let delete = Action::new("DeleteReplicationGroup", id);
            return Ok(plan::creation(&wanted, "found create-failed", Some(delete)));
        }
        // Nothing is gained by waiting.
        "create-failed" if !is_plan => {
            return Ok(EnsuredReplicationGroup::Pending {
                outcome: "found create-failed".to_owned(),
                wait_seconds: 0,
            });
        }
        status => return Ok(pending(format!("found {status}"))),
    }
    let adopts = wanted.spec.switches.adopt;
    let possession = match find::ownership(elasticache, &owner, adopts, &group).await? {
        Ownership::Known(possession) => possession,
        Ownership::Unreadable => return Ok(pending("found changing".to_owned())),
    };
    let members = match find::members(elasticache, &group).await? {
        Ok(members) => members,
        Err(changing) => return Ok(pending(format!("found changing: {changing}"))),
    };
    let Some(member) = members.first() else {
        return Ok(pending("found without a member".to_owned()));
    };
    let changes = compare::changes(&group, member, &wanted)?;
    if is_plan {
        return Ok(plan::comparison(
            &wanted, possession, &changes, &group, member,
        ));
    }
    let (outcome, answer) = match (possession, changes.into_iter().next()) {
        // Compared first: what cannot be made as wanted is not taken over.
        (Possession::Adoptable, _) => (
            "adopted".to_owned(),
            adopt(elasticache, &owner, &group).await?,
        ),
        (Possession::Ours, Some(next)) => (
            format!("changing {next}"),
            change::apply(elasticache, id, next).await?,
        ),
        (Possession::Ours, None) => {
            return Ok(EnsuredReplicationGroup::Settled {
                outcome: "as wanted".to_owned(),
            });
        }
    };
    match answer {
        Answer::Accepted => Ok(pending(outcome)),
        Answer::StillChanging => Ok(pending("found changing".to_owned())),
    }
}

/// Where the cache is placed after those placements that had no capacity.
///
/// # Errors
/// `InsufficientCapacity` where none is left to try.
fn placement(wanted: &EnsureReplicationGroupInput) -> StepResult<Placement> {
    let cache = &wanted.spec.cache;
    let placements = placements(&wanted.network.zones, cache.nodes());
    if let Some(next) = placements.get(wanted.placements_tried) {
        return Ok(next.clone());
    }
    let tried: Vec<_> = placements.iter().map(ToString::to_string).collect();
    Err(StepError::new(
        ErrorName::InsufficientCapacity,
        format!(
            "CreateReplicationGroup {}: AWS has no capacity for {} nodes of {}. Tried: {}. What could not be created was \
             deleted again. Start again later, or ask for another cache.nodeType, or for subnets in other zones",
            cache.name,
            cache.nodes(),
            cache.node_type,
            tried.join("; ")
        ),
    ))
}
