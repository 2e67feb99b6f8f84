//! What `ClaimEnvironment` takes and returns. Both state machines have this state.

use serde::{Deserialize, Serialize};

use crate::Spec;
use crate::message::{Names, ResolvedNetwork, ResolvedRemoval};
use crate::value::EnvironmentName;

/// What `ClaimEnvironment` takes.
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
    /// What the execution is to do once it holds the claim.
    pub request: ClaimRequest,
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

/// What `ClaimEnvironment` returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ClaimEnvironmentOutput {
    /// The execution holds the environment, and its request is recorded. For a plan: nothing was written.
    Claimed(Claim),
    /// Another execution holds it, or held it until now: wait, then claim again.
    Held {
        /// Who holds it, for the person who reads the execution.
        outcome: String,
        /// How long to wait, in seconds.
        wait_seconds: u32,
    },
    /// A newer request has been recorded, or a rollback isn't authorized: nothing is to be done.
    Superseded {
        /// Why.
        reason: String,
    },
}

/// What the record says at the time of the claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// Whether an earlier run has requested the cache from ElastiCache, and has not seen it available.
    pub creation_recorded: bool,
    /// Whether a failure of this run is rolled back: the request asks for it, and the environment has no cache yet.
    pub rolls_back: bool,
    /// What the environment's resources are called.
    pub names: Names,
    /// Whether removals are rejected.
    pub protection: Protection,
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
