//! `cache.engineVersion`.

use aws_sdk_elasticache::types::{CacheCluster, PendingModifiedValues};
use contract::message::{EngineVersions, EnsureReplicationGroupInput};
use contract::version::{self, Version};
use serde_json::{Value, json};

use super::engine::is_upgraded;
use super::{Change, Comparison, Creation, Found, Modification, Setting, Step, parameter_group};

pub struct EngineVersion;

impl Setting for EngineVersion {
    fn field(&self) -> &'static str {
        "cache.engineVersion"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["EngineVersion"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Upgrade)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.engine_version.as_ref()?))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.member()?.engine_version()?))
    }

    fn pending(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.pending(PendingModifiedValues::engine_version)?))
    }

    /// As for the cache's own version, a newer minor version satisfies the request.
    fn is_pending(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> bool {
        let wanted = wanted(found, input).and_then(|version| Version::read(version.as_str()));
        let Some((pending, wanted)) = pending_version(found).zip(wanted) else {
            return false;
        };
        version::compare(pending, wanted) == version::Comparison::Satisfied
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.set_engine_version(requested(input))
    }

    fn modify(
        &self,
        call: Modification,
        found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        call.set_engine_version(wanted(found, input).map(ToString::to_string))
    }

    fn compare(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Comparison {
        let Some((current, wanted_version)) = versions(found, input) else {
            return Comparison::Equal;
        };
        let wanted = json!(wanted(found, input));
        match version::compare(current, wanted_version) {
            version::Comparison::Satisfied => Comparison::Equal,
            version::Comparison::NewerMajor => {
                Comparison::Rejected(wanted, "ElastiCache doesn't downgrade".to_owned())
            }
            version::Comparison::Older => match parameter_group::of_upgrade(found, input) {
                Ok(_) => Comparison::Different(wanted),
                Err(custom) => Comparison::Rejected(
                    wanted,
                    format!(
                        "the cache uses the parameter group `{custom}`, which is for another major version: request its \
                         parameters in `cache.parameters`, or upgrade the cache in the ElastiCache console, together with a \
                         parameter group of the family valkey{}",
                        wanted_version.major
                    ),
                ),
            },
        }
    }

    /// A cache keeps its version if the request names none.
    fn to_keep(&self, _found: Found<'_>, _input: &EnsureReplicationGroupInput) -> Option<Value> {
        None
    }
}

fn requested(input: &EnsureReplicationGroupInput) -> Option<String> {
    let version = input.spec.cache.engine_version.as_ref()?;
    Some(version.to_string())
}

/// Returns the version that a run changes the cache to: the requested one, or the stack's default for a cache that is
/// upgraded from Redis OSS. Otherwise, that version applies only to new caches.
fn wanted<'a>(
    found: Found<'_>,
    input: &'a EnsureReplicationGroupInput,
) -> Option<&'a contract::setting::EngineVersion> {
    let default = is_upgraded(found, input).then_some(&input.default_engine_version);
    input.spec.cache.engine_version.as_ref().or(default)
}

/// Returns the cache's version and the one that a run changes it to.
pub fn versions(
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> Option<(Version, Version)> {
    Some((
        Version::read(found.member()?.engine_version()?)?,
        Version::read(wanted(found, input)?.as_str())?,
    ))
}

/// Returns the version that the cache gets in the maintenance window; none if ElastiCache shows none.
pub fn pending_version(found: Found<'_>) -> Option<Version> {
    Version::read(found.pending(PendingModifiedValues::engine_version)?)
}

/// Returns whether a member gets another version in the maintenance window.
pub fn has_pending_upgrade(found: Found<'_>) -> bool {
    let mut pending = found
        .members
        .iter()
        .filter_map(CacheCluster::pending_modified_values);
    pending.any(|pending| pending.engine_version().is_some())
}

/// Returns the engine versions for the output; none if ElastiCache doesn't return the cache's yet.
pub fn engine_versions(
    member: &CacheCluster,
    input: &EnsureReplicationGroupInput,
) -> Option<EngineVersions> {
    Some(EngineVersions {
        found: member.engine_version()?.to_owned(),
        requested: input.spec.cache.engine_version.clone(),
    })
}
