//! `cache.description`.

use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Modification, Setting, Step};

pub struct Description;

impl Setting for Description {
    fn field(&self) -> &'static str {
        "cache.description"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["ReplicationGroupDescription"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Online)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.description))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.group.description()?))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.replication_group_description(input.spec.cache.description.as_str())
    }

    fn modify(
        &self,
        call: Modification,
        _found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        call.replication_group_description(input.spec.cache.description.as_str())
    }
}
