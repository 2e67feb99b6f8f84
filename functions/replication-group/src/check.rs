//! The poll: one describe call.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{Endpoint as ShownEndpoint, ReplicationGroup};
use contract::Spec;
use contract::error::StepResult;
use contract::message::{
    CheckReplicationGroupInput, CheckReplicationGroupOutput, Endpoint, Endpoints,
};

use crate::decide::{self, Next};
use crate::find;
use crate::schedule::wait_or_give_up;

/// Describes the replication group once. It decides only whether ElastiCache is still at work on the group.
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
        Ok(Next::Wait(found)) => CheckReplicationGroupOutput::Pending {
            wait_seconds: wait_or_give_up(input.seconds_waited, id, &found)?,
            found,
        },
        // A status that envcache doesn't know is EnsureReplicationGroup's error.
        Ok(_) | Err(_) => CheckReplicationGroupOutput::Ready {
            found: status.unwrap_or("not there").to_owned(),
        },
    })
}

/// Returns the endpoints, once every node group is available and shows its own: they can be missing briefly.
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
