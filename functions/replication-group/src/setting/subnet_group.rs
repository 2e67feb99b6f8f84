//! The subnet group, which another step creates: `cache.subnetGroupName` or `network.subnetGroup`.

use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Comparison, Creation, Found, Setting};

pub struct SubnetGroup;

impl Setting for SubnetGroup {
    fn field(&self) -> &'static str {
        "cache.subnetGroupName"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["CacheSubnetGroupName"]
    }

    fn change(&self) -> Change {
        Change::Never(None)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.subnet_group_name))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.member()?.cache_subnet_group_name()?))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.cache_subnet_group_name(input.spec.cache.subnet_group_name.as_str())
    }

    fn compare(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Comparison {
        let wanted = json!(input.spec.cache.subnet_group_name);
        if self.found(found).as_ref() == Some(&wanted) {
            Comparison::Equal
        } else if input.spec.network.shared_subnet_group().is_some() {
            Comparison::Rejected(wanted, "by network.subnetGroup".to_owned())
        } else {
            Comparison::Different(wanted)
        }
    }

    fn to_keep(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Option<Value> {
        let is_shared = input.spec.network.shared_subnet_group().is_some();
        self.found(found).filter(|_| !is_shared)
    }
}
