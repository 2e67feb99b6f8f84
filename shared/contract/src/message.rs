//! What one state of the workflow hands to the next.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::value::{EnvironmentName, ExecutionName};
use crate::{Action, Spec};

/// What `ResolveNetwork` takes: the execution's input, exactly as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveNetworkInput {
    /// The `detail` of the event, or what was typed into the console.
    pub request: serde_json::Value,
    /// The name of the execution, for the log.
    pub execution: String,
}

/// What `ResolveNetwork` answers: a specification without gaps, and the network's ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolvedRequest {
    /// The checked request with every default filled in.
    pub spec: Spec,
    /// What the names of `spec.network` stand for.
    pub network: ResolvedNetwork,
}

/// The ids of the network that the cache is placed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolvedNetwork {
    /// The VPC's id.
    pub vpc_id: String,
    /// The subnets' ids, in the order of the request.
    pub subnet_ids: Vec<String>,
    /// The zones that the subnets stand in, each once.
    pub zones: Vec<String>,
    /// The id of the security group that the backend runs in.
    pub backend_security_group_id: String,
}

/// What `EnsureSecurityGroup` and `EnsureSubnetGroup` take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsureGroupInput {
    /// The checked request.
    pub spec: Spec,
    /// From `ResolveNetwork`.
    pub network: ResolvedNetwork,
    /// The name of the execution.
    pub execution: String,
}

/// What `EnsureSecurityGroup` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecurityGroup {
    /// The cache's security group; empty where a plan finds none yet.
    pub security_group_id: String,
    /// What was done, or would be.
    pub actions: Vec<Action>,
    /// What others have added to it.
    pub drift: Drift,
}

/// What differs from what was asked for, and is reported and left as it is: somebody else made it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drift {
    /// The inbound rules of the cache's security group beside the backend's, each such as
    /// `tcp 6379 from 10.0.0.0/8`.
    pub inbound_rules: Vec<String>,
}

/// What `EnsureSubnetGroup` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubnetGroup {
    /// The cache's subnet group.
    pub subnet_group_name: String,
    /// What was done, or would be.
    pub actions: Vec<Action>,
}

/// What `EnsureReplicationGroup` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsureReplicationGroupInput {
    /// The checked request.
    pub spec: Spec,
    /// From `EnsureSecurityGroup`.
    pub security_group_id: String,
    /// From `EnsureSubnetGroup`.
    pub subnet_group_name: String,
    /// From `ResolveNetwork`.
    pub network: ResolvedNetwork,
    /// The name of the execution.
    pub execution: String,
    /// How many placements of the nodes this execution has found without capacity.
    pub placements_tried: usize,
    /// The sum of this execution's waits so far, in seconds.
    pub seconds_waited: u32,
    /// Whether the environment's record says that we ask ElastiCache to create the group. Only then is it
    /// created, so that whose it is can be told also where its tags cannot be read.
    pub creation_recorded: bool,
}

/// What `EnsureReplicationGroup` answers. `outcome` is what was done or found, for the person who reads the
/// execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum EnsuredReplicationGroup {
    /// There is none, and its creation is not recorded yet: record it, then ensure again.
    Absent {
        #[allow(missing_docs)]
        outcome: String,
    },
    /// On its way: wait, check, and ensure again.
    Pending {
        #[allow(missing_docs)]
        outcome: String,
        /// How long to wait before the next check, in seconds.
        wait_seconds: u32,
    },
    /// There is no capacity for it where it was to be placed: wait, and ensure again, elsewhere.
    NoCapacity {
        #[allow(missing_docs)]
        outcome: String,
        /// How long to wait, in seconds.
        wait_seconds: u32,
    },
    /// Ours, available and as wanted.
    Settled {
        #[allow(missing_docs)]
        outcome: String,
    },
    /// A plan: nothing was done.
    Planned {
        #[allow(missing_docs)]
        outcome: String,
        /// What a run would do, in its order.
        actions: Vec<Action>,
        /// Where the cache can be reached; none before there is one.
        endpoints: Option<Endpoints>,
    },
}

/// What `CheckReplicationGroup` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckReplicationGroupInput {
    /// The checked request.
    pub spec: Spec,
    /// From `EnsureReplicationGroup`.
    pub settled: bool,
    /// The sum of this execution's waits so far, in seconds.
    pub seconds_waited: u32,
    /// Whether the environment's record says that we asked ElastiCache to create the group.
    pub creation_recorded: bool,
    /// Whether this execution has replaced a group that could not be created.
    pub replaced: bool,
    /// The name of the execution, for the log.
    pub execution: String,
}

/// What `CheckReplicationGroup` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum CheckedReplicationGroup {
    /// Not usable yet: wait, then check again.
    Pending {
        /// The status that ElastiCache shows.
        found: String,
        /// How long to wait before the next check, in seconds.
        wait_seconds: u32,
    },
    /// It is not there, or no longer: ensure it again.
    Absent,
    /// ElastiCache could not create it, and it is ours: delete it, then ensure it again.
    Failed {
        /// What ElastiCache's events say.
        reason: String,
        /// Whether it was for a lack of capacity: then it is created again elsewhere.
        no_capacity: bool,
    },
    /// Usable. Where it was not settled yet, it is ensured again; else its endpoints are published.
    Ready {
        /// Where it can be reached.
        endpoints: Endpoints,
    },
}

/// What `DeleteReplicationGroup` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteReplicationGroupInput {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// The replication group's id.
    pub cache_name: String,
    /// Why it is deleted, and so what of it may be.
    pub purpose: Purpose,
    /// The sum of this execution's waits so far, in seconds.
    pub seconds_waited: u32,
    /// Whether the environment's record says that we asked ElastiCache to create the group.
    pub creation_recorded: bool,
    /// The name of a last backup, where one is wanted.
    #[serde(default)]
    pub final_snapshot: Option<String>,
    /// Where only what one execution made is to go: its name.
    #[serde(default)]
    pub maker: Option<String>,
    /// The name of the execution, for the log.
    pub execution: String,
}

/// Why a replication group is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// It could not be created, and is created again: nothing else may be deleted.
    Replace,
    /// Its environment is no more.
    Remove,
}

/// What `DeleteSubnetGroup` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteSubnetGroupInput {
    /// The environment whose cache stood in it.
    pub environment: EnvironmentName,
    /// The subnet group's name.
    pub subnet_group_name: String,
    /// The seconds waited so far since the cache has gone.
    pub seconds_waited: u32,
    /// Where only what one execution made is to go: its name.
    #[serde(default)]
    pub maker: Option<String>,
    /// The name of the execution, for the log.
    pub execution: String,
}

/// What `DeleteSecurityGroup` takes: the groups are found by their tags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteSecurityGroupInput {
    /// The environment whose cache was in it.
    pub environment: EnvironmentName,
    /// The seconds waited so far since the cache has gone.
    pub seconds_waited: u32,
    /// Where only what one execution made is to go: its name.
    #[serde(default)]
    pub maker: Option<String>,
    /// The name of the execution, for the log.
    pub execution: String,
}

/// What a step that deletes answers. `outcome` is what was done or found, for the person who reads the execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Deleted {
    /// There is none, or no longer.
    Gone {
        #[allow(missing_docs)]
        outcome: String,
        /// The name of the last backup, if ElastiCache has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        final_snapshot: Option<String>,
    },
    /// Its deletion is under way: wait, and ask again.
    Going {
        #[allow(missing_docs)]
        outcome: String,
        /// How long to wait, in seconds.
        wait_seconds: u32,
    },
    /// It cannot be deleted yet: wait, and ask again.
    NotYet {
        #[allow(missing_docs)]
        outcome: String,
        /// How long to wait, in seconds.
        wait_seconds: u32,
    },
    /// It is not ours, and was left as it is.
    NotOurs {
        #[allow(missing_docs)]
        outcome: String,
    },
}

/// Where a cache can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoints {
    /// The endpoint to write to and read from.
    pub primary: Endpoint,
    /// The endpoint that spreads reads over the replicas, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<Endpoint>,
}

/// A host and a port, as ElastiCache gives them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoint {
    /// The host's DNS name.
    pub host: String,
    /// The port, 1 to 65535.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// What `VerifyEndpoint` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyEndpointInput {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// From `CheckReplicationGroup`.
    pub endpoints: Endpoints,
    /// The name of the execution: the key that is set and read bears it.
    pub execution: String,
}

/// What `VerifyEndpoint` answers: every endpoint answered as a cache does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifiedEndpoint {
    /// The endpoints that answered, each `host:port`.
    pub answered: Vec<String>,
}

/// What `PublishEndpoint` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishEndpointInput {
    /// The checked request.
    pub spec: Spec,
    /// From `CheckReplicationGroup`. A plan has none before there is a cache.
    pub endpoints: Option<Endpoints>,
    /// The name of the execution.
    pub execution: String,
}

/// What `PublishEndpoint` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PublishOutcome {
    /// The endpoint is published.
    Published(Published),
    /// A plan: nothing was done.
    Planned {
        /// What a run would do, in its order.
        actions: Vec<Action>,
    },
}

/// What is published, and with it the execution's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Published {
    /// `host:port` of the primary endpoint.
    pub primary_endpoint: String,
    /// `rediss://host:port`.
    pub url: String,
    /// The names of the parameters that hold the endpoint, in the order of the contract.
    pub parameters: Vec<String>,
    /// Those of them that this run had to write.
    pub written: Vec<String>,
    /// The names of those that it removed, because they no longer apply.
    pub removed: Vec<String>,
}

/// What `ResolveEnvironment` takes: the execution's input, exactly as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveEnvironmentInput {
    /// The `detail` of the event, or what was typed into the console.
    pub request: serde_json::Value,
    /// The name of the execution, for the log.
    pub execution: String,
}

/// What `ResolveEnvironment` answers: what is to be removed, under the names that the request gives it. Where the
/// environment has a record, its names count instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolvedRemoval {
    /// The environment.
    pub environment: EnvironmentName,
    /// What its things are called.
    pub names: Names,
    /// Whether a last backup of the cache is wanted.
    pub final_snapshot: bool,
    /// Where only what a failed execution made is to go: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
    /// When the event asked for it, in milliseconds since 1970; none for an execution by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<i64>,
}

/// Which execution is rolled back. It alone decides nothing: a rollback removes something only if the environment's
/// record names the same execution, and only the provisioning state machine writes that, once the execution has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rollback {
    /// The execution's name.
    pub execution: ExecutionName,
}

/// What an environment's things are called, but for its security group, which is found by its tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Names {
    /// The replication group's id.
    pub cache_name: String,
    /// The subnet group's name.
    pub subnet_group_name: String,
    /// The path that the endpoint is published below.
    pub parameter_prefix: String,
}

impl Names {
    /// The names that a request gives.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        Self {
            cache_name: spec.cache.name.to_string(),
            subnet_group_name: spec.cache.subnet_group_name.to_string(),
            parameter_prefix: spec.parameter_prefix.to_string(),
        }
    }
}

/// What `RetractEndpoint` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetractEndpointInput {
    /// The environment whose cache goes.
    pub environment: EnvironmentName,
    /// The path that its endpoint is published below.
    pub parameter_prefix: String,
    /// Where only what one execution made is to go: its name.
    #[serde(default)]
    pub maker: Option<String>,
    /// The name of the execution, for the log.
    pub execution: String,
}

/// What `RetractEndpoint` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retracted {
    /// The names of the parameters that it removed.
    pub removed: Vec<String>,
    /// The names of those that are not ours, and were left.
    pub left: Vec<String>,
}
