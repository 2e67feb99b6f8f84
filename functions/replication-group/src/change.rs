//! Applies one change to the cache.

use aws_sdk_elasticache::Client;
use contract::error::StepResult;

use crate::compare::{Change, Settings};

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
        Change::Settings(settings) => modify_settings(elasticache, id, settings).await,
        Change::EngineVersion(version) => elasticache
            .modify_replication_group()
            .replication_group_id(id)
            .engine_version(version)
            .apply_immediately(true)
            .send()
            .await
            .map(drop)
            .map_err(|error| step::failure("ModifyReplicationGroup", id, error)),
        Change::NodeType(node_type) => elasticache
            .modify_replication_group()
            .replication_group_id(id)
            .cache_node_type(node_type)
            .apply_immediately(true)
            .send()
            .await
            .map(drop)
            .map_err(|error| step::failure("ModifyReplicationGroup", id, error)),
    }
}

async fn modify_settings(elasticache: &Client, id: &str, settings: Settings) -> StepResult<()> {
    elasticache
        .modify_replication_group()
        .replication_group_id(id)
        .set_replication_group_description(settings.description)
        .set_snapshot_retention_limit(settings.snapshot_retention_days)
        .set_security_group_ids(settings.security_group_id.map(|id| vec![id]))
        .set_automatic_failover_enabled(settings.failover)
        .set_multi_az_enabled(settings.failover)
        .apply_immediately(true)
        .send()
        .await
        .map(drop)
        .map_err(|error| step::failure("ModifyReplicationGroup", id, error))
}
