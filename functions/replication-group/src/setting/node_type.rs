//! `cache.nodeType`.

use aws_sdk_elasticache::types::PendingModifiedValues;
use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Modification, Setting, Step};

pub struct NodeType;

impl Setting for NodeType {
    fn field(&self) -> &'static str {
        "cache.nodeType"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["CacheNodeType"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::NodeType)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.node_type))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.group.cache_node_type()?))
    }

    fn pending(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(
            found.pending(PendingModifiedValues::cache_node_type)?
        ))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.cache_node_type(input.spec.cache.node_type.as_str())
    }

    fn modify(
        &self,
        call: Modification,
        _found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        call.cache_node_type(input.spec.cache.node_type.as_str())
    }
}
