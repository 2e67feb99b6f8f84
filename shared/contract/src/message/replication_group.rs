//! The messages of `PlanReplicationGroup`, `EnsureReplicationGroup`, `CheckReplicationGroup`, and
//! `DeleteReplicationGroup`.

use serde::{Deserialize, Serialize};

use super::{DeleteOutput, Endpoints, ResolvedNetwork};
use crate::setting::EngineVersion;
use crate::value::EnvironmentName;
use crate::{Action, Spec};

/// The input of `EnsureReplicationGroup` and `PlanReplicationGroup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsureReplicationGroupInput {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// The ARN of the execution, which must hold the environment.
    pub execution_arn: String,
    /// Whether to compare only, without a write.
    pub plan: bool,
    /// The checked request.
    pub spec: Spec,
    /// Whether the replication group belongs to the environment, so that it may be adopted although an owner tag is missing.
    pub belongs_here: bool,
    /// The keys of the tags that only earlier requests named: they are removed.
    pub former_tags: Vec<String>,
    /// From `ResolveNetwork`.
    pub network: ResolvedNetwork,
    /// From `EnsureSecurityGroup`; empty if a plan finds none yet.
    pub security_group_id: String,
    /// From `EnsureParameterGroup`: the cache's own parameter group; none if the request names no parameters.
    pub parameter_group: Option<String>,
    /// From `EnsureParameterGroup`: the owned parameter groups that the request doesn't use.
    pub former_parameter_groups: Vec<String>,
    /// From `EnsureParameterGroup`: the parameters that change when the nodes are rebooted.
    pub pending_parameters: Vec<PendingChange>,
    /// The ARN of the key that the request names. The function itself sets it, so it isn't part of the message.
    #[serde(skip)]
    pub kms_key_arn: Option<String>,
    /// The stack's parameter `DefaultEngineVersion`: the version of a new cache if neither the request nor the record has
    /// one.
    pub default_engine_version: EngineVersion,
    /// The sum of this execution's waits for the cache, in seconds.
    pub seconds_waited: u32,
}

/// The engine versions of a cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EngineVersions {
    /// The version that ElastiCache shows, such as `8.1.0`.
    pub found: String,
    /// The version that the request names; none if it names none.
    pub requested: Option<EngineVersion>,
}

/// The output of `EnsureReplicationGroup` and `PlanReplicationGroup`. `outcome` says what was done or found, for users
/// who read the execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum EnsureReplicationGroupOutput {
    /// ElastiCache is changing the group, or a call has to be repeated: wait, check, and ensure again.
    Waiting {
        #[allow(missing_docs)]
        outcome: String,
        /// How long to wait before the next check, in seconds.
        wait_seconds: u32,
    },
    /// It is owned, available, and as requested. With `apply: window`, requested changes may be pending.
    UpToDate {
        #[allow(missing_docs)]
        outcome: String,
        /// The cache's endpoints.
        endpoints: Endpoints,
        /// The engine version that it runs, and the requested one.
        engine_version: EngineVersions,
        /// What the run changed immediately, and what is pending.
        timing: Timing,
        /// The owned parameter groups that the cache no longer uses: they are deleted.
        unused_parameter_groups: Vec<String>,
    },
    /// Another run has taken over the environment. Nothing was changed.
    ClaimLost {
        /// What happened, and what to do.
        reason: String,
    },
    /// A plan: nothing was changed.
    Planned {
        #[allow(missing_docs)]
        outcome: String,
        /// The write calls that a run would make, in order.
        actions: Vec<Action>,
        /// The settings of an adopted cache that differ from those of a new one and stay.
        kept: Vec<KeptSetting>,
        /// The cache's endpoints; none before there is a cache.
        endpoints: Option<Endpoints>,
        /// The engine version that it runs, and the requested one; none before there is a cache that can be compared.
        engine_version: Option<EngineVersions>,
        /// What the run would change immediately, and what is pending.
        timing: Timing,
    },
}

/// When ElastiCache makes changes, and what it couldn't make, as plans and outputs show it: each field is part of them unless it
/// is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Timing {
    /// The fields that change immediately instead of in the maintenance window: with `apply: window`, those that ElastiCache
    /// doesn't defer; with `apply: now`, those that were pending.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub immediate: Vec<String>,
    /// The changes that ElastiCache makes in the cache's maintenance window, and of `cache.parameters`, when the nodes are
    /// rebooted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<PendingChange>,
    /// The logs that ElastiCache can't deliver.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log_errors: Vec<LogError>,
}

/// A log that ElastiCache can't deliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogError {
    /// The log's name in `cache.logs`.
    pub log: String,
    /// ElastiCache's message.
    pub message: String,
}

/// A change that ElastiCache has accepted and not made yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PendingChange {
    /// The field's name, as in the request if it is part of that.
    pub field: String,
    /// The value after the change; none if ElastiCache doesn't show it.
    pub value: Option<String>,
}

/// A setting of an adopted cache that envcache never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeptSetting {
    /// The setting's name, as `docs/adopt.md` lists it.
    pub setting: String,
    /// The setting's value.
    pub value: String,
}

/// The input of `CheckReplicationGroup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckReplicationGroupInput {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// The replication group's ID.
    pub cache_name: String,
    /// Whether the request names a source that a new cache is restored from, which takes longer.
    pub restores: bool,
    /// The sum of this execution's waits for the cache, in seconds.
    pub seconds_waited: u32,
}

/// The output of `CheckReplicationGroup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum CheckReplicationGroupOutput {
    /// ElastiCache is changing the group: wait, then check again.
    Pending {
        /// The status that ElastiCache shows.
        found: String,
        /// How long to wait before the next check, in seconds.
        wait_seconds: u32,
    },
    /// ElastiCache has finished, or there is no group: `EnsureReplicationGroup` decides what to do.
    Ready {
        /// The status that ElastiCache shows.
        found: String,
    },
}

/// The input of `PlanDeletion` and `DeleteReplicationGroup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteReplicationGroupInput {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// Whether to delete nothing, and only check that nothing prevents the deletion permanently.
    pub plan: bool,
    /// The replication group's ID.
    pub cache_name: String,
    /// Whether the environment's record says that envcache has requested the cache from ElastiCache.
    pub creation_recorded: bool,
    /// The name for the final snapshot; none if none is requested.
    pub final_snapshot: Option<String>,
    /// The sum of this execution's waits so far, in seconds.
    pub seconds_waited: u32,
    /// In a rollback, the name of the execution whose resources are deleted; none for a removal.
    pub created_by: Option<String>,
}

/// The output of `PlanDeletion` and `DeleteReplicationGroup`.
pub type DeleteReplicationGroupOutput = DeleteOutput;
