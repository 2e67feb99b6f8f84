//! The outputs of a plan: what a run would do to the cache. Pure functions; no AWS calls.

use aws_sdk_elasticache::types::{CacheCluster, ReplicationGroup};
use contract::message::{EnsureReplicationGroupInput, EnsureReplicationGroupOutput};
use contract::{Action, Ownership};

use crate::compare::{self, Change};
use crate::find;

/// Returns the plan for a cache that doesn't exist or is created again. `before` precedes the creation.
pub fn creation(
    input: &EnsureReplicationGroupInput,
    outcome: &str,
    before: Option<Action>,
    engine_version: &str,
) -> EnsureReplicationGroupOutput {
    let cache = &input.spec.cache;
    let create = Action::new("CreateReplicationGroup", cache.name.as_str())
        .sets("cache.description", &cache.description)
        .sets("cache.nodeType", &cache.node_type)
        .sets("cache.replicas", &cache.replicas.get())
        .sets("cache.port", &cache.port.get())
        .sets(
            "cache.snapshotRetentionDays",
            &cache.snapshot_retention_days.get(),
        )
        .sets("cache.engineVersion", &engine_version);
    EnsureReplicationGroupOutput::Planned {
        outcome: outcome.to_owned(),
        actions: before.into_iter().chain([create]).collect(),
        endpoints: None,
        engine_version: None,
    }
}

/// Returns the plan for a cache that can't be compared before it is available.
pub fn unknown(outcome: String) -> EnsureReplicationGroupOutput {
    EnsureReplicationGroupOutput::Planned {
        outcome,
        actions: Vec::new(),
        endpoints: None,
        engine_version: None,
    }
}

/// Returns the plan for an available cache.
pub fn comparison(
    input: &EnsureReplicationGroupInput,
    ownership: Ownership,
    changes: &[Change],
    group: &ReplicationGroup,
    member: &CacheCluster,
) -> EnsureReplicationGroupOutput {
    let id = input.spec.cache.name.as_str();
    let adopt = (ownership == Ownership::Adoptable).then(|| Action::new("AddTagsToResource", id));
    let changes = changes.iter().map(|change| change.to_action(id, group));
    EnsureReplicationGroupOutput::Planned {
        outcome: "compared".to_owned(),
        actions: adopt.into_iter().chain(changes).collect(),
        endpoints: find::endpoints(group, &input.spec),
        engine_version: compare::engine_versions(member, input),
    }
}
