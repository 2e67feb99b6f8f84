//! Deletes the subnet group.

use aws_sdk_elasticache::Client;
use contract::Owner;
use contract::error::{ErrorName, StepResult};
use contract::message::{DeleteSubnetGroupInput, Deleted};

use crate::find;

/// Deletes the subnet group where its tags say that it is ours. What has gone is a success.
///
/// # Errors
/// `InUse` where a cache stands in it 15 minutes after ours has gone; else what ElastiCache answered.
pub async fn delete(
    elasticache: &Client,
    stack: &str,
    input: DeleteSubnetGroupInput,
) -> StepResult<Deleted> {
    let name = &input.subnet_group_name;
    let gone = |outcome: &str| Deleted::Gone {
        outcome: outcome.to_owned(),
        final_snapshot: None,
    };
    let Some(group) = find::subnet_group(elasticache, name).await? else {
        return Ok(gone("not there"));
    };
    let tags = match find::tags(elasticache, &group).await {
        // Somebody was faster.
        Err(error) if error.name() == ErrorName::NotFound => return Ok(gone("not there")),
        tags => tags?,
    };
    let owner = Owner::new(&input.environment, stack);
    if !owner.made(input.maker.as_deref(), find::pairs(&tags)) {
        let whose = step::whose(input.maker.as_deref());
        return Ok(Deleted::NotOurs {
            outcome: format!("cache subnet group {name} {whose}"),
        });
    }
    let sent = elasticache
        .delete_cache_subnet_group()
        .cache_subnet_group_name(name)
        .send()
        .await;
    match sent {
        Ok(_) => Ok(gone("deleted")),
        Err(error) => match step::code(&error) {
            Some("CacheSubnetGroupNotFoundFault") => Ok(gone("not there")),
            Some("CacheSubnetGroupInUse") => step::wait_or_in_use(
                input.seconds_waited,
                &format!("cache subnet group {name}"),
                "a cache that is not this environment's stands in it",
            ),
            _ => Err(step::failure("DeleteCacheSubnetGroup", name, error)),
        },
    }
}
