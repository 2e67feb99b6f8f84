//! Finds differences between a cache and the request that can't be changed in place. Pure functions; no AWS calls.

use aws_sdk_elasticache::types::{CacheCluster, Endpoint, NodeGroup, ReplicationGroup};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::EnsureReplicationGroupInput;

use crate::compare::{on_off, parameter_group_of, versions};
use crate::version::{self, Comparison};

/// Checks that the group differs from the request only in what envcache changes in place.
///
/// # Errors
/// Returns `Immutable` with all other differences.
pub fn check(
    group: &ReplicationGroup,
    member: &CacheCluster,
    input: &EnsureReplicationGroupInput,
) -> StepResult<()> {
    let cache = &input.spec.cache;
    let port = group
        .node_groups()
        .first()
        .and_then(NodeGroup::primary_endpoint)
        .and_then(Endpoint::port);
    let differences = [
        differs("engine", member.engine(), "valkey"),
        differs("cluster mode", Some(on_off(group.cluster_enabled())), "off"),
        differs(
            "encryption at rest",
            Some(on_off(group.at_rest_encryption_enabled())),
            "on",
        ),
        differs(
            "encryption in transit",
            Some(on_off(group.transit_encryption_enabled())),
            "on",
        ),
        // The published endpoint contains no password, so no client could connect.
        differs("AUTH", Some(on_off(group.auth_token_enabled())), "off"),
        differs("user groups", Some(&group.user_group_ids().join(", ")), ""),
        differs(
            "cache.subnetGroupName",
            member.cache_subnet_group_name(),
            cache.subnet_group_name.as_str(),
        ),
        port.and_then(|port| {
            differs(
                "cache.port",
                Some(&port.to_string()),
                &cache.port.get().to_string(),
            )
        }),
        version_difference(member, input),
    ];
    let differences: Vec<_> = differences.into_iter().flatten().collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(StepError::new(
        ErrorName::Immutable,
        format!(
            "replication group `{}` differs from the request in settings that can't be updated: {}. The cache was not \
             changed. Request the current values, or create the cache under another environment name",
            cache.name,
            differences.join("; ")
        ),
    ))
}

/// Returns the text of a difference; none if the values are equal.
fn differs(field: &str, found: Option<&str>, requested: &str) -> Option<String> {
    let found = found.unwrap_or("unknown");
    let quote = |text: &str| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            format!("`{text}`")
        }
    };
    (found != requested).then(|| {
        format!(
            "{field} is {}, requested {}",
            quote(found),
            quote(requested)
        )
    })
}

/// Returns the difference of the engine versions if envcache can't upgrade the cache to the requested one.
fn version_difference(
    member: &CacheCluster,
    input: &EnsureReplicationGroupInput,
) -> Option<String> {
    let (found, requested) = versions(member, input)?;
    let why = match version::compare(found, requested) {
        Comparison::Satisfied => return None,
        Comparison::NewerMajor => "and ElastiCache doesn't downgrade".to_owned(),
        Comparison::Older => {
            let in_use = parameter_group_of(member);
            let custom = version::parameter_group(in_use, found, requested).err()?;
            format!(
                "and the cache uses the parameter group `{custom}`, which is for another major version. Upgrade the \
                 cache in the ElastiCache console, together with a parameter group of the family valkey{}",
                requested.major
            )
        }
    };
    let found = member.engine_version()?;
    Some(format!(
        "cache.engineVersion is `{found}`, requested `{requested}`, {why}"
    ))
}
