//! When ElastiCache makes changes: what is pending, and what isn't deferred. Pure functions; no AWS calls.

use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureReplicationGroupInput, Timing};
use contract::spec::Apply;

use crate::compare::Change;
use crate::pending;
use crate::setting::{Found, SETTINGS, Setting, Step, When, logs};

/// Returns what a run would change immediately instead of in the maintenance window, what is pending, and which logs can't be
/// delivered.
pub fn of(changes: &[Change], found: Found<'_>, input: &EnsureReplicationGroupInput) -> Timing {
    let mut timing = Timing {
        immediate: Vec::new(),
        pending: pending::shown(changes, found, input),
        log_errors: logs::errors(found.group),
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

/// Returns whether the request has another value than one that is pending.
pub fn is_contradicted(found: Found<'_>, input: &EnsureReplicationGroupInput) -> bool {
    let contradicts = |setting: &&'static dyn Setting| contradicts(*setting, found, input);
    SETTINGS.iter().any(contradicts)
}

fn contradicts(
    setting: &dyn Setting,
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> bool {
    let is_requested = setting.requested(input).is_some();
    setting.pending(found).is_some() && is_requested && !setting.is_pending(found, input)
}

/// Checks that no change makes ElastiCache apply what should stay pending, because it makes every change with
/// `ApplyImmediately` together with everything that is pending
/// ([ModifyReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html)).
///
/// # Errors
/// Returns `Immutable` with these changes, and with what is pending.
pub fn check(
    changes: &[Change],
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> StepResult<()> {
    let pending = pending::of(found);
    let applying: Vec<_> = changes
        .iter()
        .filter(|change| change.when() == When::Now && applies_wrongly(change, found, input))
        .collect();
    if pending.is_empty() || applying.is_empty() {
        return Ok(());
    }
    let id = input.spec.cache.name.as_str();
    let differences: Vec<_> = applying
        .iter()
        .map(|change| change.to_action(id, found).differences())
        .collect();
    let window = found
        .member()
        .and_then(|member| member.preferred_maintenance_window());
    let (effect, remedy) = match input.spec.options.apply {
        Apply::Window => (
            "ElastiCache would apply them now, together with changes that it can't defer",
            "Request `\"apply\": \"now\"` to apply everything immediately",
        ),
        Apply::Now => (
            "ElastiCache would apply them now, or block the run's changes, and the request has other values",
            "Request the pending values, or `\"apply\": \"window\"`",
        ),
    };
    Err(StepError::new(
        ErrorName::Immutable,
        format!(
            "replication group `{id}` has changes that are pending for its maintenance window ({}): {}. {effect}: {}. The \
             cache was not changed. {remedy}, or start again after the maintenance window",
            window.unwrap_or("unknown"),
            pending::text(&pending),
            differences.join("; ")
        ),
    ))
}

/// Returns whether a change with `ApplyImmediately` applies something pending that the request doesn't want now. ElastiCache
/// also blocks an upgrade while another node type is pending, and the reverse, unless one call has both
/// ([scaling up](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Scaling.RedisReplGrps.ScaleUp.html)).
fn applies_wrongly(change: &Change, found: Found<'_>, input: &EnsureReplicationGroupInput) -> bool {
    if input.spec.options.apply == Apply::Window {
        return true;
    }
    let is_deferrable = change.has_step(Step::Upgrade) || change.has_step(Step::NodeType);
    let fields = change.fields();
    SETTINGS
        .iter()
        .filter(|setting| setting.pending(found).is_some())
        .filter(|setting| !fields.iter().any(|field| field == setting.field()))
        .any(|setting| is_deferrable || contradicts(*setting, found, input))
}
