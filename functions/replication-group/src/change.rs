//! Applies one change to the cache.

use aws_sdk_elasticache::Client;
use contract::error::StepResult;

use crate::compare::{Change, Modification};

/// Asks for the change, to be applied at once and not in the next maintenance window.
///
/// # Errors
/// What ElastiCache answered; `ServiceUnavailable` where the group is still changing.
pub async fn apply(elasticache: &Client, id: &str, change: Change) -> StepResult<()> {
    match change {
        Change::IncreaseReplicas(replicas) => elasticache
            .increase_replica_count()
            .replication_group_id(id)
            .new_replica_count(replicas)
            .apply_immediately(true)
            .send()
            .await
            .map(drop)
            .map_err(|error| step::failure("IncreaseReplicaCount", id, error)),
        Change::DecreaseReplicas(replicas) => elasticache
            .decrease_replica_count()
            .replication_group_id(id)
            .new_replica_count(replicas)
            .apply_immediately(true)
            .send()
            .await
            .map(drop)
            .map_err(|error| step::failure("DecreaseReplicaCount", id, error)),
        Change::Modify(modification) => modify(elasticache, id, modification).await,
    }
}

async fn modify(elasticache: &Client, id: &str, wanted: Modification) -> StepResult<()> {
    elasticache
        .modify_replication_group()
        .replication_group_id(id)
        .set_replication_group_description(wanted.description)
        .set_snapshot_retention_limit(wanted.snapshot_retention_days)
        .set_security_group_ids(wanted.security_group_id.map(|id| vec![id]))
        .set_automatic_failover_enabled(wanted.failover)
        .set_multi_az_enabled(wanted.failover)
        .set_engine_version(wanted.engine_version)
        .set_cache_node_type(wanted.node_type)
        .apply_immediately(true)
        .send()
        .await
        .map(drop)
        .map_err(|error| step::failure("ModifyReplicationGroup", id, error))
}
