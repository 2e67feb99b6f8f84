//! Reads the cache from ElastiCache.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{
    CacheCluster, Endpoint as SdkEndpoint, ReplicationGroup, Snapshot, Tag,
};
use contract::error::StepResult;
use contract::message::{Endpoint, Endpoints};
use contract::{Adoption, Owner, Ownership, Spec};
use elasticache::describe;
use elasticache::tag::pairs;

/// The text for a replication group or a member without a status. ElastiCache isn't known to return one.
const WITHOUT_STATUS: &str = "without a status";

/// Returns a replication group's status.
pub fn status(group: &ReplicationGroup) -> &str {
    group.status().unwrap_or(WITHOUT_STATUS)
}

/// Returns the snapshot; none if it doesn't exist.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn snapshot(elasticache: &Client, name: &str) -> StepResult<Option<Snapshot>> {
    let answer = elasticache
        .describe_snapshots()
        .snapshot_name(name)
        .send()
        .await;
    match answer {
        Ok(found) => Ok(found.snapshots.unwrap_or_default().into_iter().next()),
        Err(error) if step::code(&error) == Some("SnapshotNotFoundFault") => Ok(None),
        Err(error) => Err(step::failure("DescribeSnapshots", name, error)),
    }
}

/// The members of a group. A group can be *available* before its members are. Only the members have the engine version,
/// the security groups, and the subnet group.
#[derive(Clone, Debug, PartialEq)]
pub enum Members {
    /// All members are available.
    Available(Vec<CacheCluster>),
    /// At least one member is changing; contains its ID and status.
    Changing(String),
    /// A member doesn't recover.
    Failed { id: String, status: String },
}

/// Describes the members of a group.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn members(elasticache: &Client, group: &ReplicationGroup) -> StepResult<Members> {
    let (mut available, mut changing) = (Vec::new(), None);
    for id in group.member_clusters() {
        let Some(member) = describe::cache_cluster(elasticache, id).await? else {
            changing = changing.or(Some(format!("{id} is not there")));
            continue;
        };
        match member.cache_cluster_status() {
            Some("available") => available.push(member),
            Some(status) if does_not_recover(status) => {
                return Ok(Members::Failed {
                    id: id.clone(),
                    status: status.to_owned(),
                });
            }
            status => {
                let status = status.unwrap_or(WITHOUT_STATUS);
                changing = changing.or(Some(format!("{id} is {status}")));
            }
        }
    }
    Ok(match changing {
        Some(changing) => Members::Changing(changing),
        None => Members::Available(available),
    })
}

/// Returns whether a member in this status doesn't recover. The statuses are those of
/// [CacheCluster](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html); the
/// [user guide](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Nodes.viewing.html) writes one of them with an
/// underscore.
fn does_not_recover(status: &str) -> bool {
    matches!(
        status,
        "incompatible-network" | "incompatible_network" | "restore-failed"
    )
}

/// Returns the cache cluster with this ID if it isn't part of a replication group.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn standalone_cluster(
    elasticache: &Client,
    id: &str,
) -> StepResult<Option<CacheCluster>> {
    let found = describe::cache_cluster(elasticache, id).await?;
    Ok(found.filter(|cluster| cluster.replication_group_id().is_none()))
}

/// The ownership of a group, if its tags can be read.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnershipCheck {
    Known {
        ownership: Ownership,
        tags: Vec<Tag>,
    },
    /// The group or a member is changing, so the tags can't be read.
    TagsUnavailable,
}

/// Checks the group's ownership by its tags.
///
/// # Errors
/// Returns `NotOwned` if the group is neither owned nor adoptable; otherwise, ElastiCache's error.
pub async fn ownership(
    elasticache: &Client,
    owner: &Owner,
    adoption: Adoption,
    group: &ReplicationGroup,
) -> StepResult<OwnershipCheck> {
    let Some(tags) = tags(elasticache, group).await? else {
        return Ok(OwnershipCheck::TagsUnavailable);
    };
    let id = group.replication_group_id().unwrap_or_default();
    owner
        .classify(&format!("replication group `{id}`"), adoption, pairs(&tags))
        .map(|ownership| OwnershipCheck::Known { ownership, tags })
}

/// Returns the group's tags; none while they can't be read.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn tags(elasticache: &Client, group: &ReplicationGroup) -> StepResult<Option<Vec<Tag>>> {
    let id = group.replication_group_id().unwrap_or_default();
    let arn = group.arn().unwrap_or_default();
    match elasticache::tag::list(elasticache, arn, id).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if are_tags_unavailable(error.code()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether ElastiCache rejected a call because the group or a member isn't available. The call can be repeated
/// later.
pub fn is_still_changing(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("InvalidReplicationGroupState" | "InvalidCacheClusterState")
    )
}

/// Returns whether ElastiCache can't read or write the group's tags now.
///
/// When a backup or a change begins, ElastiCache may answer that an existing group "is either not present or not
/// available" (<https://github.com/hashicorp/terraform-provider-aws/issues/24968>). The next describe call shows
/// whether it exists.
pub fn are_tags_unavailable(code: Option<&str>) -> bool {
    is_still_changing(code) || code == Some("CacheClusterNotFound")
}

/// Returns the endpoints; none while a node group isn't available or an endpoint is missing, which can happen briefly.
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

/// Returns the endpoint, with the address exactly as ElastiCache returns it.
fn endpoint(found: &SdkEndpoint) -> Option<Endpoint> {
    Some(Endpoint {
        host: found
            .address()
            .filter(|address| !address.is_empty())?
            .to_owned(),
        port: u16::try_from(found.port()?).ok().filter(|port| *port > 0)?,
    })
}
