//! What a round does about the replication group. Pure functions; no AWS calls.

use contract::error::{ErrorName, StepError, StepResult};
use contract::message::EnsureReplicationGroupInput;
use record::{Creation, FailedMember, NothingToModify, Observed};

use crate::placement::{Placement, placements};
use crate::schedule::DEADLINE_SECONDS;

/// What a group's status asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// There is no group: create it.
    Create,
    /// ElastiCache is at work on it, as this text says: wait.
    Wait(String),
    /// Its creation failed: replace it, if it is owned.
    Replace,
    /// It can be compared with the request, and changed.
    Compare,
}

/// Returns what the status asks for; none stands for a group that doesn't exist. The statuses are those of
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
                    "replication group {id} is {status}, a status that envcache does not know. It was left as it is: \
                     check it in the ElastiCache console, and start again once it is available"
                ),
            ));
        }
    })
}

/// Returns what to record before the group is requested from ElastiCache: the first placement that this execution
/// hasn't found without capacity.
///
/// # Errors
/// Returns `InsufficientCapacity` if no placement is left.
pub fn creation(
    input: &EnsureReplicationGroupInput,
    recorded: Option<&Creation>,
) -> StepResult<Creation> {
    let cache = &input.spec.cache;
    let own = own(input, recorded);
    let next = placements(&input.network.zones, cache.nodes())
        .into_iter()
        .find(|placement| !own.tried.iter().any(|zones| zones == placement.zones()));
    if let Some(placement) = next {
        return Ok(Creation {
            execution: input.execution.clone(),
            placement: placement.zones().to_vec(),
            tried: own.tried,
            replaced: own.replaced || own.deletion_requested,
            deletion_requested: false,
        });
    }
    let tried = own.tried.into_iter().map(Placement::from_zones);
    let tried: Vec<_> = tried.map(|placement| placement.to_string()).collect();
    Err(StepError::new(
        ErrorName::InsufficientCapacity,
        format!(
            "CreateReplicationGroup {}: AWS has no capacity for {} {} of {}. Tried: {}. What could not be created was \
             deleted again. Start again later, or request another cache.nodeType, or subnets in other zones",
            cache.name,
            cache.nodes(),
            if cache.nodes() == 1 { "node" } else { "nodes" },
            cache.node_type,
            tried.join("; ")
        ),
    ))
}

/// The code is in the event of the member that found no capacity
/// (<https://runbooks.cloud-platform.service.justice.gov.uk/elasticache-insufficient-az-capacity.html>).
const NO_CAPACITY: &str = "InsufficientCacheClusterCapacity";

/// Returns what to record before a failed creation is deleted. A failed creation is replaced once in an execution: a
/// temporary problem may be gone, and a permanent one occurs again. If AWS has no capacity, it is replaced as often as
/// there are other placements to try.
///
/// # Errors
/// Returns `CreateFailed`, with the reason that ElastiCache's events give, if the group isn't replaced.
pub fn replacement(
    input: &EnsureReplicationGroupInput,
    recorded: Option<&Creation>,
    reason: &str,
) -> StepResult<Creation> {
    let no_capacity = reason.contains(NO_CAPACITY);
    let own = own(input, recorded);
    let remedy = if recorded.is_none() {
        "The environment's record does not say that envcache asked for it, so it was left as it is: delete it in the \
         ElastiCache console, then start again"
    } else if own.replaced && !no_capacity {
        "It was deleted and created again in this run, and failed again: see to the reason, then start again"
    } else if input.seconds_waited >= DEADLINE_SECONDS {
        "It could not be replaced within 60 minutes of waiting: start again"
    } else {
        return Ok(if no_capacity {
            without_capacity(&own)
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
            "replication group {} is create-failed: ElastiCache accepted it and then could not create it. {reason}. \
             {remedy}",
            input.spec.cache.name
        ),
    ))
}

/// Returns the creation after AWS had no capacity for its placement.
pub fn without_capacity(creation: &Creation) -> Creation {
    let mut creation = creation.clone();
    if !creation.tried.contains(&creation.placement) {
        creation.tried.push(creation.placement.clone());
    }
    creation
}

/// In how many rounds a member has to be found in a status from which it doesn't recover.
const CHECKS_OF_FAILED_MEMBER: usize = 3;
/// How often an execution requests more replicas. ElastiCache deletes a replica that it can't create.
const REPLICA_REQUESTS: usize = 2;

/// Returns what this execution has observed. What another one observed doesn't count: its cause may be gone.
pub fn observed(input: &EnsureReplicationGroupInput, recorded: Option<&Observed>) -> Observed {
    recorded
        .filter(|observed| observed.execution == input.execution)
        .cloned()
        .unwrap_or_else(|| Observed {
            execution: input.execution.clone(),
            ..Observed::default()
        })
}

/// Returns what to record about a member that doesn't recover, found after so many seconds of waiting; none if it was found
/// so often enough.
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

/// Returns what to record before more replicas are requested, after so many seconds of waiting; none if those that this
/// execution requested have disappeared too often.
pub fn replica_request(observed: &Observed, waited: u32) -> Option<Observed> {
    let mut observed = observed.clone();
    if !observed.replica_requests.contains(&waited) {
        observed.replica_requests.push(waited);
    }
    (observed.replica_requests.len() <= REPLICA_REQUESTS).then_some(observed)
}

/// Returns what to record about a change for which ElastiCache found nothing to modify; none if it found nothing for the same
/// change in an earlier round.
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

/// Returns what this execution has recorded. Another execution's group is placed where that one placed it, but what it
/// tried doesn't count: its capacity may be back.
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
