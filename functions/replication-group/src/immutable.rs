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
    let subnet_group = match input.spec.network.shared_subnet_group() {
        Some(_) => "network.subnetGroup",
        None => "cache.subnetGroupName",
    };
    let differences = [
        differs(
            subnet_group,
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
    let differences = fixed_differences(group, member)
        .into_iter()
        .chain(differences.into_iter().flatten());
    require_none(&differences.collect::<Vec<_>>(), input)
}

/// Checks the settings that are the same for every cache and that envcache never changes.
///
/// # Errors
/// Returns `Immutable` with the differences, each with what to do.
pub fn check_fixed(
    group: &ReplicationGroup,
    member: &CacheCluster,
    input: &EnsureReplicationGroupInput,
) -> StepResult<()> {
    require_none(&fixed_differences(group, member), input)
}

fn fixed_differences(group: &ReplicationGroup, member: &CacheCluster) -> Vec<String> {
    let users = group.user_group_ids().join(", ");
    let settings = [
        (
            "engine",
            member.engine(),
            "valkey",
            "upgrade it in the ElastiCache console",
        ),
        (
            "cluster mode",
            Some(on_off(group.cluster_enabled())),
            "off",
            "create a new cache from a backup",
        ),
        (
            "encryption at rest",
            Some(on_off(group.at_rest_encryption_enabled())),
            "on",
            "create a new cache from a backup",
        ),
        (
            "encryption in transit",
            Some(on_off(group.transit_encryption_enabled())),
            "on",
            "turn it on in the ElastiCache console, and change the clients",
        ),
        (
            "AUTH",
            Some(on_off(group.auth_token_enabled())),
            "off",
            NO_PASSWORD,
        ),
        ("user groups", Some(users.as_str()), "", NO_PASSWORD),
    ];
    settings
        .into_iter()
        .filter_map(|(field, found, requested, remedy)| {
            Some(format!("{} ({remedy})", differs(field, found, requested)?))
        })
        .collect()
}

/// The published endpoint contains no password, so no client could connect.
const NO_PASSWORD: &str = "envcache publishes no password: remove it in the ElastiCache console";

fn require_none(differences: &[String], input: &EnsureReplicationGroupInput) -> StepResult<()> {
    if differences.is_empty() {
        return Ok(());
    }
    Err(StepError::new(
        ErrorName::Immutable,
        format!(
            "replication group `{}` differs from the request in settings that can't be updated: {}. The cache was not \
             changed. Request the current values, or create the cache under another environment name",
            input.spec.cache.name,
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
