//! `cache.snapshotWindow` and `cache.maintenanceWindow`. ElastiCache rejects windows that overlap, so a change sets both.

use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Modification, Setting, Step};

pub struct SnapshotWindow;

impl Setting for SnapshotWindow {
    fn field(&self) -> &'static str {
        "cache.snapshotWindow"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["SnapshotWindow"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Online)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.snapshot_window.as_ref()?))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.group.snapshot_window()?))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.set_snapshot_window(snapshot_window(input))
    }

    fn modify(
        &self,
        call: Modification,
        _found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        set_both(call, input)
    }

    /// A cache keeps its windows if the request omits them.
    fn to_keep(&self, _found: Found<'_>, input: &EnsureReplicationGroupInput) -> Option<Value> {
        self.requested(input)
    }
}

/// Only the members have it.
pub struct MaintenanceWindow;

impl Setting for MaintenanceWindow {
    fn field(&self) -> &'static str {
        "cache.maintenanceWindow"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["PreferredMaintenanceWindow"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Online)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.maintenance_window.as_ref()?))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.member()?.preferred_maintenance_window()?))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.set_preferred_maintenance_window(maintenance_window(input))
    }

    fn modify(
        &self,
        call: Modification,
        _found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        set_both(call, input)
    }

    /// A cache keeps its windows if the request omits them.
    fn to_keep(&self, _found: Found<'_>, input: &EnsureReplicationGroupInput) -> Option<Value> {
        self.requested(input)
    }
}

fn set_both(call: Modification, input: &EnsureReplicationGroupInput) -> Modification {
    call.set_snapshot_window(snapshot_window(input))
        .set_preferred_maintenance_window(maintenance_window(input))
}

fn snapshot_window(input: &EnsureReplicationGroupInput) -> Option<String> {
    let window = input.spec.cache.snapshot_window.clone()?;
    Some(window.into())
}

fn maintenance_window(input: &EnsureReplicationGroupInput) -> Option<String> {
    let window = input.spec.cache.maintenance_window.clone()?;
    Some(window.into())
}
