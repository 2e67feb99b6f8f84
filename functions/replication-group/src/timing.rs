//! When ElastiCache makes changes: what is pending, and what isn't deferred. Pure functions; no AWS calls.

use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureReplicationGroupInput, Timing};
use contract::spec::Apply;

use crate::compare::Change;
use crate::pending;
use crate::setting::{Found, When};

/// Returns what a run would change immediately instead of in the maintenance window, and what is pending.
pub fn of(changes: &[Change], found: Found<'_>, input: &EnsureReplicationGroupInput) -> Timing {
    let mut timing = Timing {
        immediate: Vec::new(),
        pending: pending::of(found),
    };
    for change in changes {
        add(&mut timing.immediate, immediate(change, found, input));
    }
    timing
}

/// Returns the fields that ElastiCache changes immediately with a change, instead of in the maintenance window: those of the
/// change if the request defers changes, and otherwise those that are pending.
pub fn immediate(
    change: &Change,
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> Vec<String> {
    match (input.spec.options.apply, change.when()) {
        // Tags, which ElastiCache changes alone.
        (Apply::Window, When::Window) | (Apply::Now, When::Alone) => Vec::new(),
        (Apply::Window, When::Now | When::Alone) => change.fields(),
        (Apply::Now, When::Now | When::Window) => {
            let pending = pending::of(found).into_iter();
            pending.map(|change| change.field).collect()
        }
    }
}

/// Adds the fields that aren't listed yet.
pub fn add(listed: &mut Vec<String>, fields: Vec<String>) {
    for field in fields {
        if !listed.contains(&field) {
            listed.push(field);
        }
    }
}

/// Checks that a request that defers changes makes none that ElastiCache would make together with everything that is
/// pending
/// ([ModifyReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html)).
///
/// # Errors
/// Returns `Immutable` with these changes, and with what is pending.
pub fn check(
    changes: &[Change],
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> StepResult<()> {
    if input.spec.options.apply == Apply::Now {
        return Ok(());
    }
    let id = input.spec.cache.name.as_str();
    let pending = pending::of(found);
    let applying: Vec<_> = changes
        .iter()
        .filter(|change| change.when() == When::Now)
        .map(|change| change.to_action(id, found).differences())
        .collect();
    if pending.is_empty() || applying.is_empty() {
        return Ok(());
    }
    let window = found
        .member()
        .and_then(|member| member.preferred_maintenance_window());
    Err(StepError::new(
        ErrorName::Immutable,
        format!(
            "replication group `{id}` has changes that are pending for its maintenance window ({}): {}. ElastiCache would \
             apply them now, together with changes that it can't defer: {}. The cache was not changed. Request \
             `\"apply\": \"now\"` to apply everything immediately, or start again after the maintenance window",
            window.unwrap_or("unknown"),
            pending::text(&pending),
            applying.join("; ")
        ),
    ))
}
