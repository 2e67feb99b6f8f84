//! The messages of `PlanSubnetGroup`, `EnsureSubnetGroup`, and `DeleteSubnetGroup`.

use serde::{Deserialize, Serialize};

use super::{DeleteOutput, ResolvedNetwork};
use crate::value::EnvironmentName;
use crate::{Action, Spec};

/// The input of `EnsureSubnetGroup` and `PlanSubnetGroup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsureSubnetGroupInput {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// Whether to compare only, without a write.
    pub plan: bool,
    /// The checked request.
    pub spec: Spec,
    /// Whether the subnet group belongs to the environment, so that it may be adopted although an owner tag is missing.
    pub belongs_here: bool,
    /// The keys of the tags that only earlier requests named: they are removed.
    pub former_tags: Vec<String>,
    /// From `ResolveNetwork`.
    pub network: ResolvedNetwork,
}

/// The output of `EnsureSubnetGroup` and `PlanSubnetGroup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsureSubnetGroupOutput {
    /// The write calls that were made, or that a run would make.
    pub actions: Vec<Action>,
}

/// The input of `DeleteSubnetGroup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteSubnetGroupInput {
    /// The environment whose cache used the groups.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// The names of the subnet groups to delete: the last one requested, unless it is shared, and those of earlier
    /// requests.
    pub subnet_group_names: Vec<String>,
    /// The name of the shared subnet group, which is kept; none if there is none.
    pub shared_subnet_group: Option<String>,
    /// The seconds waited so far since the cache was deleted.
    pub seconds_waited: u32,
    /// In a rollback, the name of the execution whose resources are deleted; none for a removal.
    pub created_by: Option<String>,
}

/// The output of `DeleteSubnetGroup`.
pub type DeleteSubnetGroupOutput = DeleteOutput;
