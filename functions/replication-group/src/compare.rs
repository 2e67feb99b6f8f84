//! Compares a cache with the request, and returns the changes to make. Pure functions; no AWS calls.

use std::fmt::{self, Display, Formatter};

use contract::error::{ErrorName, StepError, StepResult};
use contract::message::EnsureReplicationGroupInput;
use contract::spec::Apply;
use contract::{Action, Ownership, TagChanges, TagDifference, tag_changes};
use elasticache::tag::pairs;

use crate::setting::{
    self, Comparison, Found, NOTIFICATION_TOPIC, SETTINGS, Setting, Step, When, nodes,
};
use crate::timing;

/// One change. The group is *modifying* while ElastiCache applies it, so a round requests only one.
pub enum Change {
    /// Removes tags that only earlier requests named.
    RemoveTags(Vec<TagDifference>),
    /// Adds tags, or changes their values.
    AddTags(Vec<TagDifference>),
    /// Adds replicas, up to this number.
    IncreaseReplicas(i32),
    /// Deletes replicas, down to this number.
    DecreaseReplicas(i32),
    /// Changes other settings.
    Modify(Vec<Difference>, When),
}

/// A setting that differs from the request.
pub struct Difference {
    pub setting: &'static dyn Setting,
    /// The value that the group has; none if it is off or ElastiCache returns none.
    found: Option<String>,
    /// The value to change it to; none to turn it off.
    wanted: Option<String>,
}

impl Change {
    /// Returns when ElastiCache makes the change.
    pub fn when(&self) -> When {
        match self {
            Self::RemoveTags(_) | Self::AddTags(_) => When::Alone,
            Self::IncreaseReplicas(_) | Self::DecreaseReplicas(_) => When::Now,
            Self::Modify(_, when) => *when,
        }
    }

    /// Returns the fields that it changes.
    pub fn fields(&self) -> Vec<String> {
        match self {
            Self::RemoveTags(tags) | Self::AddTags(tags) => tags
                .iter()
                .map(|tag| tag_changes::field(&tag.key))
                .collect(),
            Self::IncreaseReplicas(_) | Self::DecreaseReplicas(_) => {
                vec!["cache.replicas".to_owned()]
            }
            Self::Modify(differences, _) => differences
                .iter()
                .map(|difference| difference.setting.field().to_owned())
                .collect(),
        }
    }

    /// Returns whether it changes a setting of this step.
    pub fn has_step(&self, step: Step) -> bool {
        match self {
            Self::Modify(differences, _) => differences
                .iter()
                .any(|difference| difference.setting.change() == setting::Change::InPlace(step)),
            _ => false,
        }
    }

    /// Returns whether it sets the notification topic. If it deactivates the topic, it doesn't.
    pub fn sets_topic(&self) -> bool {
        let is_topic = |difference: &Difference| {
            difference.setting.field() == NOTIFICATION_TOPIC && difference.wanted.is_some()
        };
        match self {
            Self::Modify(differences, _) => differences.iter().any(is_topic),
            _ => false,
        }
    }

    /// Returns the change as a plan shows it.
    pub fn to_action(&self, id: &str, found: Found<'_>) -> Action {
        let replicas = |operation, requested: &i32| {
            let found = (nodes(found.group) - 1).to_string();
            Action::new(operation, id).change(
                "cache.replicas",
                Some(found),
                Some(requested.to_string()),
            )
        };
        match self {
            Self::RemoveTags(removed) => {
                Action::new("RemoveTagsFromResource", id).changes_tags(removed)
            }
            Self::AddTags(added) => Action::new("AddTagsToResource", id).changes_tags(added),
            Self::IncreaseReplicas(requested) => replicas("IncreaseReplicaCount", requested),
            Self::DecreaseReplicas(requested) => replicas("DecreaseReplicaCount", requested),
            Self::Modify(differences, _) => differences.iter().fold(
                Action::new("ModifyReplicationGroup", id),
                |action, difference| {
                    action.change(
                        difference.setting.field(),
                        difference.found.clone(),
                        difference.wanted.clone(),
                    )
                },
            ),
        }
    }
}

impl Display for Change {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::IncreaseReplicas(replicas) | Self::DecreaseReplicas(replicas) => {
                write!(formatter, "cache.replicas to {replicas}")
            }
            Self::RemoveTags(_) | Self::AddTags(_) | Self::Modify(..) => {
                formatter.write_str(&self.fields().join(", "))
            }
        }
    }
}

/// Returns the changes that bring the group to the request, in order; empty if the group is up to date. A run applies
/// the first one, waits, and compares again.
///
/// Tags are changed first, because the other changes can take long or fail. Replicas are added before failover is turned
/// on, and deleted after it is turned off, because failover requires two nodes. Changes that ElastiCache defers come last,
/// because the others can apply what is pending. If it defers none, log delivery comes last, because an adopted cache can have
/// an engine version without it (<https://github.com/hashicorp/terraform-provider-aws/issues/46440>).
///
/// # Errors
/// Returns `Immutable`, with all of them, if the group differs in settings that can't be changed in place, or if a change
/// would apply what is pending although the request defers changes or has other values.
pub fn changes(
    found: Found<'_>,
    ownership: Ownership,
    input: &EnsureReplicationGroupInput,
) -> StepResult<Vec<Change>> {
    require_none(&immutable(found, input, |_| true), input)?;
    let TagChanges { remove, add } = TagChanges::new(
        &input.spec.tags,
        &input.former_tags,
        ownership,
        pairs(found.tags),
    );
    let replicas = input.spec.cache.replicas.get();
    let leaves_pending =
        input.spec.options.apply == Apply::Window || timing::is_contradicted(found, input);
    let modify = |steps: &&[Step]| {
        let differences = differences(steps, found, input);
        let when = steps
            .first()?
            .when(input.spec.options.apply, leaves_pending);
        (!differences.is_empty()).then_some(Change::Modify(differences, when))
    };
    let online: &[&[Step]] = if leaves_pending {
        &[&[Step::Online], &[Step::Failover, Step::ParameterGroup]]
    } else {
        &[&[Step::Online, Step::Failover, Step::ParameterGroup]]
    };
    let deferrable: &[&[Step]] = if requires_one_call(found, input) {
        &[&[Step::Upgrade, Step::NodeType]]
    } else {
        &[&[Step::Upgrade], &[Step::NodeType]]
    };
    let increase = (nodes(found.group) <= replicas).then_some(Change::IncreaseReplicas(replicas));
    let decrease = (nodes(found.group) > input.spec.cache.nodes())
        .then_some(Change::DecreaseReplicas(replicas));
    let logs: &[&[Step]] = &[&[Step::Logs]];
    let (last, rest) = match input.spec.options.apply {
        Apply::Now => (logs, deferrable),
        Apply::Window => (deferrable, logs),
    };
    let changes: Vec<_> = (!remove.is_empty())
        .then_some(Change::RemoveTags(remove))
        .into_iter()
        .chain((!add.is_empty()).then_some(Change::AddTags(add)))
        .chain(increase)
        .chain(online.iter().filter_map(modify))
        .chain(decrease)
        .chain(rest.iter().chain(last).filter_map(modify))
        .collect();
    timing::check(&changes, found, input)?;
    Ok(changes)
}

/// Returns whether one call has to upgrade the engine and change the node type: ElastiCache blocks one of them, made
/// immediately, while the other is pending. Sources:
/// [scaling up](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Scaling.RedisReplGrps.ScaleUp.html),
/// [engine versions](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement.HowTo.html).
fn requires_one_call(found: Found<'_>, input: &EnsureReplicationGroupInput) -> bool {
    let is_pending = |setting: &&'static dyn Setting| setting.pending(found).is_some();
    input.spec.options.apply == Apply::Now && SETTINGS.iter().any(is_pending)
}

/// Compares a setting with the request. A pending value that satisfies a request with `apply: window` is equal.
fn compare(
    setting: &dyn Setting,
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> Comparison {
    let is_deferred = input.spec.options.apply == Apply::Window;
    if is_deferred && setting.is_pending(found, input) {
        Comparison::Equal
    } else {
        setting.compare(found, input)
    }
}

/// Returns the settings that differ and change in these steps.
fn differences(
    steps: &[Step],
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> Vec<Difference> {
    let is_in_step = |setting: &&&'static dyn Setting| match setting.change() {
        setting::Change::InPlace(step) => steps.contains(&step),
        setting::Change::AtCreation | setting::Change::Never(_) => false,
    };
    let settings = SETTINGS.iter().filter(is_in_step);
    settings
        .filter_map(|setting| match compare(*setting, found, input) {
            Comparison::Different(wanted) => Some(Difference {
                setting: *setting,
                found: found_text(*setting, found),
                wanted: setting::text(&wanted),
            }),
            Comparison::Equal | Comparison::Rejected(..) => None,
        })
        .collect()
}

/// Checks the settings that are the same for every cache and that envcache never changes.
///
/// # Errors
/// Returns `Immutable` with the differences, each with what to do.
pub fn check_fixed(found: Found<'_>, input: &EnsureReplicationGroupInput) -> StepResult<()> {
    require_none(
        &immutable(found, input, |setting| setting.is_fixed()),
        input,
    )
}

/// Returns the differences that can't be changed in place.
fn immutable(
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
    is_checked: impl Fn(&dyn Setting) -> bool,
) -> Vec<String> {
    let difference = |setting: &&'static dyn Setting| {
        let (wanted, why) = match (compare(*setting, found, input), setting.change()) {
            (Comparison::Different(wanted), setting::Change::Never(remedy)) => {
                let why = remedy.map(|remedy| format!(" ({remedy})"));
                (wanted, why.unwrap_or_default())
            }
            (Comparison::Rejected(wanted, reason), _) => (wanted, format!(" ({reason})")),
            (Comparison::Equal, _)
            | (
                Comparison::Different(_),
                setting::Change::InPlace(_) | setting::Change::AtCreation,
            ) => return None,
        };
        let is_known = setting.found(found).is_some();
        let current = match found_text(*setting, found) {
            Some(text) => format!("`{text}`"),
            None if is_known => "none".to_owned(),
            None => "unknown".to_owned(),
        };
        let wanted = setting::text(&wanted).map_or("none".to_owned(), |text| format!("`{text}`"));
        Some(format!(
            "{} is {current}, requested {wanted}{why}",
            setting.field()
        ))
    };
    let settings = SETTINGS.iter().filter(|setting| is_checked(**setting));
    settings.filter_map(difference).collect()
}

fn require_none(differences: &[String], input: &EnsureReplicationGroupInput) -> StepResult<()> {
    if differences.is_empty() {
        return Ok(());
    }
    Err(StepError::new(
        ErrorName::Immutable,
        format!(
            "replication group `{}` differs from the request in settings that can't be updated: {}. The cache was not \
             changed. Request the current values, or create the cache under another environment name",
            input.spec.cache.name,
            differences.join("; ")
        ),
    ))
}

fn found_text(setting: &dyn Setting, found: Found<'_>) -> Option<String> {
    setting.found(found).and_then(|value| setting::text(&value))
}
