//! One look at the cache, and what it means.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{Endpoint as ShownEndpoint, ReplicationGroup};
use contract::Spec;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{CheckReplicationGroupInput, CheckedReplicationGroup, Endpoint, Endpoints};

use crate::schedule::{DEADLINE_SECONDS, wait_or_give_up};
use crate::{find, reason};

/// Describes the replication group once and judges what it sees.
///
/// # Errors
/// `CreateFailed`, with the reason that ElastiCache's events give, where the group is not replaced;
/// `UnexpectedStatus` for a status that ElastiCache does not document; `Timeout` after the deadline; else what
/// ElastiCache answered.
pub async fn check(
    elasticache: &Client,
    input: CheckReplicationGroupInput,
) -> StepResult<CheckedReplicationGroup> {
    let group = find::replication_group(elasticache, input.spec.cache.name.as_str()).await?;
    match verdict(group.as_ref(), &input)? {
        Verdict::Goes(answer) => Ok(answer),
        Verdict::CreateFailed(group) => {
            let reason = reason::of(elasticache, group).await;
            create_failed(&input, reason)
        }
    }
}

/// The code stands in the event of the member that found no capacity
/// (<https://runbooks.cloud-platform.service.justice.gov.uk/elasticache-insufficient-az-capacity.html>).
const NO_CAPACITY: &str = "InsufficientCacheClusterCapacity";

/// A group of ours that could not be created is replaced, once in an execution: what failed for a moment may
/// succeed, and what is wrong fails again. For a lack of capacity it is replaced as often as there are other zones to
/// try.
fn create_failed(
    input: &CheckReplicationGroupInput,
    reason: String,
) -> StepResult<CheckedReplicationGroup> {
    let id = &input.spec.cache.name;
    let no_capacity = reason.contains(NO_CAPACITY);
    let way_out = if !input.creation_recorded {
        "The environment's record does not say that envcache asked for it, so it was left as it is: delete it in the \
         ElastiCache console, then start again"
    } else if input.replaced && !no_capacity {
        "It was deleted and created again in this run, and failed again: see to the reason, then start again"
    } else if input.seconds_waited >= DEADLINE_SECONDS {
        "It could not be replaced within 60 minutes of waiting: start again"
    } else {
        return Ok(CheckedReplicationGroup::Failed {
            reason,
            no_capacity,
        });
    };
    Err(StepError::new(
        ErrorName::CreateFailed,
        format!(
            "replication group {id} is create-failed: ElastiCache accepted it and then could not create it. {reason}. \
             {way_out}"
        ),
    ))
}

/// What a look means.
enum Verdict<'a> {
    Goes(CheckedReplicationGroup),
    /// ElastiCache gave up. Why, only its events say.
    CreateFailed(&'a ReplicationGroup),
}

/// What a status means. The statuses are those of
/// [ReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html).
fn verdict<'a>(
    group: Option<&'a ReplicationGroup>,
    input: &CheckReplicationGroupInput,
) -> StepResult<Verdict<'a>> {
    let id = input.spec.cache.name.as_str();
    let waited = input.seconds_waited;
    let pending = |found: &str| {
        Ok(Verdict::Goes(CheckedReplicationGroup::Pending {
            found: found.to_owned(),
            wait_seconds: wait_or_give_up(waited, id, found)?,
        }))
    };
    let Some(group) = group else {
        // Seen as wanted a moment ago: no round without a wait. After it nothing counts as settled any more.
        if input.settled {
            return pending("not there");
        }
        wait_or_give_up(waited, id, "not there")?;
        return Ok(Verdict::Goes(CheckedReplicationGroup::Absent));
    };
    match group.status().unwrap_or("without a status") {
        "create-failed" => Ok(Verdict::CreateFailed(group)),
        // What is not settled yet has to be compared, which a running snapshot forbids.
        status @ ("creating" | "modifying" | "deleting") => pending(status),
        "snapshotting" if !input.settled => pending("snapshotting"),
        status @ ("available" | "snapshotting") => match endpoints(group, &input.spec) {
            Some(endpoints) => {
                if !input.settled {
                    wait_or_give_up(waited, id, "available, but not yet as wanted,")?;
                }
                Ok(Verdict::Goes(CheckedReplicationGroup::Ready { endpoints }))
            }
            None => pending(&format!("{status}, but without its endpoint")),
        },
        status => Err(StepError::new(
            ErrorName::UnexpectedStatus,
            format!(
                "replication group {id} is {status}, a status that envcache does not know. It was left as it is: \
                 look at it in the ElastiCache console, and start again once it is available"
            ),
        )),
    }
}

/// The endpoints, once every node group is available and shows its own: they can be missing for a moment.
pub fn endpoints(group: &ReplicationGroup, spec: &Spec) -> Option<Endpoints> {
    let all_available = group
        .node_groups()
        .iter()
        .all(|node_group| node_group.status() == Some("available"));
    if !all_available {
        return None;
    }
    let node_group = group.node_groups().first()?;
    let reader = if spec.cache.replicas.get() > 0 {
        Some(endpoint(node_group.reader_endpoint()?)?)
    } else {
        None
    };
    Some(Endpoints {
        primary: endpoint(node_group.primary_endpoint()?)?,
        reader,
    })
}

/// The address is what ElastiCache shows, unchanged.
fn endpoint(shown: &ShownEndpoint) -> Option<Endpoint> {
    Some(Endpoint {
        host: shown
            .address()
            .filter(|address| !address.is_empty())?
            .to_owned(),
        port: u16::try_from(shown.port()?).ok().filter(|port| *port > 0)?,
    })
}
