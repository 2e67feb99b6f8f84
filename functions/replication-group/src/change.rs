//! Applies one change to the replication group.

use std::error::Error;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::config::http::HttpResponse;
use aws_sdk_elasticache::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_elasticache::operation::modify_replication_group::{
    ModifyReplicationGroupError, ModifyReplicationGroupOutput,
};
use contract::error::StepResult;

use crate::compare::{Change, Setting, SettingValue};
use crate::find::is_still_changing;

/// ElastiCache's answer to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    /// The group or a member is still changing. A group can be *available* before its members are.
    StillChanging,
    /// ElastiCache found nothing to modify: the change was made after the group was described, or is pending.
    NothingToModify,
}

/// Requests the change, to be applied immediately and not in the next maintenance window.
///
/// # Errors
/// Returns ElastiCache's error.
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
        Change::Modify(settings) => answer(
            "ModifyReplicationGroup",
            id,
            modify(elasticache, id, settings).await,
        ),
    }
}

async fn modify(
    elasticache: &Client,
    id: &str,
    settings: Vec<Setting>,
) -> Result<ModifyReplicationGroupOutput, SdkError<ModifyReplicationGroupError, HttpResponse>> {
    let request = elasticache
        .modify_replication_group()
        .replication_group_id(id)
        .apply_immediately(true);
    settings
        .into_iter()
        .fold(request, |request, setting| match setting.value {
            SettingValue::Description(text) => request.replication_group_description(text),
            SettingValue::SnapshotRetention {
                days,
                snapshotting_cluster_id,
            } => request
                .snapshot_retention_limit(days)
                .set_snapshotting_cluster_id(snapshotting_cluster_id),
            SettingValue::SecurityGroup(id) => request.security_group_ids(id),
            SettingValue::Failover(is_on) => request
                .automatic_failover_enabled(is_on)
                .multi_az_enabled(is_on),
            SettingValue::EngineVersion(version) => request.engine_version(version),
            SettingValue::ParameterGroup(name) => request.cache_parameter_group_name(name),
            SettingValue::NodeType(node_type) => request.cache_node_type(node_type),
        })
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
