//! The messages between states and their functions. Those of a state are named `{State}Input` and `{State}Output`.
//!
//! Every input has the same envelope: `environment` and `execution`, which `shared/step` logs. A `Plan…` state sends
//! the message of the state that changes the resource, with `plan: true`.

mod endpoint;
mod environment;
mod log_group;
mod network;
mod parameter_group;
mod replication_group;
mod security_group;
mod subnet_group;

use serde::{Deserialize, Serialize};

pub use endpoint::{
    Endpoint, Endpoints, PublishEndpointInput, PublishEndpointOutput, Published,
    RetractEndpointInput, RetractEndpointOutput, VerifyEndpointInput, VerifyEndpointOutput,
};
pub use environment::{
    BelongsHere, Claim, ClaimEnvironmentInput, ClaimEnvironmentOutput, ClaimRequest,
    EnvironmentPlan, Protection, ProvisionClaim, RemovalClaim, ResolveRemovalInput,
    ResolvedRemoval, ResourceNames, Rollback, WaitedFor,
};
pub use log_group::{EnsureLogGroupInput, EnsureLogGroupOutput};
pub use network::{PolicyParameters, ResolveNetworkInput, ResolveNetworkOutput, ResolvedNetwork};
pub use parameter_group::{
    DeleteParameterGroupInput, DeleteParameterGroupOutput, EnsureParameterGroupInput,
    EnsureParameterGroupOutput,
};
pub use replication_group::{
    CheckReplicationGroupInput, CheckReplicationGroupOutput, DeleteReplicationGroupInput,
    DeleteReplicationGroupOutput, EngineVersions, EnsureReplicationGroupInput,
    EnsureReplicationGroupOutput, KeptSetting, LogError, PendingChange, Timing,
};
pub use security_group::{
    DeleteSecurityGroupInput, DeleteSecurityGroupOutput, Drift, EnsureSecurityGroupInput,
    EnsureSecurityGroupOutput,
};
pub use subnet_group::{
    DeleteSubnetGroupInput, DeleteSubnetGroupOutput, EnsureSubnetGroupInput,
    EnsureSubnetGroupOutput,
};

/// The result of a deletion. `outcome` says what was done or found, for users who read the execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum DeleteOutput {
    /// The resource doesn't exist, or no longer exists.
    Absent {
        #[allow(missing_docs)]
        outcome: String,
        /// The name of the final snapshot, if ElastiCache has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        final_snapshot: Option<String>,
    },
    /// Only of `PlanDeletion`: nothing prevents the deletion permanently.
    Possible,
    /// The deletion is in progress, or something prevents it for now: wait, then delete again.
    Waiting {
        #[allow(missing_docs)]
        outcome: String,
        /// How long to wait, in seconds.
        wait_seconds: u32,
    },
    /// A resource exists, isn't owned, and was kept.
    NotOwned {
        /// The kept resources, each with the reason.
        left: Vec<String>,
    },
}

impl DeleteOutput {
    /// Returns the output for a resource that doesn't exist and left no snapshot.
    #[must_use]
    pub fn absent(outcome: &str) -> Self {
        Self::Absent {
            outcome: outcome.to_owned(),
            final_snapshot: None,
        }
    }
}
