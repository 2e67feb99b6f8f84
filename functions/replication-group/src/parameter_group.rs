//! Says which of the environment's parameter groups the cache no longer uses. Pure functions; no AWS calls.

use contract::Action;
use contract::message::EnsureReplicationGroupInput;

use crate::compare::Change;
use crate::setting::{Found, Step, When, has_pending_upgrade, parameter_group_of};

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
    let is_replaced = changes.iter().any(|change| {
        change.when() == When::Now
            && (change.has_step(Step::ParameterGroup) || change.has_step(Step::Upgrade))
    });
    let is_deferred = changes
        .iter()
        .any(|change| change.when() == When::Window && change.has_step(Step::Upgrade));
    // An upgrade within a major version keeps the group, which then isn't a former one.
    match (is_deferred, is_replaced) {
        (true, _) => Vec::new(),
        (false, true) => of_groups(&input.former_parameter_groups),
        (false, false) => of_groups(&unused(found, input)),
    }
}

/// Returns the deletions of these groups.
pub fn of_groups(names: &[String]) -> Vec<Action> {
    let names = names.iter();
    names
        .map(|name| Action::new("DeleteCacheParameterGroup", name.as_str()))
        .collect()
}
