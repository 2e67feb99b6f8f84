//! Automatic failover, which depends on the replicas: it requires two nodes.

use aws_sdk_elasticache::types::AutomaticFailoverStatus;
use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Modification, Setting, Step};

pub struct Failover;

impl Setting for Failover {
    fn field(&self) -> &'static str {
        "automatic failover"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["AutomaticFailoverEnabled"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Failover)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(on_off(input.spec.cache.fails_over())))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(match found.group.automatic_failover()? {
            AutomaticFailoverStatus::Enabled => on_off(true),
            AutomaticFailoverStatus::Disabled => on_off(false),
            changing => changing.as_str(),
        }))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.automatic_failover_enabled(input.spec.cache.fails_over())
    }

    fn modify(
        &self,
        call: Modification,
        _found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        call.automatic_failover_enabled(input.spec.cache.fails_over())
    }
}

/// Returns the text of a flag in plans and errors.
pub const fn on_off(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}
