//! Reads replication groups and members from MiniStack.

use anyhow::Result;

use super::{Element, Upstream};

/// Returns a replication group, or `None` if MiniStack has none with this ID.
pub(super) async fn replication_group(id: &str, upstream: &Upstream) -> Result<Option<Element>> {
    let described = upstream
        .query(
            "elasticache",
            &[
                ("Action", "DescribeReplicationGroups"),
                ("ReplicationGroupId", id),
            ],
        )
        .await?;
    let path = [
        "DescribeReplicationGroupsResult",
        "ReplicationGroups",
        "ReplicationGroup",
    ];
    Ok(described.and_then(|answer| answer.at(&path).cloned()))
}

/// Returns the answer about a replication group's first member, if there is one.
pub(super) async fn first_member(id: &str, upstream: &Upstream) -> Result<Option<Element>> {
    upstream
        .query(
            "elasticache",
            &[
                ("Action", "DescribeCacheClusters"),
                ("CacheClusterId", &format!("{id}-0001-001")),
            ],
        )
        .await
}
