//! Describes replication groups, their members, and subnet groups.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheCluster, CacheSubnetGroup, ReplicationGroup};
use contract::error::StepResult;

/// Returns the replication group; none if it doesn't exist.
///
/// # Errors
/// Returns ElastiCache's error.
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

/// Returns the cache cluster, which is a member of a replication group or standalone; none if it doesn't exist.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn cache_cluster(elasticache: &Client, id: &str) -> StepResult<Option<CacheCluster>> {
    let answer = elasticache
        .describe_cache_clusters()
        .cache_cluster_id(id)
        .send()
        .await;
    match answer {
        Ok(found) => Ok(found.cache_clusters.unwrap_or_default().into_iter().next()),
        Err(error) if step::code(&error) == Some("CacheClusterNotFound") => Ok(None),
        Err(error) => Err(step::failure("DescribeCacheClusters", id, error)),
    }
}

/// Returns the cache subnet group; none if it doesn't exist.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn subnet_group(
    elasticache: &Client,
    name: &str,
) -> StepResult<Option<CacheSubnetGroup>> {
    let answer = elasticache
        .describe_cache_subnet_groups()
        .cache_subnet_group_name(name)
        .send()
        .await;
    match answer {
        Ok(found) => Ok(found
            .cache_subnet_groups
            .unwrap_or_default()
            .into_iter()
            .next()),
        Err(error) if step::code(&error) == Some("CacheSubnetGroupNotFoundFault") => Ok(None),
        Err(error) => Err(step::failure("DescribeCacheSubnetGroups", name, error)),
    }
}
