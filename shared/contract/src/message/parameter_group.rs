//! The messages of `PlanParameterGroup`, `EnsureParameterGroup`, and `DeleteParameterGroup`.

use serde::{Deserialize, Serialize};

use super::{DeleteOutput, PendingChange};
use crate::setting::EngineVersion;
use crate::value::EnvironmentName;
use crate::{Action, Spec};

/// The input of `EnsureParameterGroup` and `PlanParameterGroup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsureParameterGroupInput {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// Whether to compare only, without a write.
    pub plan: bool,
    /// The checked request.
    pub spec: Spec,
    /// The keys of the tags that only earlier requests named: they are removed.
    pub former_tags: Vec<String>,
    /// The engine version in the environment's record; none if there is none.
    pub recorded_engine_version: Option<String>,
    /// The stack's parameter `DefaultEngineVersion`: the version of a new cache if neither the request nor the record has
    /// one.
    pub default_engine_version: EngineVersion,
}

/// The output of `EnsureParameterGroup` and `PlanParameterGroup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsureParameterGroupOutput {
    /// The parameter group that the cache uses from now on; none if the request names no parameters.
    pub parameter_group: Option<String>,
    /// The owned parameter groups that the request doesn't use.
    pub former_parameter_groups: Vec<String>,
    /// The parameters that change when the nodes are rebooted.
    pub pending: Vec<PendingChange>,
    /// The write calls that were made, or that a run would make.
    pub actions: Vec<Action>,
}

/// The input of `DeleteParameterGroup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteParameterGroupInput {
    /// The environment whose cache used the groups.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// The replication group's ID, which the names of its parameter groups begin with.
    pub cache_name: String,
    /// The names of the groups to delete; none in a removal, which deletes all of the environment's.
    pub parameter_groups: Option<Vec<String>>,
    /// The seconds waited so far since the cache was deleted; none if the cache exists, and the state machine retries a
    /// deletion that ElastiCache rejects.
    pub seconds_waited: Option<u32>,
    /// In a rollback, the name of the execution whose resources are deleted; none otherwise.
    pub created_by: Option<String>,
}

/// The output of `DeleteParameterGroup`.
pub type DeleteParameterGroupOutput = DeleteOutput;
