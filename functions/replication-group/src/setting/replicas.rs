//! `cache.replicas`. ElastiCache changes it with `IncreaseReplicaCount` and `DecreaseReplicaCount`.

use aws_sdk_elasticache::types::ReplicationGroup;
use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Setting, Step};

pub struct Replicas;

impl Setting for Replicas {
    fn field(&self) -> &'static str {
        "cache.replicas"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["NumCacheClusters"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Nodes)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.replicas))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(nodes(found.group) - 1))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.num_cache_clusters(input.spec.cache.nodes())
    }
}

/// Returns the number of nodes in the group.
pub fn nodes(group: &ReplicationGroup) -> i32 {
    let nodes: usize = group
        .node_groups()
        .iter()
        .map(|node_group| node_group.node_group_members().len())
        .sum();
    i32::try_from(nodes).unwrap_or(i32::MAX)
}
