//! The messages of `ResolveRemoval`, `PlanEnvironment`, and `ClaimEnvironment`.

use serde::{Deserialize, Serialize};

use super::ResolvedNetwork;
use crate::Spec;
use crate::value::{EnvironmentName, ExecutionName};

/// What `ResolveRemoval` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveRemovalInput {
    /// The environment that the request names, unchecked, for the log.
    pub environment: serde_json::Value,
    /// The name of the execution.
    pub execution: String,
    /// The execution's input, exactly as it came: the `detail` of the event, or what a user entered.
    pub request: serde_json::Value,
}

/// What `ResolveRemoval` returns: what is to be removed, under the names that the request gives it. If the
/// environment has a record, its names count instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolvedRemoval {
    /// The environment.
    pub environment: EnvironmentName,
    /// What its resources are called.
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

/// Which execution is rolled back. It alone decides nothing: a rollback removes something only if the environment's
/// record names the same execution, and only the provisioning state machine writes that, once the execution has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rollback {
    /// The execution's name.
    pub execution: ExecutionName,
}

/// What an environment's resources are called.
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
    /// The path that the endpoint is published below.
    pub parameter_prefix: String,
}

/// What `ClaimEnvironment` takes, and `PlanEnvironment`.
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
    /// What the execution is to do once it holds the claim.
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

/// What an execution is to do with the environment.
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
    /// Remove its cache, or roll a failed execution back.
    Remove(ResolvedRemoval),
}

/// What `ClaimEnvironment` returns, and `PlanEnvironment`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ClaimEnvironmentOutput {
    /// A plan: the execution could claim the environment now. Nothing was written.
    Free {
        /// What the plan reports about the environment.
        plan: EnvironmentPlan,
    },
    /// The execution holds the environment, and its request is recorded.
    Claimed {
        /// What the following states need: its fields are next to `status`.
        #[serde(flatten)]
        claim: Claim,
    },
    /// Another execution holds it, or held it until now: wait, then try again.
    Held {
        /// Who holds it, for the person who reads the execution.
        outcome: String,
        /// How long to wait, in seconds.
        wait_seconds: u32,
        /// The holder; none if this execution has just taken the environment over.
        waited_for: Option<WaitedFor>,
    },
    /// A newer request has been recorded, or a rollback isn't authorized: nothing is to be done.
    Superseded {
        /// Why.
        reason: String,
    },
}

/// What a plan reports about the environment itself: the first fields of the plan.
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

/// Whether removals of an environment are rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Protection {
    /// Before this run.
    pub found: bool,
    /// From this run on.
    pub wanted: bool,
}

/// What the states after a claim need to know from the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Claim {
    /// Of a run that provisions.
    Provision(ProvisionClaim),
    /// Of a removal or a rollback. Boxed because it is much larger.
    Removal(Box<RemovalClaim>),
}

/// What the states of a provisioning run need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvisionClaim {
    /// The requested identity of the cache, as the record stores it.
    pub identity: String,
    /// Whether a failure of this run is rolled back: the request asks for it, and the environment has no cache yet.
    pub rollback_requested: bool,
    /// Whether removals are rejected from now on.
    pub protected: bool,
}

/// What the states of a removal need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemovalClaim {
    /// The replication group's ID.
    pub cache_name: String,
    /// Whether the record says that envcache has requested the cache from ElastiCache.
    pub creation_recorded: bool,
    /// The name for the final snapshot; none if the request asks for none.
    pub final_snapshot: Option<String>,
    /// The names of the subnet groups: the last one requested, and those of earlier requests.
    pub subnet_group_names: Vec<String>,
    /// The name of the security group.
    pub security_group_name: String,
    /// The ID of the VPC that the security group is in; none if the record doesn't say.
    pub vpc_id: Option<String>,
    /// The path that the endpoint is published below.
    pub parameter_prefix: String,
    /// In a rollback, the name of the execution whose resources are deleted; none for a removal.
    pub created_by: Option<String>,
    /// The attributes that the record loses after the removal, with commas between them.
    pub forgotten: String,
    /// When DynamoDB may delete the rest of the record, in seconds since 1970.
    pub expires_at: String,
}
