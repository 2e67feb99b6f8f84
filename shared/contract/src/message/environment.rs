//! The messages of `ResolveRemoval`, `PlanEnvironment`, and `ClaimEnvironment`.

use serde::{Deserialize, Serialize};

use super::ResolvedNetwork;
use crate::Spec;
use crate::cache::{default_cache_name, default_security_group_name, default_subnet_group_name};
use crate::request::default_parameter_prefix;
use crate::value::{EnvironmentName, ExecutionName};

/// The input of `ResolveRemoval`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveRemovalInput {
    /// The environment that the request names, unchecked, for the log.
    pub environment: serde_json::Value,
    /// The name of the execution.
    pub execution: String,
    /// The execution's unchanged input: the `detail` of the event, or what a user entered.
    pub request: serde_json::Value,
}

/// The output of `ResolveRemoval`: the requested removal. If the environment has a record, the recorded names take
/// precedence over the requested ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolvedRemoval {
    /// The environment.
    pub environment: EnvironmentName,
    /// The names of its resources.
    pub names: ResourceNames,
    /// Whether a final snapshot of the cache is requested.
    pub final_snapshot: bool,
    /// The failed execution that is rolled back; none for a removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
    /// When the event requested it, in milliseconds since 1970; none for a manual execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<i64>,
}

/// The execution to roll back. This field alone authorizes nothing: a rollback removes something only if the
/// environment's record names the same execution, and only the provisioning state machine records that, after the
/// execution has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rollback {
    /// The execution's name.
    pub execution: ExecutionName,
}

/// The names of an environment's resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceNames {
    /// The replication group's ID.
    pub cache_name: String,
    /// The security group's name. A removal finds the groups that it deletes by their tags; it reports a group of this
    /// name that it doesn't own.
    pub security_group_name: String,
    /// The subnet group's name.
    pub subnet_group_name: String,
    /// Whether the subnet group is shared (`network.subnetGroup`), so that a removal keeps it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_subnet_group: bool,
    /// The path that the endpoint is published below.
    pub parameter_prefix: String,
}

impl ResourceNames {
    /// Returns the names of an environment's resources if a request names none.
    #[must_use]
    pub fn derived(environment: &EnvironmentName) -> Self {
        Self {
            cache_name: default_cache_name(environment),
            security_group_name: default_security_group_name(environment),
            subnet_group_name: default_subnet_group_name(environment),
            shares_subnet_group: false,
            parameter_prefix: default_parameter_prefix(environment),
        }
    }
}

/// The input of `ClaimEnvironment` and `PlanEnvironment`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimEnvironmentInput {
    /// The environment to claim.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// The ARN of the execution: what the record names as the holder.
    pub execution_arn: String,
    /// When the execution started, in milliseconds since 1970.
    pub started_at: i64,
    /// The sum of this execution's waits for the claim, in seconds.
    pub seconds_waited: u32,
    /// The holder that it last waited for; none before the first wait.
    pub waited_for: Option<WaitedFor>,
    /// Whether to compare only, without a write.
    pub plan: bool,
    /// What the execution does once it holds the claim.
    pub request: ClaimRequest,
}

/// An execution that another one waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitedFor {
    /// The ARN of the execution that holds the environment.
    pub holder: String,
    /// The seconds that the waiting execution had waited when it first found this holder.
    pub since: u32,
}

/// What an execution does with the environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClaimRequest {
    /// Provision its cache.
    Provision {
        /// The checked request.
        spec: Box<Spec>,
        /// From `ResolveNetwork`.
        network: ResolvedNetwork,
    },
    /// Remove its cache, or roll back a failed execution.
    Remove(ResolvedRemoval),
}

/// The output of `ClaimEnvironment` and `PlanEnvironment`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ClaimEnvironmentOutput {
    /// A plan: the execution could claim the environment now. Nothing was written.
    Free {
        /// The plan of the environment.
        plan: EnvironmentPlan,
        /// Which of the requested resources belong to the environment.
        belongs_here: BelongsHere,
        /// The keys of the tags that only earlier requests named, and that resources may still have.
        former_tags: Vec<String>,
        /// The recorded engine version, which a cache that is created again gets; none if there is none.
        engine_version: Option<String>,
    },
    /// The execution holds the environment, and its request is recorded.
    Claimed {
        /// The values that the following states need. Its fields are next to `status`.
        #[serde(flatten)]
        claim: Claim,
        /// Which of the requested resources belong to the environment.
        belongs_here: BelongsHere,
        /// The keys of the tags that only earlier requests named, and that resources may still have; empty for a removal.
        former_tags: Vec<String>,
        /// The recorded engine version, which a cache that is created again gets; none if there is none.
        engine_version: Option<String>,
    },
    /// Another execution holds it, or held it until now: wait, then try again.
    Held {
        /// Which execution holds it, for users who read the execution.
        outcome: String,
        /// How long to wait, in seconds.
        wait_seconds: u32,
        /// The holder; none if this execution has just taken the environment over.
        waited_for: Option<WaitedFor>,
    },
    /// A newer request has been recorded, or a rollback isn't authorized: the run changes nothing.
    Superseded {
        /// The reason.
        reason: String,
    },
}

/// The environment's part of a plan: the plan's first fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentPlan {
    /// The environment.
    pub environment: EnvironmentName,
    /// Whether removals would be rejected.
    pub protected: bool,
    /// How that would change; none if it wouldn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection_change: Option<Protection>,
}

/// Which of the requested resources belong to the environment according to the records, so that a request that adopts may
/// adopt one that lacks an owner tag. False for all if the request doesn't adopt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one answer for each resource"
)]
pub struct BelongsHere {
    /// The replication group.
    pub cache: bool,
    /// The security group.
    pub security_group: bool,
    /// The subnet group.
    pub subnet_group: bool,
    /// The parameters below the path.
    pub parameters: bool,
}

/// Whether removals of an environment are rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Protection {
    /// Before this run.
    pub found: bool,
    /// From this run on.
    pub wanted: bool,
}

/// The values that the states after a claim need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Claim {
    /// Of a provisioning run.
    Provision(ProvisionClaim),
    /// Of a removal or a rollback. Boxed because it is much larger.
    Removal(Box<RemovalClaim>),
}

/// The values that the states of a provisioning run need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvisionClaim {
    /// The requested identity of the cache, as the record stores it.
    pub identity: String,
    /// Whether a failure of this run is rolled back: the request sets `onFailure: rollback`, and the environment has no
    /// cache yet.
    pub rollback_requested: bool,
    /// Whether removals are rejected from now on.
    pub protected: bool,
}

/// The values that the states of a removal need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemovalClaim {
    /// The replication group's ID.
    pub cache_name: String,
    /// Whether the record says that envcache has requested the cache from ElastiCache.
    pub creation_recorded: bool,
    /// The name for the final snapshot; none if none is requested.
    pub final_snapshot: Option<String>,
    /// The names of the subnet groups to delete: the last one requested, unless it is shared, and those of earlier
    /// requests.
    pub subnet_group_names: Vec<String>,
    /// The name of the shared subnet group, which is kept; none if the last request named none.
    pub shared_subnet_group: Option<String>,
    /// The name of the security group.
    pub security_group_name: String,
    /// The ID of the VPC that the security group is in; none if the record doesn't say.
    pub vpc_id: Option<String>,
    /// The path that the endpoint is published below.
    pub parameter_prefix: String,
    /// In a rollback, the name of the execution whose resources are deleted; none for a removal.
    pub created_by: Option<String>,
    /// The attributes to remove from the record after the removal, separated by commas.
    pub forgotten: String,
    /// When DynamoDB may delete the rest of the record, in seconds since 1970.
    pub expires_at: String,
}
