//! The settings that are the same for every cache: cluster mode, encryption, access control, and the network type.

use aws_sdk_elasticache::types::{self, ClusterMode, ReplicationGroup};
use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Setting, on_off};

/// A setting that is on or off for every cache.
pub struct Fixed {
    field: &'static str,
    parameters: &'static [&'static str],
    is_on: bool,
    remedy: &'static str,
    found: fn(&ReplicationGroup) -> Option<bool>,
    create: fn(Creation) -> Creation,
}

/// The published endpoint contains no password, so no client could connect.
const NO_PASSWORD: &str = "envcache publishes no password: remove it in the ElastiCache console";

pub const CLUSTER_MODE: Fixed = Fixed {
    field: "cluster mode",
    parameters: &["ClusterMode"],
    is_on: false,
    remedy: "create a new cache from a backup",
    found: ReplicationGroup::cluster_enabled,
    create: |call| call.cluster_mode(ClusterMode::Disabled),
};

pub const ENCRYPTION_AT_REST: Fixed = Fixed {
    field: "encryption at rest",
    parameters: &["AtRestEncryptionEnabled"],
    is_on: true,
    remedy: "create a new cache from a backup",
    found: ReplicationGroup::at_rest_encryption_enabled,
    create: |call| call.at_rest_encryption_enabled(true),
};

/// The creation omits `TransitEncryptionMode`: if encryption in transit is on, it defaults to `required`
/// ([CreateReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html)).
pub const ENCRYPTION_IN_TRANSIT: Fixed = Fixed {
    field: "encryption in transit",
    parameters: &["TransitEncryptionEnabled"],
    is_on: true,
    remedy: "turn it on in the ElastiCache console, and change the clients",
    found: ReplicationGroup::transit_encryption_enabled,
    create: |call| call.transit_encryption_enabled(true),
};

pub const AUTH: Fixed = Fixed {
    field: "AUTH",
    parameters: &[],
    is_on: false,
    remedy: NO_PASSWORD,
    found: ReplicationGroup::auth_token_enabled,
    create: |call| call,
};

impl Setting for Fixed {
    fn field(&self) -> &'static str {
        self.field
    }

    fn parameters(&self) -> &'static [&'static str] {
        self.parameters
    }

    fn change(&self) -> Change {
        Change::Never(Some(self.remedy))
    }

    fn requested(&self, _input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(on_off(self.is_on)))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        let is_on = (self.found)(found.group).unwrap_or_default();
        Some(json!(on_off(is_on)))
    }

    fn create(&self, call: Creation, _input: &EnsureReplicationGroupInput) -> Creation {
        (self.create)(call)
    }
}

pub struct UserGroups;

impl Setting for UserGroups {
    fn field(&self) -> &'static str {
        "user groups"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &[]
    }

    fn change(&self) -> Change {
        Change::Never(Some(NO_PASSWORD))
    }

    fn requested(&self, _input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(Value::Null)
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        let ids = found.group.user_group_ids();
        Some(if ids.is_empty() {
            Value::Null
        } else {
            json!(ids.join(", "))
        })
    }

    fn create(&self, call: Creation, _input: &EnsureReplicationGroupInput) -> Creation {
        call
    }
}

/// A cache that is adopted keeps its network type, so it isn't compared.
pub struct NetworkType;

impl Setting for NetworkType {
    fn field(&self) -> &'static str {
        "network type"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["NetworkType"]
    }

    fn change(&self) -> Change {
        Change::Never(None)
    }

    fn requested(&self, _input: &EnsureReplicationGroupInput) -> Option<Value> {
        None
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.group.network_type()?.as_str()))
    }

    fn create(&self, call: Creation, _input: &EnsureReplicationGroupInput) -> Creation {
        call.network_type(types::NetworkType::Ipv4)
    }
}
