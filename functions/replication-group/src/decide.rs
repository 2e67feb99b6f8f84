//! Decides what a round does with the replication group. Pure functions; no AWS calls.

use contract::error::{ErrorName, StepError, StepResult};
use contract::message::EnsureReplicationGroupInput;
use contract::value::shortened;
use record::{Creation, FailedMember, NothingToModify, Observed, Rejection};

use crate::placement::{Placement, placements};
use crate::schedule::deadline_seconds;
use crate::timing;

/// The next step for a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Create the group, because it doesn't exist.
    Create,
    /// Wait, because the group is changing; contains its status.
    Wait(String),
    /// Replace the group if it is owned, because its creation failed.
    Replace,
    /// Compare the group with the request, because it is available.
    Compare,
}

/// Returns the next step for a status, which is none for a group that doesn't exist. The statuses are those of
/// [ReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html).
///
/// # Errors
/// Returns `UnexpectedStatus` for a status that ElastiCache doesn't document.
pub fn by_status(id: &str, status: Option<&str>) -> StepResult<Next> {
    Ok(match status {
        None => Next::Create,
        Some("available") => Next::Compare,
        Some("create-failed") => Next::Replace,
        Some(status @ ("creating" | "deleting" | "modifying" | "snapshotting")) => {
            Next::Wait(status.to_owned())
        }
        Some(status) => {
            return Err(StepError::new(
                ErrorName::UnexpectedStatus,
                format!(
                    "replication group `{id}` is {status}: envcache doesn't know this status. It was not changed. Check \
                     it in the ElastiCache console, and start again once it is available"
                ),
            ));
        }
    })
}

/// Returns what to record before the group is requested from ElastiCache, with the first placement that AWS hasn't
/// rejected in this execution.
///
/// # Errors
/// Returns `InsufficientCapacity` if no placement is left.
pub fn creation(
    input: &EnsureReplicationGroupInput,
    recorded: Option<&Creation>,
) -> StepResult<Creation> {
    let cache = &input.spec.cache;
    let own = own(input, recorded);
    let next = placements(&input.network.zones, cache.nodes(), cache.is_multi_az())
        .into_iter()
        .find(|placement| !is_rejected(&own, placement.zones()));
    if let Some(placement) = next {
        return Ok(Creation {
            execution: input.execution.clone(),
            placement: placement.zones().to_vec(),
            rejections: own.rejections,
            replaced: own.replaced || own.deletion_requested,
            deletion_requested: false,
        });
    }
    let rejections = own.rejections.into_iter();
    let tried: Vec<_> = rejections
        .map(|rejection| {
            let placement = Placement::from_zones(rejection.placement);
            format!("{placement} ({})", rejection.reason)
        })
        .collect();
    Err(StepError::new(
        ErrorName::InsufficientCapacity,
        format!(
            "CreateReplicationGroup {}: AWS has no capacity for {} {} of type `{}`, or doesn't offer it in these zones. \
             Tried: {}. Failed creations were deleted. Start again later, or request another cache.nodeType or subnets in \
             other zones",
            cache.name,
            cache.nodes(),
            if cache.nodes() == 1 { "node" } else { "nodes" },
            cache.node_type,
            tried.join("; ")
        ),
    ))
}

/// The error code in ElastiCache's event for a member for which AWS has no capacity
/// (<https://runbooks.cloud-platform.service.justice.gov.uk/elasticache-insufficient-az-capacity.html>).
const NO_CAPACITY: &str = "InsufficientCacheClusterCapacity";

/// Returns what to record before a failed creation is deleted.
///
/// An execution replaces a failed creation once: a temporary problem may be over, and a permanent one occurs again. If
/// AWS has no capacity, the execution replaces it until each placement was tried.
///
/// # Errors
/// Returns `CreateFailed`, with the reason from ElastiCache's events, if the group isn't replaced.
pub fn replacement(
    input: &EnsureReplicationGroupInput,
    recorded: Option<&Creation>,
    reason: &str,
) -> StepResult<Creation> {
    let no_capacity = reason.contains(NO_CAPACITY);
    let own = own(input, recorded);
    let deadline = deadline_seconds(input.spec.cache.restore_from.is_some());
    let late = format!(
        "It could not be replaced within {} minutes of waiting. It was left in place. Start again",
        deadline / 60
    );
    let remedy = if recorded.is_none() {
        "The environment's record doesn't say that envcache requested it, so it was not changed. Delete it in the \
         ElastiCache console, then start again"
    } else if own.replaced && !no_capacity {
        "This run replaced it, and the new creation failed too. It was left in place. Correct the cause, then start \
         again"
    } else if input.seconds_waited >= deadline {
        late.as_str()
    } else {
        return Ok(if no_capacity {
            with_rejection(&own, reason)
        } else {
            own
        })
        .map(|creation| Creation {
            deletion_requested: true,
            ..creation
        });
    };
    Err(StepError::new(
        ErrorName::CreateFailed,
        format!(
            "replication group `{}` is create-failed: ElastiCache accepted it, but couldn't create it. {reason}. \
             {remedy}",
            input.spec.cache.name
        ),
    ))
}

/// Number of characters of AWS's message that are kept, so that the cause can quote one for each placement.
const REASON: usize = 200;

/// Returns the creation with its placement added to those that AWS rejected.
pub fn with_rejection(creation: &Creation, reason: &str) -> Creation {
    let mut creation = creation.clone();
    if !is_rejected(&creation, &creation.placement) {
        let rejection = Rejection {
            placement: creation.placement.clone(),
            reason: shortened(reason.trim().trim_end_matches('.'), REASON),
        };
        creation.rejections.push(rejection);
    }
    creation
}

fn is_rejected(creation: &Creation, zones: &[String]) -> bool {
    let mut rejections = creation.rejections.iter();
    rejections.any(|rejection| rejection.placement == zones)
}

/// Number of rounds that have to find a member in a status from which it doesn't recover, before the run fails.
const CHECKS_OF_FAILED_MEMBER: usize = 3;
/// Number of times that an execution requests missing replicas. ElastiCache deletes a replica that it can't create.
const REPLICA_REQUESTS: usize = 2;
/// Number of times that an execution sets a notification topic. ElastiCache deactivates one that it can't publish to.
const TOPIC_REQUESTS: usize = 2;

/// Returns what this execution has observed. Observations of another execution don't count, because their cause may
/// have been corrected.
pub fn observed(input: &EnsureReplicationGroupInput, recorded: Option<&Observed>) -> Observed {
    recorded
        .filter(|observed| observed.execution == input.execution)
        .cloned()
        .unwrap_or_else(|| Observed {
            execution: input.execution.clone(),
            ..Observed::default()
        })
}

/// Returns what to record about a member that doesn't recover, found after `waited` seconds; none once enough rounds
/// have found it.
pub fn failed_member(observed: &Observed, id: &str, status: &str, waited: u32) -> Option<Observed> {
    let known = observed.failed_member.as_ref();
    let mut checks = known
        .filter(|member| member.id == id)
        .map(|member| member.checks.clone())
        .unwrap_or_default();
    if !checks.contains(&waited) {
        checks.push(waited);
    }
    (checks.len() < CHECKS_OF_FAILED_MEMBER).then(|| Observed {
        failed_member: Some(FailedMember {
            id: id.to_owned(),
            status: status.to_owned(),
            checks,
        }),
        ..observed.clone()
    })
}

/// Returns what to record before more replicas are requested, after `waited` seconds; none if this execution has
/// requested them often enough.
pub fn replica_request(observed: &Observed, waited: u32) -> Option<Observed> {
    Some(Observed {
        replica_requests: with_request(&observed.replica_requests, waited, REPLICA_REQUESTS)?,
        ..observed.clone()
    })
}

/// Returns what to record before the notification topic is set, after `waited` seconds; none if this execution has set it
/// often enough.
pub fn topic_request(observed: &Observed, waited: u32) -> Option<Observed> {
    Some(Observed {
        topic_requests: with_request(&observed.topic_requests, waited, TOPIC_REQUESTS)?,
        ..observed.clone()
    })
}

/// Adds a request after `waited` seconds to the earlier ones, unless a retried invocation makes it again. Returns none if
/// these are more than `limit`.
fn with_request(requests: &[u32], waited: u32, limit: usize) -> Option<Vec<u32>> {
    let mut requests = requests.to_vec();
    if !requests.contains(&waited) {
        requests.push(waited);
    }
    (requests.len() <= limit).then_some(requests)
}

/// Returns what to record before a change that makes ElastiCache change these fields immediately instead of in the
/// maintenance window; none if there are none.
pub fn immediate_change(observed: &Observed, fields: Vec<String>) -> Option<Observed> {
    if fields.is_empty() {
        return None;
    }
    let mut changed = observed.clone();
    timing::add(&mut changed.immediate, fields);
    Some(changed)
}

/// Returns what to record about a change for which ElastiCache found nothing to modify, after `waited` seconds; none if
/// an earlier round had the same result for the same change.
pub fn nothing_to_modify(observed: &Observed, differences: &str, waited: u32) -> Option<Observed> {
    let is_known = observed
        .nothing_to_modify
        .as_ref()
        .is_some_and(|known| known.differences == differences && known.at != waited);
    (!is_known).then(|| Observed {
        nothing_to_modify: Some(NothingToModify {
            differences: differences.to_owned(),
            at: waited,
        }),
        ..observed.clone()
    })
}

/// Returns the creation that this execution has recorded.
///
/// From another execution's creation, it keeps only the placement, because the existing group has it. The placements
/// that the other execution tried don't count, because AWS may have capacity again.
fn own(input: &EnsureReplicationGroupInput, recorded: Option<&Creation>) -> Creation {
    match recorded {
        Some(creation) if creation.execution == input.execution => creation.clone(),
        other => Creation {
            execution: input.execution.clone(),
            placement: other
                .map(|other| other.placement.clone())
                .unwrap_or_default(),
            ..Creation::default()
        },
    }
}
