//! `cache.restoreFrom`: what a new cache is filled from. It is never compared: ElastiCache doesn't describe the source of a
//! cache's data.

use contract::message::EnsureReplicationGroupInput;
use contract::setting::RestoreFrom as Source;
use contract::version::Version;
use serde_json::{Value, json};

use super::{Change, Comparison, Creation, Found, Setting};
use crate::version::default_parameter_group;

pub struct RestoreFrom;

impl Setting for RestoreFrom {
    fn field(&self) -> &'static str {
        "cache.restoreFrom"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["SnapshotName", "SnapshotArns"]
    }

    fn change(&self) -> Change {
        Change::AtCreation
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.restore_from.as_ref()?))
    }

    fn found(&self, _found: Found<'_>) -> Option<Value> {
        None
    }

    /// Omitted parameters have the snapshot's values (<https://github.com/hashicorp/terraform-provider-aws/pull/49428>), so the
    /// parameter group is that of the new cache's version. The other settings of the creation are explicit anyway, or chosen
    /// by ElastiCache.
    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        let cache = &input.spec.cache;
        let Some(source) = &cache.restore_from else {
            return call;
        };
        let version = cache.engine_version.as_ref();
        let major = version.and_then(|version| Version::read(version.as_str()));
        let group = major.map(default_parameter_group);
        let call = call.set_cache_parameter_group_name(group);
        match source {
            Source::Snapshot(name) => call.snapshot_name(name.as_str()),
            Source::Files(files) => {
                let arns = files.iter().map(|arn| arn.as_str().to_owned()).collect();
                call.set_snapshot_arns(Some(arns))
            }
        }
    }

    fn compare(&self, _found: Found<'_>, _input: &EnsureReplicationGroupInput) -> Comparison {
        Comparison::Equal
    }

    fn to_keep(&self, _found: Found<'_>, _input: &EnsureReplicationGroupInput) -> Option<Value> {
        None
    }
}
