//! Data tiering, which depends on the node type. ElastiCache doesn't change between node types with and without it
//! ([data tiering](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/data-tiering.html)).

use aws_sdk_elasticache::types::DataTieringStatus;
use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Comparison, Creation, Found, Setting, on_off};

pub struct DataTiering;

impl Setting for DataTiering {
    fn field(&self) -> &'static str {
        "data tiering"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["DataTieringEnabled"]
    }

    fn change(&self) -> Change {
        Change::Never(None)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(on_off(input.spec.cache.node_type.has_data_tiering())))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        let is_on = found.group.data_tiering() == Some(&DataTieringStatus::Enabled);
        Some(json!(on_off(is_on)))
    }

    fn compare(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Comparison {
        match self.requested(input) {
            Some(wanted) if self.found(found).as_ref() != Some(&wanted) => {
                let reason = "it depends on cache.nodeType: request one of the same kind";
                Comparison::Rejected(wanted, reason.to_owned())
            }
            _ => Comparison::Equal,
        }
    }

    /// The parameter is required for node types with data tiering.
    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        if input.spec.cache.node_type.has_data_tiering() {
            call.data_tiering_enabled(true)
        } else {
            call
        }
    }
}
