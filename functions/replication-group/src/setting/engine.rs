//! The engine, which is Valkey. A cache of the engine Redis OSS that is adopted is upgraded if the request says so
//! (`upgradeEngine`).

use contract::message::EnsureReplicationGroupInput;
use contract::version::Version;
use serde_json::{Value, json};

use super::engine_version::{EngineVersion, pending_version};
use super::{Change, Comparison, Creation, Found, Modification, Setting, Step};

const VALKEY: &str = "valkey";
/// The first version of Valkey. The last one of Redis OSS is 7.1
/// ([engine versions](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html)).
const FIRST_VERSION: Version = Version { major: 7, minor: 2 };

pub struct Engine;

impl Setting for Engine {
    fn field(&self) -> &'static str {
        "engine"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["Engine"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Upgrade)
    }

    fn requested(&self, _input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(VALKEY))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.member()?.engine()?))
    }

    /// ElastiCache shows only the pending version.
    fn pending(&self, found: Found<'_>) -> Option<Value> {
        let is_valkey = self.found(found) == Some(json!(VALKEY));
        (!is_valkey && pending_version(found)? >= FIRST_VERSION).then(|| json!(VALKEY))
    }

    /// One call changes the engine and the version.
    fn is_pending(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> bool {
        let is_version_pending =
            !is_upgraded(found, input) || EngineVersion.is_pending(found, input);
        self.pending(found).is_some() && is_version_pending
    }

    fn create(&self, call: Creation, _input: &EnsureReplicationGroupInput) -> Creation {
        call.engine(VALKEY)
    }

    fn modify(
        &self,
        call: Modification,
        _found: Found<'_>,
        _input: &EnsureReplicationGroupInput,
    ) -> Modification {
        call.engine(VALKEY)
    }

    fn compare(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Comparison {
        let wanted = json!(VALKEY);
        if self.found(found).as_ref() == Some(&wanted) {
            Comparison::Equal
        } else if is_upgraded(found, input) {
            Comparison::Different(wanted)
        } else {
            let remedy = if self.pending(found).is_some() {
                "the upgrade is pending for the maintenance window: until then, request `\"apply\": \"window\"`"
            } else {
                "upgrade it: adopt it with `upgradeEngine`"
            };
            Comparison::Rejected(wanted, remedy.to_owned())
        }
    }

    fn is_fixed(&self) -> bool {
        true
    }
}

/// Returns whether a run upgrades the cache from Redis OSS to Valkey.
pub fn is_upgraded(found: Found<'_>, input: &EnsureReplicationGroupInput) -> bool {
    let engine = found.member().and_then(|member| member.engine());
    input.spec.options.upgrade_engine && engine == Some("redis")
}
