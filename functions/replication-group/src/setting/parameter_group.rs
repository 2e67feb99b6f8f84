//! The parameter group: the cache's own one, which has the parameters of `cache.parameters`, or ElastiCache's default one. It
//! belongs to one major version, so it changes with the version.

use aws_sdk_elasticache::types::{CacheCluster, CacheParameterGroupStatus};
use contract::message::EnsureReplicationGroupInput;
use contract::version::{self, Version};
use serde_json::{Value, json};

use super::engine::is_upgraded;
use super::engine_version::{EngineVersion, versions};
use super::{Change, Comparison, Creation, Found, Modification, Setting, Step};
use crate::version::{default_parameter_group, parameter_group};

/// The parameter group of a cache that keeps its major version.
pub struct ParameterGroup;

impl Setting for ParameterGroup {
    fn field(&self) -> &'static str {
        "parameter group"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["CacheParameterGroupName"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::ParameterGroup)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.parameter_group.as_ref()?))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(parameter_group_of(found.member()?)?))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        match &input.parameter_group {
            Some(name) => call.cache_parameter_group_name(name),
            None => call,
        }
    }

    fn modify(
        &self,
        call: Modification,
        found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        call.set_cache_parameter_group_name(of_same_family(found, input))
    }

    fn compare(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Comparison {
        of_same_family(found, input)
            .map_or(Comparison::Equal, |name| Comparison::Different(json!(name)))
    }

    /// A cache that is adopted keeps its group if the request names no parameters.
    fn to_keep(&self, _found: Found<'_>, _input: &EnsureReplicationGroupInput) -> Option<Value> {
        None
    }
}

/// The parameter group of a cache whose major version or engine is upgraded.
pub struct ParameterGroupOfUpgrade;

impl Setting for ParameterGroupOfUpgrade {
    fn field(&self) -> &'static str {
        ParameterGroup.field()
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
        ParameterGroup.found(found)
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
            // `EngineVersion` rejects the upgrade of a cache with a custom group.
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

/// Returns the parameter group that the cache changes to while it keeps its major version: its own one, or the default one in
/// place of an own one that the request no longer needs. None if it keeps its group, or gets one with an upgrade.
fn of_same_family(found: Found<'_>, input: &EnsureReplicationGroupInput) -> Option<String> {
    if upgraded_versions(found, input).is_some() {
        return None;
    }
    let member = found.member()?;
    let in_use = parameter_group_of(member);
    match &input.parameter_group {
        Some(own) => (in_use != Some(own.as_str())).then(|| own.clone()),
        None => is_former(in_use, input)
            .then(|| Version::read(member.engine_version()?).map(default_parameter_group))
            .flatten(),
    }
}

/// Returns the parameter group that an upgrade must specify, if the cache is upgraded to a version that needs another one.
///
/// An upgrade from Redis OSS that keeps a default group specifies none: ElastiCache replaces it by that of the new version
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement.HowTo.html>).
///
/// # Errors
/// Returns the name of the current group if only the user knows which parameters the new one needs.
pub fn of_upgrade(
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> Result<Option<String>, String> {
    let Some((current, wanted)) = upgraded_versions(found, input) else {
        return Ok(None);
    };
    if let Some(own) = &input.parameter_group {
        return Ok(Some(own.clone()));
    }
    let in_use = found.member().and_then(parameter_group_of);
    if is_former(in_use, input) {
        return Ok(Some(default_parameter_group(wanted)));
    }
    match in_use {
        Some(name) if is_upgraded(found, input) && name.starts_with("default.") => Ok(None),
        Some(name) if is_upgraded(found, input) => Err(name.to_owned()),
        in_use => parameter_group(in_use, current, wanted),
    }
}

/// Returns the parameter group that an upgrade specifies because of the request's parameters: the own one, or the default one in
/// place of a former own one.
pub fn own_group_of_upgrade(
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> Option<String> {
    let in_use = found.member().and_then(parameter_group_of);
    let is_own = input.parameter_group.is_some() || is_former(in_use, input);
    of_upgrade(found, input).ok().flatten().filter(|_| is_own)
}

/// Returns the cache's version and the one that a run upgrades it to, if that needs a parameter group of another family.
fn upgraded_versions(
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> Option<(Version, Version)> {
    let (current, wanted) = versions(found, input)?;
    if version::compare(current, wanted) != version::Comparison::Older {
        return None;
    }
    let is_other_family = is_upgraded(found, input) || current.major != wanted.major;
    is_other_family.then_some((current, wanted))
}

/// Returns whether the cache uses an own parameter group that the request doesn't use.
fn is_former(in_use: Option<&str>, input: &EnsureReplicationGroupInput) -> bool {
    let mut former = input.former_parameter_groups.iter();
    former.any(|name| in_use == Some(name.as_str()))
}

/// Returns the name of the parameter group that the cache uses.
pub fn parameter_group_of(member: &CacheCluster) -> Option<&str> {
    member
        .cache_parameter_group()
        .and_then(CacheParameterGroupStatus::cache_parameter_group_name)
}
