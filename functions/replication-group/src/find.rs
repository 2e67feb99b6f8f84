//! What ElastiCache shows of the cache.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheCluster, ReplicationGroup};
use contract::Owner;
use contract::error::StepResult;

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

/// A member of the group: it shows what the group does not (engine version, security groups, subnet group).
pub async fn member(
    elasticache: &Client,
    group: &ReplicationGroup,
) -> StepResult<Option<CacheCluster>> {
    let Some(id) = group.member_clusters().first() else {
        return Ok(None);
    };
    let answer = elasticache
        .describe_cache_clusters()
        .cache_cluster_id(id)
        .send()
        .await;
    match answer {
        Ok(found) => Ok(found.cache_clusters.unwrap_or_default().into_iter().next()),
        // A replica may be on its way out: the next look finds another first member.
        Err(error) if step::code(&error) == Some("CacheClusterNotFound") => Ok(None),
        Err(error) => Err(step::failure("DescribeCacheClusters", id, error)),
    }
}

/// `NotOwned` where the group's tags do not say that it is ours. Tags can be read only once it is available.
pub async fn require_ownership(
    elasticache: &Client,
    owner: &Owner,
    group: &ReplicationGroup,
) -> StepResult<()> {
    let id = group.replication_group_id().unwrap_or_default();
    let tags = elasticache
        .list_tags_for_resource()
        .resource_name(group.arn().unwrap_or_default())
        .send()
        .await
        .map_err(|error| step::failure("ListTagsForResource", id, error))?
        .tag_list
        .unwrap_or_default();
    owner.require(
        &format!("replication group `{id}`"),
        tags.iter().map(|tag| (tag.key(), tag.value())),
    )
}
