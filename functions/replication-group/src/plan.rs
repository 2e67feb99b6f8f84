//! What a run would do to the cache: the same look, the same comparison, and no call that writes.

use aws_sdk_elasticache::types::{CacheCluster, ReplicationGroup};
use contract::message::{EnsureReplicationGroupInput, EnsureReplicationGroupOutput};
use contract::{Action, Ownership};

use crate::compare::{self, Change};
use crate::find;

/// The plan where there is no cache yet, or only one that is created again.
pub fn creation(
    wanted: &EnsureReplicationGroupInput,
    outcome: &str,
    before: Option<Action>,
    engine_version: &str,
) -> EnsureReplicationGroupOutput {
    let cache = &wanted.spec.cache;
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

/// The plan where the cache cannot be compared now: what it will be is not known before it is available.
pub fn unknown(outcome: String) -> EnsureReplicationGroupOutput {
    EnsureReplicationGroupOutput::Planned {
        outcome,
        actions: Vec::new(),
        endpoints: None,
        engine_version: None,
    }
}

/// The plan for a cache that can be compared.
pub fn comparison(
    wanted: &EnsureReplicationGroupInput,
    ownership: Ownership,
    changes: &[Change],
    group: &ReplicationGroup,
    member: &CacheCluster,
) -> EnsureReplicationGroupOutput {
    let id = wanted.spec.cache.name.as_str();
    let adopt = (ownership == Ownership::Adoptable).then(|| Action::new("AddTagsToResource", id));
    let changes = changes.iter().map(|change| change.to_action(id, group));
    EnsureReplicationGroupOutput::Planned {
        outcome: "compared".to_owned(),
        actions: adopt.into_iter().chain(changes).collect(),
        endpoints: find::endpoints(group, &wanted.spec),
        engine_version: compare::engine_versions(member, wanted),
    }
}
