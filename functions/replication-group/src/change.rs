//! Applies one change to the replication group.

use std::error::Error;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::config::http::HttpResponse;
use aws_sdk_elasticache::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_elasticache::operation::modify_replication_group::{
    ModifyReplicationGroupError, ModifyReplicationGroupOutput,
};
use contract::error::StepResult;
use contract::message::EnsureReplicationGroupInput;
use contract::{Owner, tag_changes};
use elasticache::tag::tags;

use crate::compare::{Change, Difference};
use crate::find::is_still_changing;
use crate::setting::{Found, When};
use crate::tag;

/// ElastiCache's answer to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    /// The group or a member is still changing. A group can be *available* before its members are.
    StillChanging,
    /// ElastiCache found nothing to modify: the change was made after the group was described, or is pending.
    NothingToModify,
}

/// Requests the change. Tags are added together with the owner tags.
///
/// # Errors
/// Returns ElastiCache's error.
pub async fn apply(
    elasticache: &Client,
    owner: &Owner,
    input: &EnsureReplicationGroupInput,
    found: Found<'_>,
    change: &Change,
) -> StepResult<Answer> {
    let id = input.spec.cache.name.as_str();
    match change {
        Change::RemoveTags(removed) => {
            tag::remove(elasticache, found.group, tag_changes::keys(removed))
                .await
                .map(of_tags)
        }
        Change::AddTags(added) => tag::add(elasticache, found.group, tags(owner.with_tags(added)))
            .await
            .map(of_tags),
        Change::IncreaseReplicas(replicas) => answer(
            "IncreaseReplicaCount",
            id,
            elasticache
                .increase_replica_count()
                .replication_group_id(id)
                .new_replica_count(*replicas)
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
                .new_replica_count(*replicas)
                .apply_immediately(true)
                .send()
                .await,
        ),
        Change::Modify(differences, when) => answer(
            "ModifyReplicationGroup",
            id,
            modify(elasticache, input, found, differences, *when).await,
        ),
    }
}

/// Returns the answer to a change of tags.
fn of_tags(is_accepted: bool) -> Answer {
    if is_accepted {
        Answer::Accepted
    } else {
        Answer::StillChanging
    }
}

async fn modify(
    elasticache: &Client,
    input: &EnsureReplicationGroupInput,
    found: Found<'_>,
    differences: &[Difference],
    when: When,
) -> Result<ModifyReplicationGroupOutput, SdkError<ModifyReplicationGroupError, HttpResponse>> {
    let call = elasticache
        .modify_replication_group()
        .replication_group_id(input.spec.cache.name.as_str())
        .apply_immediately(when == When::Now);
    differences
        .iter()
        .fold(call, |call, difference| {
            difference.setting.modify(call, found, input)
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
