//! `cache.multiAz`.

use aws_sdk_elasticache::types::MultiAzStatus;
use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Modification, Setting, Step};

pub struct MultiAz;

impl Setting for MultiAz {
    fn field(&self) -> &'static str {
        "cache.multiAz"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["MultiAZEnabled"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Failover)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.is_multi_az()))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.group.multi_az()? == &MultiAzStatus::Enabled))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.multi_az_enabled(input.spec.cache.is_multi_az())
    }

    fn modify(
        &self,
        call: Modification,
        _found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        call.multi_az_enabled(input.spec.cache.is_multi_az())
    }
}
