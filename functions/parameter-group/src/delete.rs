//! Deletes parameter groups.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::CacheParameterGroup;
use contract::Owner;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{DeleteParameterGroupInput, DeleteParameterGroupOutput};
use elasticache::tag::pairs;

use crate::{find, name};

/// What uses a group that ElastiCache doesn't delete: "One or more cache clusters are still members of this parameter group"
/// (<https://github.com/aws-controllers-k8s/community/issues/2004>), or it "can not be deleted in the current state"
/// (<https://github.com/hashicorp/terraform-provider-aws/pull/8>).
const USERS: &str = "a cache uses it, or its changes are pending";

/// Deletes owned parameter groups: those that the input names, or in a removal all of the environment's. A group that doesn't
/// exist counts as deleted, and one that is in use doesn't prevent the deletion of others.
///
/// # Errors
/// Returns `InUse` if a cache still uses a group, in a removal 15 minutes after the environment's cache was deleted, or
/// ElastiCache's error.
pub async fn delete(
    elasticache: &Client,
    stack: &str,
    input: DeleteParameterGroupInput,
) -> StepResult<DeleteParameterGroupOutput> {
    let owner = Owner::new(&input.environment, stack);
    let environment = input.environment.as_str();
    let groups = find::candidates(elasticache, environment, &input.cache_name).await?;
    let (mut outcome, mut left, mut used) = ("not there", Vec::new(), Vec::new());
    for group in groups.iter().filter(|group| is_selected(group, &input)) {
        let name = group.cache_parameter_group_name().unwrap_or_default();
        match delete_one(elasticache, &owner, &input, group).await? {
            Outcome::Absent => {}
            Outcome::Deleted => outcome = "deleted",
            Outcome::NotOwned(text) => left.extend(text),
            Outcome::InUse => used.push(name),
        }
    }
    if !used.is_empty() {
        return in_use(&input, &used, left);
    }
    Ok(if left.is_empty() {
        DeleteParameterGroupOutput::absent(outcome)
    } else {
        DeleteParameterGroupOutput::NotOwned { left }
    })
}

fn is_selected(group: &CacheParameterGroup, input: &DeleteParameterGroupInput) -> bool {
    let Some(selected) = &input.parameter_groups else {
        return true;
    };
    let name = group.cache_parameter_group_name();
    selected
        .iter()
        .any(|selected| name == Some(selected.as_str()))
}

/// Returns how long to wait for groups that are in use, or the error after which the state machine tries again and then ends the
/// run without deleting them. `left` has the reasons for which other groups were kept. The run's output lists the parts of the
/// error's message: one for each group, separated by semicolons.
fn in_use(
    input: &DeleteParameterGroupInput,
    used: &[&str],
    left: Vec<String>,
) -> StepResult<DeleteParameterGroupOutput> {
    if let Some(waited) = input.seconds_waited {
        let groups = match used {
            [name] => format!("cache parameter group {name}"),
            names => format!("each of the cache parameter groups {}", names.join(", ")),
        };
        return step::wait_or_in_use(waited, &groups, USERS);
    }
    let used = used.iter().map(|name| {
        format!(
            "cache parameter group {name} is still in use: {USERS}. The environment's cache no longer needs it. Give what uses \
             it another parameter group, and the next run deletes it, or remove its owner tags to keep it"
        )
    });
    let reasons: Vec<_> = used.chain(left).collect();
    Err(StepError::new(ErrorName::InUse, reasons.join("; ")))
}

/// The result for one group.
enum Outcome {
    Absent,
    Deleted,
    /// It was kept. Contains the reason if its name is that of one of the cache's groups.
    NotOwned(Option<String>),
    InUse,
}

async fn delete_one(
    elasticache: &Client,
    owner: &Owner,
    input: &DeleteParameterGroupInput,
    group: &CacheParameterGroup,
) -> StepResult<Outcome> {
    let name = group.cache_parameter_group_name().unwrap_or_default();
    let tags = match find::tags(elasticache, group).await {
        // Another run or a user deleted it after it was described.
        Err(error) if error.name() == ErrorName::NotFound => return Ok(Outcome::Absent),
        tags => tags?,
    };
    let created_by = input.created_by.as_deref();
    if !owner.owns_created_by(created_by, pairs(&tags)) {
        let is_named = name::is_of_cache(group, &input.cache_name);
        return Ok(Outcome::NotOwned(is_named.then(|| {
            format!(
                "cache parameter group {name} {}",
                step::skip_reason(created_by)
            )
        })));
    }
    let sent = elasticache
        .delete_cache_parameter_group()
        .cache_parameter_group_name(name)
        .send()
        .await;
    match sent {
        Ok(_) => Ok(Outcome::Deleted),
        Err(error) => match step::code(&error) {
            Some("CacheParameterGroupNotFound") => Ok(Outcome::Absent),
            Some("InvalidCacheParameterGroupState") => Ok(Outcome::InUse),
            _ => Err(step::failure("DeleteCacheParameterGroup", name, error)),
        },
    }
}
