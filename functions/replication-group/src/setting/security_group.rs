//! The security group, which another step creates.

use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Modification, Setting, Step};

pub struct SecurityGroup;

impl Setting for SecurityGroup {
    fn field(&self) -> &'static str {
        "security group"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["SecurityGroupIds"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Online)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        let id = input.security_group_id.as_str();
        Some(json!(if id.is_empty() {
            "(known once the security group is created)"
        } else {
            id
        }))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        let groups = found.member()?.security_groups().iter();
        let ids: Vec<_> = groups
            .filter_map(|group| group.security_group_id())
            .collect();
        Some(json!(ids.join(", ")))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.security_group_ids(&input.security_group_id)
    }

    fn modify(
        &self,
        call: Modification,
        _found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        call.security_group_ids(&input.security_group_id)
    }
}
