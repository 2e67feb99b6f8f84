//! The messages of `PlanLogGroup` and `EnsureLogGroup`.

use serde::{Deserialize, Serialize};

use crate::value::EnvironmentName;
use crate::{Action, Spec};

/// The input of `EnsureLogGroup` and `PlanLogGroup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsureLogGroupInput {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// Whether to compare only, without a write.
    pub plan: bool,
    /// The checked request.
    pub spec: Spec,
    /// Whether the replication group belongs to the environment, so that the log groups, which are named after it, may be adopted
    /// although an owner tag is missing.
    pub belongs_here: bool,
    /// The keys of the tags that only earlier requests named: they are removed.
    pub former_tags: Vec<String>,
}

/// The output of `EnsureLogGroup` and `PlanLogGroup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsureLogGroupOutput {
    /// The write calls that were made, or that a run would make.
    pub actions: Vec<Action>,
}
