//! The parameter group. It belongs to one major version, so it changes with the version.

use aws_sdk_elasticache::types::{CacheCluster, CacheParameterGroupStatus};
use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::engine::is_upgraded;
use super::engine_version::{EngineVersion, versions};
use super::{Change, Comparison, Creation, Found, Modification, Setting, Step};
use crate::version;

pub struct ParameterGroup;

impl Setting for ParameterGroup {
    fn field(&self) -> &'static str {
        "parameter group"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &[]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Upgrade)
    }

    fn requested(&self, _input: &EnsureReplicationGroupInput) -> Option<Value> {
        None
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(parameter_group_of(found.member()?)?))
    }

    fn create(&self, call: Creation, _input: &EnsureReplicationGroupInput) -> Creation {
        call
    }

    fn modify(
        &self,
        call: Modification,
        found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        call.set_cache_parameter_group_name(of_upgrade(found, input).unwrap_or_default())
    }

    fn compare(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Comparison {
        match of_upgrade(found, input) {
            Ok(Some(name)) => Comparison::Different(json!(name)),
            // `EngineVersion` rejects the upgrade of a cache with an own group.
            Ok(None) | Err(_) => Comparison::Equal,
        }
    }

    /// ElastiCache shows no pending parameter group, and changes it with the version.
    fn is_pending(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> bool {
        EngineVersion.is_pending(found, input)
    }

    fn to_keep(&self, _found: Found<'_>, _input: &EnsureReplicationGroupInput) -> Option<Value> {
        None
    }
}

/// Returns the parameter group that an upgrade must specify, if the cache is upgraded to a version that needs another one.
///
/// An upgrade from Redis OSS specifies none: ElastiCache replaces a default group by that of the new version
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement.HowTo.html>).
///
/// # Errors
/// Returns the name of the current group if only the user knows which parameters the new one needs.
pub fn of_upgrade(
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> Result<Option<String>, String> {
    let Some((current, wanted)) = versions(found, input) else {
        return Ok(None);
    };
    if version::compare(current, wanted) != version::Comparison::Older {
        return Ok(None);
    }
    let in_use = found.member().and_then(parameter_group_of);
    match in_use {
        Some(name) if is_upgraded(found, input) && name.starts_with("default.") => Ok(None),
        Some(name) if is_upgraded(found, input) => Err(name.to_owned()),
        in_use => version::parameter_group(in_use, current, wanted),
    }
}

/// Returns the name of the parameter group that the cache uses.
pub fn parameter_group_of(member: &CacheCluster) -> Option<&str> {
    member
        .cache_parameter_group()
        .and_then(CacheParameterGroupStatus::cache_parameter_group_name)
}
