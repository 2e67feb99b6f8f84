//! The specification that the states pass on: checked, and without gaps.

use serde::{Deserialize, Serialize};

use crate::Owner;
use crate::value::{
    Description, EngineVersion, EnvironmentName, EventId, EventTime, NetworkName, NodeType,
    ParameterPrefix, Port, Replicas, ReplicationGroupId, SecurityGroupName, SnapshotRetentionDays,
    SubnetGroupName, Subnets,
};

/// What an environment's cache should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// Where the cache is placed, and who may reach it.
    pub network: Network,
    /// The cache itself.
    pub cache: Cache,
    /// The path that the endpoint is published below.
    pub parameter_prefix: ParameterPrefix,
    /// Whether removals of the environment are rejected from now on; none keeps what the environment's record says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protect: Option<bool>,
    /// How the run goes about it.
    #[serde(default, skip_serializing_if = "RunOptions::is_default")]
    pub options: RunOptions,
    /// The event that asked for it; a manual execution has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventStamp>,
}

impl Spec {
    /// Who owns what a run of this stack creates for the environment.
    #[must_use]
    pub fn owner(&self, stack: &str) -> Owner {
        Owner::new(&self.environment, stack)
    }
}

/// What a request says about the run, and not about the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RunOptions {
    /// Take over what has a wanted name and no owner.
    pub adopt: bool,
    /// Tell what would be done, and do nothing.
    pub dry_run: bool,
    /// What becomes of what a failed first creation has made.
    pub on_failure: OnFailure,
}

/// What becomes of what a failed first creation has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// It stays, and the next run goes on with it.
    #[default]
    Keep,
    /// It is taken away again.
    Rollback,
}

impl RunOptions {
    /// Whether it is a run like any other.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a first creation that fails is rolled back.
    #[must_use]
    pub fn rolls_back(self) -> bool {
        self.on_failure == OnFailure::Rollback
    }

    /// The execution that what is created tells as its maker: where it may have to be taken away again.
    #[must_use]
    pub fn created_by(self, execution: &str) -> Option<&str> {
        self.rolls_back().then_some(execution)
    }
}

/// The environment's network, by Name tags, group names or ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Network {
    /// The VPC's Name tag or id.
    pub vpc: NetworkName,
    /// The Name tags or ids of the VPC's subnets for the cache.
    pub subnets: Subnets,
    /// The name or id of the security group that the backend runs in.
    pub backend_security_group: NetworkName,
}

/// The cache's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cache {
    /// The replication group's id.
    pub name: ReplicationGroupId,
    /// The replication group's description.
    pub description: Description,
    /// The name of the cache's security group.
    pub security_group_name: SecurityGroupName,
    /// The name of the cache's subnet group.
    pub subnet_group_name: SubnetGroupName,
    /// The type of each node.
    pub node_type: NodeType,
    /// Replicas beside the primary node.
    pub replicas: Replicas,
    /// The Valkey version; AWS chooses where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<EngineVersion>,
    /// The port that the cache listens on.
    pub port: Port,
    /// Days that an automatic backup is kept.
    pub snapshot_retention_days: SnapshotRetentionDays,
}

impl Cache {
    /// The nodes of the replication group: the primary and its replicas, 1 to 6.
    #[must_use]
    pub const fn nodes(&self) -> i32 {
        self.replicas.get() + 1
    }

    /// Whether automatic failover and Multi-AZ are on. ElastiCache refuses both for a single node.
    #[must_use]
    pub const fn fails_over(&self) -> bool {
        self.replicas.get() > 0
    }
}

/// Which event asked for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventStamp {
    /// EventBridge's id of the event.
    pub id: EventId,
    /// When the event happened: a later one goes before it.
    pub time: EventTime,
}
