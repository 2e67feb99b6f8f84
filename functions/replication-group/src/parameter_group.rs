//! Says which of the environment's parameter groups the cache no longer uses. Pure functions; no AWS calls.

use contract::Action;
use contract::message::{EnsureReplicationGroupInput, PendingChange};

use crate::compare::Change;
use crate::setting::{
    Found, Step, When, has_pending_upgrade, own_group_of_upgrade, parameter_group_of,
};

/// Returns the former parameter groups that no member uses and that no pending upgrade may need: ElastiCache doesn't show the
/// parameter group of a pending upgrade.
pub fn unused(found: Found<'_>, input: &EnsureReplicationGroupInput) -> Vec<String> {
    if has_pending_upgrade(found) {
        return Vec::new();
    }
    let in_use: Vec<_> = found
        .members
        .iter()
        .filter_map(parameter_group_of)
        .collect();
    let former = input.former_parameter_groups.iter();
    former
        .filter(|name| !in_use.contains(&name.as_str()))
        .cloned()
        .collect()
}

/// Returns the deletions of the former parameter groups that the cache doesn't use after these changes.
pub fn deletions(
    changes: &[Change],
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> Vec<Action> {
    // An upgrade within a major version keeps the group, which then isn't a former one.
    match (is_deferred(changes), is_replaced(changes)) {
        (true, _) => Vec::new(),
        (false, true) => of_groups(&input.former_parameter_groups),
        (false, false) => of_groups(&unused(found, input)),
    }
}

/// Returns the requested parameters as pending if an upgrade in the maintenance window, which is pending or which these changes
/// defer, gives the cache their group. ElastiCache doesn't show it.
pub fn pending(
    changes: &[Change],
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> Option<PendingChange> {
    let is_upgraded_later = has_pending_upgrade(found) || is_deferred(changes);
    if !is_upgraded_later || is_replaced(changes) {
        return None;
    }
    Some(PendingChange {
        field: "cache.parameters".to_owned(),
        value: Some(own_group_of_upgrade(found, input)?),
    })
}

/// Returns whether a change gives the cache its requested parameter group now.
fn is_replaced(changes: &[Change]) -> bool {
    changes.iter().any(|change| {
        change.when() == When::Now
            && (change.has_step(Step::ParameterGroup) || change.has_step(Step::Upgrade))
    })
}

/// Returns whether a change upgrades the cache in the maintenance window.
fn is_deferred(changes: &[Change]) -> bool {
    changes
        .iter()
        .any(|change| change.when() == When::Window && change.has_step(Step::Upgrade))
}

/// Returns the deletions of these groups.
pub fn of_groups(names: &[String]) -> Vec<Action> {
    let names = names.iter();
    names
        .map(|name| Action::new("DeleteCacheParameterGroup", name.as_str()))
        .collect()
}
