//! Applies one change to the cache.

use std::error::Error;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::config::http::HttpResponse;
use aws_sdk_elasticache::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_elasticache::operation::modify_replication_group::{
    ModifyReplicationGroupError, ModifyReplicationGroupOutput,
};
use contract::error::StepResult;

use crate::compare::{Change, Modification};
use crate::find::is_still_changing;

/// What became of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    /// The group or a member is changing still: a group can be *available* before its members are.
    StillChanging,
    /// ElastiCache finds nothing to modify: the change has been made since the group was described, or is pending.
    NothingToModify,
}

/// Asks for the change, to be applied at once and not in the next maintenance window.
///
/// # Errors
/// What ElastiCache answered.
pub async fn apply(elasticache: &Client, id: &str, change: Change) -> StepResult<Answer> {
    match change {
        Change::IncreaseReplicas(replicas) => answer(
            "IncreaseReplicaCount",
            id,
            elasticache
                .increase_replica_count()
                .replication_group_id(id)
                .new_replica_count(replicas)
                .apply_immediately(true)
                .send()
                .await,
        ),
        Change::DecreaseReplicas(replicas) => answer(
            "DecreaseReplicaCount",
            id,
            elasticache
                .decrease_replica_count()
                .replication_group_id(id)
                .new_replica_count(replicas)
                .apply_immediately(true)
                .send()
                .await,
        ),
        Change::Modify(modification) => answer(
            "ModifyReplicationGroup",
            id,
            modify(elasticache, id, modification).await,
        ),
    }
}

async fn modify(
    elasticache: &Client,
    id: &str,
    wanted: Modification,
) -> Result<ModifyReplicationGroupOutput, SdkError<ModifyReplicationGroupError, HttpResponse>> {
    elasticache
        .modify_replication_group()
        .replication_group_id(id)
        .set_replication_group_description(wanted.description)
        .set_snapshot_retention_limit(wanted.snapshot_retention_days)
        .set_snapshotting_cluster_id(wanted.snapshotting_cluster_id)
        .set_security_group_ids(wanted.security_group_id.map(|id| vec![id]))
        .set_automatic_failover_enabled(wanted.failover)
        .set_multi_az_enabled(wanted.failover)
        .set_engine_version(wanted.engine_version)
        .set_cache_parameter_group_name(wanted.parameter_group)
        .set_cache_node_type(wanted.node_type)
        .apply_immediately(true)
        .send()
        .await
}

fn answer<T, E>(
    operation: &str,
    id: &str,
    result: Result<T, SdkError<E, HttpResponse>>,
) -> StepResult<Answer>
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match result {
        Ok(_) => Ok(Answer::Accepted),
        Err(error) if is_still_changing(step::code(&error)) => Ok(Answer::StillChanging),
        Err(error) if step::modifies_nothing(&error) => Ok(Answer::NothingToModify),
        Err(error) => Err(step::failure(operation, id, error)),
    }
}
