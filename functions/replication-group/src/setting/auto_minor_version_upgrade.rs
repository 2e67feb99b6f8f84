//! `cache.autoMinorVersionUpgrade`.

use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Modification, Setting, Step};

pub struct AutoMinorVersionUpgrade;

impl Setting for AutoMinorVersionUpgrade {
    fn field(&self) -> &'static str {
        "cache.autoMinorVersionUpgrade"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["AutoMinorVersionUpgrade"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Online)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(is_on(input)))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.group.auto_minor_version_upgrade()?))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.auto_minor_version_upgrade(is_on(input))
    }

    fn modify(
        &self,
        call: Modification,
        _found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        call.auto_minor_version_upgrade(is_on(input))
    }
}

fn is_on(input: &EnsureReplicationGroupInput) -> bool {
    input.spec.cache.auto_minor_version_upgrade.is_on()
}
