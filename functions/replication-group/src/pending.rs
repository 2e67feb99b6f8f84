//! The changes that ElastiCache has accepted and makes in the maintenance window. Pure functions; no AWS calls.

use aws_sdk_elasticache::types::{
    CacheCluster, CacheParameterGroupStatus, PendingAutomaticFailoverStatus, PendingModifiedValues,
    ReplicationGroupPendingModifiedValues,
};
use contract::message::{EnsureReplicationGroupInput, PendingChange};

use crate::compare::Change;
use crate::parameter_group;
use crate::setting::{Found, on_off};

/// Returns the pending changes of an available group and its members, each once. A pending node type or engine version is
/// shown by the members only.
pub fn of(found: Found<'_>) -> Vec<PendingChange> {
    let of_group = found.group.pending_modified_values().into_iter();
    let of_members = found
        .members
        .iter()
        .filter_map(CacheCluster::pending_modified_values);
    let all = of_group
        .flat_map(pending_of_group)
        .chain(of_members.flat_map(pending_of_member));
    let mut pending = Vec::new();
    for change in all {
        if !pending.contains(&change) {
            pending.push(change);
        }
    }
    pending
}

/// Returns what outputs and plans show as pending: also the parameters that the nodes get only when they are rebooted, which
/// `ApplyImmediately` doesn't apply, and those that change with an upgrade. If the run changed none that need a reboot,
/// ElastiCache shows only that there are some
/// ([CacheParameterGroupStatus](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheParameterGroupStatus.html)).
pub fn shown(
    changes: &[Change],
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> Vec<PendingChange> {
    let parameters = &input.pending_parameters;
    let needs_reboot = |member: &CacheCluster| {
        let status = member
            .cache_parameter_group()
            .and_then(CacheParameterGroupStatus::parameter_apply_status);
        status == Some("pending-reboot")
    };
    let is_unnamed = parameters.is_empty() && found.members.iter().any(needs_reboot);
    let mut shown = of(found);
    shown.extend(parameters.iter().cloned());
    shown.extend(parameter_group::pending(changes, found, input));
    shown.extend(present("cache.parameters", is_unnamed));
    shown
}

/// Returns pending changes in words.
pub fn text(pending: &[PendingChange]) -> String {
    let texts: Vec<_> = pending
        .iter()
        .map(|change| match &change.value {
            Some(value) => format!("{} {value}", change.field),
            None => change.field.clone(),
        })
        .collect();
    texts.join(", ")
}

fn pending_of_group(pending: &ReplicationGroupPendingModifiedValues) -> Vec<PendingChange> {
    let failover = pending
        .automatic_failover_status()
        .map(|status| on_off(*status == PendingAutomaticFailoverStatus::Enabled));
    [
        named("primary", pending.primary_cluster_id()),
        named("automatic failover", failover),
        present("resharding", pending.resharding().is_some()),
        named("AUTH", pending.auth_token_status()),
        present("user groups", pending.user_groups().is_some()),
        present(
            "log delivery",
            !pending.log_delivery_configurations().is_empty(),
        ),
        named(
            "encryption in transit",
            pending.transit_encryption_enabled().map(on_off),
        ),
        named("TLS mode", pending.transit_encryption_mode()),
        named("cluster mode", pending.cluster_mode()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn pending_of_member(pending: &PendingModifiedValues) -> Vec<PendingChange> {
    [
        named("number of nodes", pending.num_cache_nodes()),
        present(
            "deletion of nodes",
            !pending.cache_node_ids_to_remove().is_empty(),
        ),
        named("cache.engineVersion", pending.engine_version()),
        named("cache.nodeType", pending.cache_node_type()),
        named("AUTH", pending.auth_token_status()),
        present(
            "log delivery",
            !pending.log_delivery_configurations().is_empty(),
        ),
        named(
            "encryption in transit",
            pending.transit_encryption_enabled().map(on_off),
        ),
        named("TLS mode", pending.transit_encryption_mode()),
        present("scaling", pending.scale_config().is_some()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn named(field: &str, value: Option<impl ToString>) -> Option<PendingChange> {
    value.map(|value| PendingChange {
        field: field.to_owned(),
        value: Some(value.to_string()),
    })
}

fn present(field: &str, is_present: bool) -> Option<PendingChange> {
    is_present.then(|| PendingChange {
        field: field.to_owned(),
        value: None,
    })
}
