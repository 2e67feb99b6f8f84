//! Deletes the subnet groups.

use aws_sdk_elasticache::Client;
use contract::Owner;
use contract::error::{ErrorName, StepResult};
use contract::message::{DeleteSubnetGroupInput, DeleteSubnetGroupOutput};
use elasticache::tag::pairs;

use crate::find;

/// Deletes the environment's owned subnet groups: the last one requested, and those that earlier requests named before
/// there was a cache. A group that doesn't exist counts as deleted. A shared group is only reported.
///
/// # Errors
/// Returns `InUse` if another cache still uses a group 15 minutes after the environment's cache was deleted, or
/// ElastiCache's error.
pub async fn delete(
    elasticache: &Client,
    stack: &str,
    input: DeleteSubnetGroupInput,
) -> StepResult<DeleteSubnetGroupOutput> {
    let mut outcome = "not there";
    let shared = input.shared_subnet_group.as_ref();
    let mut left: Vec<_> = shared
        .map(|name| format!("cache subnet group {name} is shared (network.subnetGroup)"))
        .into_iter()
        .collect();
    for name in &input.subnet_group_names {
        match delete_one(elasticache, stack, &input, name).await? {
            Outcome::Absent => {}
            Outcome::Deleted => outcome = "deleted",
            Outcome::NotOwned(text) => left.push(text),
            Outcome::InUse => {
                return step::wait_or_in_use(
                    input.seconds_waited,
                    &format!("cache subnet group {name}"),
                    "another cache uses it",
                );
            }
        }
    }
    Ok(if left.is_empty() {
        DeleteSubnetGroupOutput::absent(outcome)
    } else {
        DeleteSubnetGroupOutput::NotOwned { left }
    })
}

/// The result for one group.
enum Outcome {
    Absent,
    Deleted,
    /// It was kept, for the reason in this text.
    NotOwned(String),
    InUse,
}

async fn delete_one(
    elasticache: &Client,
    stack: &str,
    input: &DeleteSubnetGroupInput,
    name: &str,
) -> StepResult<Outcome> {
    let Some(group) = elasticache::describe::subnet_group(elasticache, name).await? else {
        return Ok(Outcome::Absent);
    };
    let tags = match find::tags(elasticache, &group).await {
        // Another run or a user deleted it after it was described.
        Err(error) if error.name() == ErrorName::NotFound => return Ok(Outcome::Absent),
        tags => tags?,
    };
    let owner = Owner::new(&input.environment, stack);
    let created_by = input.created_by.as_deref();
    if !owner.owns_created_by(created_by, pairs(&tags)) {
        return Ok(Outcome::NotOwned(format!(
            "cache subnet group {name} {}",
            step::skip_reason(created_by)
        )));
    }
    let sent = elasticache
        .delete_cache_subnet_group()
        .cache_subnet_group_name(name)
        .send()
        .await;
    match sent {
        Ok(_) => Ok(Outcome::Deleted),
        Err(error) => match step::code(&error) {
            Some("CacheSubnetGroupNotFoundFault") => Ok(Outcome::Absent),
            Some("CacheSubnetGroupInUse") => Ok(Outcome::InUse),
            _ => Err(step::failure("DeleteCacheSubnetGroup", name, error)),
        },
    }
}
