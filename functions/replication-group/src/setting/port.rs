//! `cache.port`.

use aws_sdk_elasticache::types::{Endpoint, NodeGroup};
use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Comparison, Creation, Found, Setting};

pub struct Port;

impl Setting for Port {
    fn field(&self) -> &'static str {
        "cache.port"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["Port"]
    }

    fn change(&self) -> Change {
        Change::Never(None)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.port))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        let node_group = found.group.node_groups().first();
        let endpoint = node_group.and_then(NodeGroup::primary_endpoint);
        Some(json!(endpoint.and_then(Endpoint::port)?))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.port(input.spec.cache.port.get())
    }

    fn compare(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Comparison {
        let wanted = json!(input.spec.cache.port);
        // The endpoint can be missing briefly.
        match self.found(found) {
            Some(port) if port != wanted => Comparison::Different(wanted),
            _ => Comparison::Equal,
        }
    }
}
