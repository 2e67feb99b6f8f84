//! The outputs of a plan: what a run would do to the cache. Pure functions; no AWS calls.

use aws_sdk_elasticache::types::{CacheCluster, ReplicationGroup};
use contract::message::{EnsureReplicationGroupInput, EnsureReplicationGroupOutput, KeptSetting};
use contract::spec::Cache;
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
    // Every field by name: a new one that the plan doesn't show fails to compile.
    let Cache {
        name,
        description,
        node_type,
        replicas,
        port,
        snapshot_retention_days,
        // `engine_version` is the requested, the recorded, or the default one.
        engine_version: _,
        // The plans of the groups show these.
        security_group_name: _,
        subnet_group_name: _,
    } = &input.spec.cache;
    let create = Action::new("CreateReplicationGroup", name.as_str())
        .sets("cache.description", description)
        .sets("cache.nodeType", node_type)
        .sets("cache.replicas", &replicas.get())
        .sets("cache.port", &port.get())
        .sets(
            "cache.snapshotRetentionDays",
            &snapshot_retention_days.get(),
        )
        .sets("cache.engineVersion", &engine_version);
    EnsureReplicationGroupOutput::Planned {
        outcome: outcome.to_owned(),
        actions: before.into_iter().chain([create]).collect(),
        kept: Vec::new(),
        endpoints: None,
        engine_version: None,
    }
}

/// Returns the plan for a cache that can't be compared before it is available.
pub fn unknown(outcome: String) -> EnsureReplicationGroupOutput {
    EnsureReplicationGroupOutput::Planned {
        outcome,
        actions: Vec::new(),
        kept: Vec::new(),
        endpoints: None,
        engine_version: None,
    }
}

/// Returns the plan for an available cache. `kept` is of a cache that a run would adopt.
pub fn comparison(
    input: &EnsureReplicationGroupInput,
    ownership: Ownership,
    kept: Vec<KeptSetting>,
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
        kept,
        endpoints: find::endpoints(group, &input.spec),
        engine_version: compare::engine_versions(member, input),
    }
}
