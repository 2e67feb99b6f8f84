//! The outputs of a plan: what a run would do to the cache. Pure functions; no AWS calls.

use contract::message::{
    EnsureReplicationGroupInput, EnsureReplicationGroupOutput, KeptSetting, Timing,
};
use contract::{Action, Ownership};

use crate::compare::Change;
use crate::setting::{self, Found, SETTINGS};
use crate::{find, parameter_group, timing};

/// Returns the plan for a cache that doesn't exist or is created again. `before` precedes the creation.
pub fn creation(
    input: &EnsureReplicationGroupInput,
    outcome: &str,
    before: Option<Action>,
) -> EnsureReplicationGroupOutput {
    let id = input.spec.cache.name.as_str();
    let create = SETTINGS
        .iter()
        .filter(|setting| setting.field().starts_with("cache."))
        .filter_map(|setting| {
            let value = setting.requested(input)?;
            Some((setting.field(), setting::text(&value)?))
        })
        .fold(
            Action::new("CreateReplicationGroup", id),
            |action, (field, value)| action.sets(field, &value),
        )
        .sets_tags(&input.spec.tags);
    let deletions = parameter_group::of_groups(&input.former_parameter_groups);
    EnsureReplicationGroupOutput::Planned {
        outcome: outcome.to_owned(),
        actions: before
            .into_iter()
            .chain([create])
            .chain(deletions)
            .collect(),
        kept: Vec::new(),
        endpoints: None,
        engine_version: None,
        timing: Timing::default(),
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
        timing: Timing::default(),
    }
}

/// Returns the plan for an available cache. `kept` is of a cache that a run would adopt.
pub fn comparison(
    input: &EnsureReplicationGroupInput,
    ownership: Ownership,
    kept: Vec<KeptSetting>,
    changes: &[Change],
    found: Found<'_>,
) -> EnsureReplicationGroupOutput {
    let id = input.spec.cache.name.as_str();
    let adopt = (ownership == Ownership::Adoptable).then(|| Action::new("AddTagsToResource", id));
    let timing = timing::of(changes, found, input);
    let deletions = parameter_group::deletions(changes, found, input);
    let changes = changes.iter().map(|change| change.to_action(id, found));
    EnsureReplicationGroupOutput::Planned {
        outcome: "compared".to_owned(),
        actions: adopt.into_iter().chain(changes).chain(deletions).collect(),
        kept,
        endpoints: find::endpoints(found.group, &input.spec),
        engine_version: found
            .member()
            .and_then(|member| setting::engine_versions(member, input)),
        timing,
    }
}
