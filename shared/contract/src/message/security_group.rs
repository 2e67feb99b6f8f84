//! The messages of `PlanSecurityGroup`, `EnsureSecurityGroup`, and `DeleteSecurityGroup`.

use serde::{Deserialize, Serialize};

use super::{DeleteOutput, ResolvedNetwork};
use crate::value::EnvironmentName;
use crate::{Action, Spec};

/// The input of `EnsureSecurityGroup` and `PlanSecurityGroup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsureSecurityGroupInput {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// Whether to compare only, without a write.
    pub plan: bool,
    /// The checked request.
    pub spec: Spec,
    /// Whether the security group belongs to the environment, so that it may be adopted although an owner tag is missing.
    pub belongs_here: bool,
    /// The keys of the tags that only earlier requests named: they are removed.
    pub former_tags: Vec<String>,
    /// From `ResolveNetwork`.
    pub network: ResolvedNetwork,
}

/// The output of `EnsureSecurityGroup` and `PlanSecurityGroup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnsureSecurityGroupOutput {
    /// The ID of the cache's security group; empty if a plan finds none yet.
    pub security_group_id: String,
    /// The write calls that were made, or that a run would make.
    pub actions: Vec<Action>,
    /// The rules that envcache didn't create.
    pub drift: Drift,
}

/// Differences from the request that envcache reports but doesn't change, because it didn't create them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drift {
    /// The inbound rules of the cache's security group in addition to the backend's, each such as
    /// `tcp 6379 from 10.0.0.0/8`.
    pub inbound_rules: Vec<String>,
}

/// The input of `DeleteSecurityGroup`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteSecurityGroupInput {
    /// The environment whose groups are deleted. They are found by their tags.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// The group's name. If a group with this name exists and isn't owned, it is reported.
    pub security_group_name: String,
    /// The ID of the VPC that is searched for this name; none if it isn't known.
    pub vpc_id: Option<String>,
    /// The seconds waited so far since the cache was deleted.
    pub seconds_waited: u32,
    /// In a rollback, the name of the execution whose resources are deleted; none for a removal.
    pub created_by: Option<String>,
}

/// The output of `DeleteSecurityGroup`.
pub type DeleteSecurityGroupOutput = DeleteOutput;
