//! `cache.snapshotRetentionDays`.

use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Modification, Setting, Step};

pub struct SnapshotRetention;

impl Setting for SnapshotRetention {
    fn field(&self) -> &'static str {
        "cache.snapshotRetentionDays"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["SnapshotRetentionLimit"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Online)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.snapshot_retention_days))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.group.snapshot_retention_limit()?))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.snapshot_retention_limit(input.spec.cache.snapshot_retention_days.get())
    }

    fn modify(
        &self,
        call: Modification,
        found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        let days = input.spec.cache.snapshot_retention_days.get();
        let current = found.group.snapshot_retention_limit().unwrap_or_default();
        // ElastiCache requires the member to take snapshots of, to turn automatic backups on:
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html
        let snapshotting_cluster_id = if days > 0 && current == 0 {
            found.group.member_clusters().first().cloned()
        } else {
            None
        };
        call.snapshot_retention_limit(days)
            .set_snapshotting_cluster_id(snapshotting_cluster_id)
    }
}
