//! The settings of the cache, one file for each setting or small family: how it is created, read back, changed or
//! rejected, and shown in a plan. Pure functions; no AWS calls.
//!
//! A setting's type in `contract` has its default and its constraints. The request, the creation, the comparison, the
//! plan, the adoption, and the request reference derive from the two definitions.

mod auto_minor_version_upgrade;
mod data_tiering;
mod description;
mod engine;
mod engine_version;
mod failover;
mod fixed;
mod kms_key;
pub mod logs;
mod multi_az;
mod node_type;
mod notification_topic;
mod parameter_group;
mod port;
mod replicas;
mod restore_from;
mod security_group;
mod snapshot_retention;
mod step;
mod subnet_group;
mod windows;

use aws_sdk_elasticache::operation::create_replication_group::builders::CreateReplicationGroupFluentBuilder;
use aws_sdk_elasticache::operation::modify_replication_group::builders::ModifyReplicationGroupFluentBuilder;
use aws_sdk_elasticache::types::{CacheCluster, PendingModifiedValues, ReplicationGroup, Tag};
use contract::message::EnsureReplicationGroupInput;
use serde_json::Value;

pub use engine_version::{engine_versions, has_pending_upgrade};
pub use failover::on_off;
pub use notification_topic::{NOTIFICATION_TOPIC, topic_not_active};
pub use parameter_group::{own_group_of_upgrade, parameter_group_of};
pub use replicas::nodes;
pub use step::{Step, When};

/// Every setting. Plans and errors list them in this order.
pub const SETTINGS: [&dyn Setting; 27] = [
    &engine::Engine,
    &fixed::CLUSTER_MODE,
    &fixed::ENCRYPTION_AT_REST,
    &fixed::ENCRYPTION_IN_TRANSIT,
    &fixed::AUTH,
    &fixed::UserGroups,
    &fixed::NetworkType,
    &description::Description,
    &node_type::NodeType,
    &replicas::Replicas,
    &subnet_group::SubnetGroup,
    &port::Port,
    &data_tiering::DataTiering,
    &kms_key::KmsKey,
    &restore_from::RestoreFrom,
    &snapshot_retention::SnapshotRetention,
    &security_group::SecurityGroup,
    &failover::Failover,
    &multi_az::MultiAz,
    &auto_minor_version_upgrade::AutoMinorVersionUpgrade,
    &windows::SnapshotWindow,
    &windows::MaintenanceWindow,
    &notification_topic::NotificationTopic,
    &logs::Logs,
    &parameter_group::ParameterGroup,
    &engine_version::EngineVersion,
    &parameter_group::ParameterGroupOfUpgrade,
];

/// The call that creates the cache.
pub type Creation = CreateReplicationGroupFluentBuilder;
/// The call that changes the cache.
pub type Modification = ModifyReplicationGroupFluentBuilder;

/// A cache, as ElastiCache describes it. Only its members have the engine version, the groups, the maintenance window,
/// and the notification topic.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub group: &'a ReplicationGroup,
    pub members: &'a [CacheCluster],
    pub tags: &'a [Tag],
}

impl<'a> Found<'a> {
    pub fn member(self) -> Option<&'a CacheCluster> {
        self.members.first()
    }

    /// Returns the value that is pending for every member; none if there is none, or if the members differ.
    ///
    /// A member also shows a value that ElastiCache is applying
    /// ([PendingModifiedValues](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_PendingModifiedValues.html)),
    /// but not while the group and its members are available, as they are in a comparison.
    fn pending(self, value: fn(&PendingModifiedValues) -> Option<&str>) -> Option<&'a str> {
        let of_member = |member: &'a CacheCluster| member.pending_modified_values().and_then(value);
        let mut values = self.members.iter().map(of_member);
        let first = values.next()??;
        values.all(|other| other == Some(first)).then_some(first)
    }
}

/// A setting of the cache.
///
/// Its values are JSON values, as in a request; `null` is a setting that is off.
pub trait Setting: Sync {
    /// Returns the field of a request, such as `cache.port`, or the name of a property that derives from the request.
    fn field(&self) -> &'static str;

    /// Returns the parameters of
    /// [CreateReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html)
    /// that it sets.
    fn parameters(&self) -> &'static [&'static str];

    /// Returns how ElastiCache changes it.
    fn change(&self) -> Change;

    /// Returns the requested value; none if the request leaves it to ElastiCache, or as it is.
    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value>;

    /// Returns the cache's value; none if ElastiCache doesn't return it.
    fn found(&self, found: Found<'_>) -> Option<Value>;

    /// Adds the requested value to the creation of the cache.
    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation;

    /// Adds the requested value to a change of the cache, if it differs.
    fn modify(
        &self,
        call: Modification,
        _found: Found<'_>,
        _input: &EnsureReplicationGroupInput,
    ) -> Modification {
        call
    }

    /// Compares the cache's value with the requested one.
    fn compare(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Comparison {
        let Some(wanted) = self.requested(input) else {
            return Comparison::Equal;
        };
        if self.found(found).as_ref() == Some(&wanted) {
            Comparison::Equal
        } else {
            Comparison::Different(wanted)
        }
    }

    /// Returns the value that the cache gets in the maintenance window; none if ElastiCache shows none.
    fn pending(&self, _found: Found<'_>) -> Option<Value> {
        None
    }

    /// Returns whether the cache gets a value in the maintenance window that satisfies the request.
    fn is_pending(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> bool {
        let pending = self.pending(found);
        pending.is_some() && pending == self.requested(input)
    }

    /// Returns whether it is the same for every cache, so that a request can't name its value.
    fn is_fixed(&self) -> bool {
        matches!(self.change(), Change::Never(Some(_)))
    }

    /// Returns the value that a request must have to keep the cache's; none if it can be omitted.
    fn to_keep(&self, found: Found<'_>, _input: &EnsureReplicationGroupInput) -> Option<Value> {
        self.found(found)
    }
}

/// How ElastiCache changes a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// In place.
    InPlace(Step),
    /// Not at all: it only has an effect when the cache is created, and isn't compared.
    AtCreation,
    /// Not at all; contains the remedy, if it isn't to request the current value.
    Never(Option<&'static str>),
}

/// Result of comparing a value with the requested one.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    Equal,
    /// The values differ; contains the value to change it to.
    Different(Value),
    /// ElastiCache can't change the value to this requested one; contains the reason too.
    Rejected(Value, String),
}

/// Returns a value as plans and errors show it; none if the setting is off.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
