//! Deletes the subnet groups.

use aws_sdk_elasticache::Client;
use contract::Owner;
use contract::error::{ErrorName, StepResult};
use contract::message::{DeleteSubnetGroupInput, DeleteSubnetGroupOutput};

use crate::find;

/// Deletes the environment's subnet groups if their tags say that they are owned: the last one requested, and those that
/// earlier requests named before there was a cache. A group that doesn't exist is a success.
///
/// # Errors
/// Returns `InUse` if another cache is in one 15 minutes after the environment's cache was deleted; otherwise, what
/// ElastiCache answered.
pub async fn delete(
    elasticache: &Client,
    stack: &str,
    input: DeleteSubnetGroupInput,
) -> StepResult<DeleteSubnetGroupOutput> {
    let mut outcome = "not there";
    let mut left = Vec::new();
    for name in &input.subnet_group_names {
        match delete_one(elasticache, stack, &input, name).await? {
            One::Absent => {}
            One::Deleted => outcome = "deleted",
            One::NotOwned(text) => left.push(text),
            One::InUse => {
                return step::wait_or_in_use(
                    input.seconds_waited,
                    &format!("cache subnet group {name}"),
                    "a cache that is not this environment's stands in it",
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

/// What became of one group.
enum One {
    Absent,
    Deleted,
    /// It was left, as this text says.
    NotOwned(String),
    InUse,
}

async fn delete_one(
    elasticache: &Client,
    stack: &str,
    input: &DeleteSubnetGroupInput,
    name: &str,
) -> StepResult<One> {
    let Some(group) = find::subnet_group(elasticache, name).await? else {
        return Ok(One::Absent);
    };
    let tags = match find::tags(elasticache, &group).await {
        // Another run or a user deleted it after it was described.
        Err(error) if error.name() == ErrorName::NotFound => return Ok(One::Absent),
        tags => tags?,
    };
    let owner = Owner::new(&input.environment, stack);
    let created_by = input.created_by.as_deref();
    if !owner.owns_created_by(created_by, find::pairs(&tags)) {
        return Ok(One::NotOwned(format!(
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
        Ok(_) => Ok(One::Deleted),
        Err(error) => match step::code(&error) {
            Some("CacheSubnetGroupNotFoundFault") => Ok(One::Absent),
            Some("CacheSubnetGroupInUse") => Ok(One::InUse),
            _ => Err(step::failure("DeleteCacheSubnetGroup", name, error)),
        },
    }
}
