//! What the states exchange with their functions. The messages of a state are called `{State}Input` and
//! `{State}Output`.
//!
//! Every input has the same envelope: `environment` and `execution`, which `shared/step` logs. A `Plan…` state sends the
//! message of the state that acts, with `plan: true`.

mod endpoint;
mod environment;
mod network;
mod replication_group;
mod security_group;
mod subnet_group;

use serde::{Deserialize, Serialize};

pub use endpoint::{
    Endpoint, Endpoints, PublishEndpointInput, PublishEndpointOutput, Published,
    RetractEndpointInput, RetractEndpointOutput, VerifyEndpointInput, VerifyEndpointOutput,
};
pub use environment::{
    Claim, ClaimEnvironmentInput, ClaimEnvironmentOutput, ClaimRequest, EnvironmentPlan,
    Protection, ProvisionClaim, RemovalClaim, ResolveRemovalInput, ResolvedRemoval, ResourceNames,
    Rollback, WaitedFor,
};
pub use network::{PolicyParameters, ResolveNetworkInput, ResolveNetworkOutput, ResolvedNetwork};
pub use replication_group::{
    CheckReplicationGroupInput, CheckReplicationGroupOutput, DeleteReplicationGroupInput,
    DeleteReplicationGroupOutput, EngineVersions, EnsureReplicationGroupInput,
    EnsureReplicationGroupOutput,
};
pub use security_group::{
    DeleteSecurityGroupInput, DeleteSecurityGroupOutput, Drift, EnsureSecurityGroupInput,
    EnsureSecurityGroupOutput,
};
pub use subnet_group::{
    DeleteSubnetGroupInput, DeleteSubnetGroupOutput, EnsureSubnetGroupInput,
    EnsureSubnetGroupOutput,
};

/// What became of a deletion. `outcome` is what was done or found, for the person who reads the execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum DeleteOutput {
    /// The resource doesn't exist, or no longer.
    Absent {
        #[allow(missing_docs)]
        outcome: String,
        /// The name of the final snapshot, if ElastiCache has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        final_snapshot: Option<String>,
    },
    /// Its deletion is under way, or something prevents the deletion for now: wait, and delete again.
    Waiting {
        #[allow(missing_docs)]
        outcome: String,
        /// How long to wait, in seconds.
        wait_seconds: u32,
    },
    /// It exists and was left as it is.
    NotOwned {
        /// What was left, and why: a text for each resource.
        left: Vec<String>,
    },
}

impl DeleteOutput {
    /// The output for a resource that doesn't exist and leaves no snapshot.
    #[must_use]
    pub fn absent(outcome: &str) -> Self {
        Self::Absent {
            outcome: outcome.to_owned(),
            final_snapshot: None,
        }
    }
}
