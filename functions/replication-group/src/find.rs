//! What ElastiCache shows of the cache.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheCluster, Endpoint as ShownEndpoint, ReplicationGroup, Tag};
use contract::error::StepResult;
use contract::message::{Endpoint, Endpoints};
use contract::{Owner, Possession, Spec};

/// The replication group, or none.
pub async fn replication_group(
    elasticache: &Client,
    id: &str,
) -> StepResult<Option<ReplicationGroup>> {
    let answer = elasticache
        .describe_replication_groups()
        .replication_group_id(id)
        .send()
        .await;
    match answer {
        Ok(found) => Ok(found
            .replication_groups
            .unwrap_or_default()
            .into_iter()
            .next()),
        Err(error) if step::code(&error) == Some("ReplicationGroupNotFoundFault") => Ok(None),
        Err(error) => Err(step::failure("DescribeReplicationGroups", id, error)),
    }
}

/// The name of the snapshot, if there is one.
pub async fn snapshot(elasticache: &Client, name: &str) -> StepResult<Option<String>> {
    let answer = elasticache
        .describe_snapshots()
        .snapshot_name(name)
        .send()
        .await;
    match answer {
        Ok(found) => Ok(found
            .snapshots
            .unwrap_or_default()
            .into_iter()
            .find_map(|snapshot| snapshot.snapshot_name)),
        Err(error) if step::code(&error) == Some("SnapshotNotFoundFault") => Ok(None),
        Err(error) => Err(step::failure("DescribeSnapshots", name, error)),
    }
}

/// The members of the group, or what of them is not available yet. A group can be *available* before
/// they are, and they show what it does not: engine version, security groups, subnet group.
pub async fn members(
    elasticache: &Client,
    group: &ReplicationGroup,
) -> StepResult<Result<Vec<CacheCluster>, String>> {
    let mut members = Vec::new();
    for id in group.member_clusters() {
        let answer = elasticache
            .describe_cache_clusters()
            .cache_cluster_id(id)
            .send()
            .await;
        let member = match answer {
            Ok(found) => found.cache_clusters.unwrap_or_default().into_iter().next(),
            Err(error) if step::code(&error) == Some("CacheClusterNotFound") => None,
            Err(error) => return Err(step::failure("DescribeCacheClusters", id, error)),
        };
        match member {
            Some(member) if member.cache_cluster_status() == Some("available") => {
                members.push(member);
            }
            Some(member) => {
                let status = member.cache_cluster_status().unwrap_or("without a status");
                return Ok(Err(format!("{id} is {status}")));
            }
            None => return Ok(Err(format!("{id} is not there"))),
        }
    }
    Ok(Ok(members))
}

/// Whose the group is, where its tags can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    Known(Possession),
    /// Its tags cannot be read while it, or a member, is changing.
    Unreadable,
}

/// Reads the group's tags.
///
/// # Errors
/// `NotOwned` where they do not say that it is ours, and it is not to be adopted.
pub async fn ownership(
    elasticache: &Client,
    owner: &Owner,
    adopt: bool,
    group: &ReplicationGroup,
) -> StepResult<Ownership> {
    let Some(tags) = tags(elasticache, group).await? else {
        return Ok(Ownership::Unreadable);
    };
    let id = group.replication_group_id().unwrap_or_default();
    owner
        .require(&format!("replication group `{id}`"), adopt, pairs(&tags))
        .map(Ownership::Known)
}

/// The group's tags; none while they cannot be read.
pub async fn tags(elasticache: &Client, group: &ReplicationGroup) -> StepResult<Option<Vec<Tag>>> {
    let id = group.replication_group_id().unwrap_or_default();
    let answer = elasticache
        .list_tags_for_resource()
        .resource_name(group.arn().unwrap_or_default())
        .send()
        .await;
    match answer {
        Ok(found) => Ok(Some(found.tag_list.unwrap_or_default())),
        Err(error) if is_still_changing(step::code(&error)) => Ok(None),
        Err(error) => Err(step::failure("ListTagsForResource", id, error)),
    }
}

/// Tags as key and value.
pub fn pairs(tags: &[Tag]) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

/// Whether ElastiCache refuses because the group or a member is not available: it can be asked again later.
pub fn is_still_changing(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("InvalidReplicationGroupState" | "InvalidCacheClusterState")
    )
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
