//! The specification that the states pass on: validated, with every default filled in.

use serde::{Deserialize, Serialize};

use crate::value::{
    Description, EngineVersion, EnvironmentName, EventId, EventTime, NetworkName, NodeType,
    ParameterPrefix, Port, Replicas, ReplicationGroupId, SecurityGroupName, SnapshotRetentionDays,
    SubnetGroupName, Subnets,
};
use crate::{Adoption, Owner};

/// The requested configuration of an environment's cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// Where the cache is placed, and which security group may connect to it.
    pub network: Network,
    /// The cache's settings.
    pub cache: Cache,
    /// The path that the endpoint is published below.
    pub parameter_prefix: ParameterPrefix,
    /// Whether removals of the environment are rejected from now on; none keeps the recorded value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protect: Option<bool>,
    /// The run options.
    #[serde(default, skip_serializing_if = "RunOptions::is_default")]
    pub options: RunOptions,
    /// In a request that adopts: the settings that it omits, so that `cache` has their defaults. Otherwise empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<CacheField>,
    /// The event that requested the run; none for a manual execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventStamp>,
}

impl Spec {
    /// Returns the owner of the resources that a run of this stack creates for the environment.
    #[must_use]
    pub fn owner(&self, stack: &str) -> Owner {
        Owner::new(&self.environment, stack)
    }

    /// Returns whether a run may adopt a resource of the environment. `belongs_here` is from `ClaimEnvironment`.
    #[must_use]
    pub const fn adoption(&self, belongs_here: bool) -> Adoption {
        Adoption {
            requested: self.options.adopt,
            belongs_here,
        }
    }
}

/// The settings of a request that apply to the run, not to the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RunOptions {
    /// Adopt unowned resources that have a requested name.
    pub adopt: bool,
    /// Report what the run would change, and change nothing.
    pub dry_run: bool,
    /// What happens to the resources of a failed first creation.
    pub on_failure: OnFailure,
}

/// What happens to the resources of a failed first creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// They stay, and the next run continues with them.
    #[default]
    Keep,
    /// They are deleted.
    Rollback,
}

impl RunOptions {
    /// Returns whether every option has its default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether a failed first creation is rolled back.
    #[must_use]
    pub fn rolls_back(self) -> bool {
        self.on_failure == OnFailure::Rollback
    }

    /// Returns the execution for the tags of new resources; none if the run isn't rolled back.
    #[must_use]
    pub fn created_by(self, execution: &str) -> Option<&str> {
        self.rolls_back().then_some(execution)
    }
}

/// The environment's network, by Name tags, group names, or IDs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "NetworkFields", into = "NetworkFields")]
pub struct Network {
    /// The VPC's Name tag or ID.
    pub vpc: NetworkName,
    /// The VPC's subnets for the cache.
    pub placement: Placement,
    /// The name or ID of the security group that the backend runs in.
    pub backend_security_group: NetworkName,
}

/// Which subnets a cache is placed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Those with these Name tags or IDs, in a subnet group that the environment owns.
    Subnets(Subnets),
    /// Those of an existing cache subnet group, which the environment uses and doesn't own.
    SharedSubnetGroup(SubnetGroupName),
}

impl Network {
    /// Returns the subnet group that the environment uses and doesn't own, if the request names one.
    #[must_use]
    pub const fn shared_subnet_group(&self) -> Option<&SubnetGroupName> {
        match &self.placement {
            Placement::Subnets(_) => None,
            Placement::SharedSubnetGroup(name) => Some(name),
        }
    }
}

/// The fields of a network in JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NetworkFields {
    vpc: NetworkName,
    #[serde(skip_serializing_if = "Option::is_none")]
    subnets: Option<Subnets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet_group: Option<SubnetGroupName>,
    backend_security_group: NetworkName,
}

impl TryFrom<NetworkFields> for Network {
    type Error = &'static str;

    fn try_from(fields: NetworkFields) -> Result<Self, Self::Error> {
        Ok(Self {
            vpc: fields.vpc,
            placement: match (fields.subnets, fields.subnet_group) {
                (Some(subnets), None) => Placement::Subnets(subnets),
                (None, Some(name)) => Placement::SharedSubnetGroup(name),
                (None, None) => return Err("missing field `subnets` or `subnetGroup`"),
                (Some(_), Some(_)) => {
                    return Err(
                        "`subnets` and `subnetGroup` exclude each other: remove one of them",
                    );
                }
            },
            backend_security_group: fields.backend_security_group,
        })
    }
}

impl From<Network> for NetworkFields {
    fn from(network: Network) -> Self {
        let (subnets, subnet_group) = match network.placement {
            Placement::Subnets(subnets) => (Some(subnets), None),
            Placement::SharedSubnetGroup(name) => (None, Some(name)),
        };
        Self {
            vpc: network.vpc,
            subnets,
            subnet_group,
            backend_security_group: network.backend_security_group,
        }
    }
}

/// The cache's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cache {
    /// The replication group's ID.
    pub name: ReplicationGroupId,
    /// The replication group's description.
    pub description: Description,
    /// The name of the cache's security group.
    pub security_group_name: SecurityGroupName,
    /// The name of the cache's subnet group, owned or shared.
    pub subnet_group_name: SubnetGroupName,
    /// The type of each node.
    pub node_type: NodeType,
    /// The number of replicas in addition to the primary node.
    pub replicas: Replicas,
    /// The Valkey version; if none, a new cache gets the recorded version or the stack's `DefaultEngineVersion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<EngineVersion>,
    /// The port that the cache listens on.
    pub port: Port,
    /// How many days an automatic backup is kept; 0 turns backups off.
    pub snapshot_retention_days: SnapshotRetentionDays,
}

impl Cache {
    /// Returns the number of nodes: the primary and its replicas, 1 to 6.
    #[must_use]
    pub const fn nodes(&self) -> i32 {
        self.replicas.get() + 1
    }

    /// Returns whether automatic failover and Multi-AZ are on. ElastiCache rejects both for a single node.
    #[must_use]
    pub const fn fails_over(&self) -> bool {
        self.replicas.get() > 0
    }
}

/// A setting of the cache that a run changes to its default if the request omits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum CacheField {
    Description,
    NodeType,
    Replicas,
    Port,
    SnapshotRetentionDays,
}

impl CacheField {
    /// Every setting.
    pub const ALL: [Self; 5] = [
        Self::Description,
        Self::NodeType,
        Self::Replicas,
        Self::Port,
        Self::SnapshotRetentionDays,
    ];

    /// Returns the field's name in a request's `cache`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::NodeType => "nodeType",
            Self::Replicas => "replicas",
            Self::Port => "port",
            Self::SnapshotRetentionDays => "snapshotRetentionDays",
        }
    }
}

/// The event that requested a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventStamp {
    /// EventBridge's ID of the event.
    pub id: EventId,
    /// When the event happened. The request with the latest time takes precedence.
    pub time: EventTime,
}
