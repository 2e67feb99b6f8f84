//! Creates or updates the parameter group.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheParameterGroup, ParameterNameValue};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureParameterGroupInput, EnsureParameterGroupOutput, PendingChange};
use contract::setting::Parameters;
use contract::{Action, Owner, Ownership, TagChanges, TagDifference, tag_changes};

use crate::compare::{self, Difference, Differences, differences};
use crate::find::{self, Defaults};
use crate::tag::{self, tags};
use crate::{family, name, validate};

/// The most parameters of one call:
/// [ModifyCacheParameterGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheParameterGroup.html).
const BATCH: usize = 20;

/// Creates the cache's parameter group, or gives the existing one the requested parameters and tags. If the request names no
/// parameters, it has none. A plan only returns what would be done.
///
/// # Errors
/// Returns `InvalidSpec` if the cache can't have a requested parameter, `NotOwned` if a group with the name of the cache's isn't
/// owned, and `NotFound`, which the state machine retries, if ElastiCache doesn't return a new group yet. Otherwise, returns
/// ElastiCache's error.
pub async fn ensure(
    elasticache: &Client,
    stack: &str,
    input: EnsureParameterGroupInput,
) -> StepResult<EnsureParameterGroupOutput> {
    let owner = input.spec.owner(stack);
    let cache_name = input.spec.cache.name.as_str();
    let environment = input.environment.as_str();
    let groups = find::candidates(elasticache, environment, cache_name).await?;
    let mut output = EnsureParameterGroupOutput {
        parameter_group: None,
        former_parameter_groups: Vec::new(),
        pending: Vec::new(),
        actions: Vec::new(),
    };
    if let Some(parameters) = &input.spec.cache.parameters {
        let requested = Requested::read(elasticache, &input, parameters).await?;
        let group = groups.iter().find(|group| has_name(group, &requested.name));
        let (changes, pending) = requested
            .changes(elasticache, &owner, &input, group)
            .await?;
        output.actions = changes
            .iter()
            .map(|change| requested.to_action(change, &input))
            .collect();
        output.pending = pending;
        if !input.plan {
            let arn = group.and_then(CacheParameterGroup::arn);
            let arn = arn.unwrap_or_default();
            for change in &changes {
                requested
                    .apply(elasticache, &owner, &input, arn, change)
                    .await?;
            }
        }
        output.parameter_group = Some(requested.name);
    }
    for group in &groups {
        let name = group.cache_parameter_group_name().unwrap_or_default();
        if output.parameter_group.as_deref() != Some(name)
            && is_owned(elasticache, &owner, group).await?
        {
            output.former_parameter_groups.push(name.to_owned());
        }
    }
    Ok(output)
}

fn has_name(group: &CacheParameterGroup, name: &str) -> bool {
    group.cache_parameter_group_name() == Some(name)
}

/// Returns whether the environment owns a group. One that was deleted after it was described has no owner.
async fn is_owned(
    elasticache: &Client,
    owner: &Owner,
    group: &CacheParameterGroup,
) -> StepResult<bool> {
    match find::tags(elasticache, group).await {
        Ok(tags) => Ok(owner.owns(find::pairs(&tags))),
        Err(error) if error.name() == ErrorName::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The parameter group that the request needs.
struct Requested<'a> {
    name: String,
    family: String,
    parameters: &'a Parameters,
    /// The parameters of the family.
    defaults: Defaults,
    /// Whether there is a cache, whose nodes may need a reboot.
    is_running: bool,
}

/// A call that writes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Create,
    RemoveTags(Vec<TagDifference>),
    AddTags(Vec<TagDifference>),
    Reset(Vec<Difference>),
    Modify(Vec<Difference>),
}

impl<'a> Requested<'a> {
    /// Determines the group's family, and checks the parameters.
    async fn read(
        elasticache: &Client,
        input: &EnsureParameterGroupInput,
        parameters: &'a Parameters,
    ) -> StepResult<Self> {
        let cache_name = input.spec.cache.name.as_str();
        let running = find::running(elasticache, cache_name).await?;
        let version = family::version_after_run(
            running,
            &input.spec,
            input.recorded_engine_version.as_deref(),
            &input.default_engine_version,
        )?;
        let family = family::of_version(version);
        let defaults = find::defaults(elasticache, &family).await?;
        validate::check(parameters, &defaults, version)?;
        Ok(Self {
            name: name::of_group(cache_name, &family),
            family,
            parameters,
            defaults,
            is_running: running.is_some(),
        })
    }

    /// Returns the calls that bring the group to the request, and the changes that need a reboot. A new group has the defaults
    /// of its family.
    async fn changes(
        &self,
        elasticache: &Client,
        owner: &Owner,
        input: &EnsureParameterGroupInput,
        group: Option<&CacheParameterGroup>,
    ) -> StepResult<(Vec<Change>, Vec<PendingChange>)> {
        let Some(group) = group else {
            let found = differences(&self.defaults.parameters, self.parameters, &self.defaults);
            let pending = self.pending(&found);
            let changes = [Change::Create].into_iter().chain(batches(found));
            return Ok((changes.collect(), pending));
        };
        let tags = find::tags(elasticache, group).await?;
        if !owner.owns(find::pairs(&tags)) {
            return Err(self.not_owned(owner));
        }
        let TagChanges { remove, add } = TagChanges::new(
            &input.spec.tags,
            &input.former_tags,
            Ownership::Owned,
            find::pairs(&tags),
        );
        let found = find::parameters(elasticache, &self.name).await?;
        let found = differences(&found, self.parameters, &self.defaults);
        let pending = self.pending(&found);
        let of_tags = [
            (!remove.is_empty()).then_some(Change::RemoveTags(remove)),
            (!add.is_empty()).then_some(Change::AddTags(add)),
        ];
        let changes = of_tags.into_iter().flatten().chain(batches(found));
        Ok((changes.collect(), pending))
    }

    /// Returns the changes that need a reboot. A new cache starts with its parameters.
    fn pending(&self, differences: &Differences) -> Vec<PendingChange> {
        if self.is_running {
            differences.pending()
        } else {
            Vec::new()
        }
    }

    fn not_owned(&self, owner: &Owner) -> StepError {
        let tags = owner.tags().map(|(key, value)| format!("{key}={value}"));
        StepError::new(
            ErrorName::NotOwned,
            format!(
                "cache.parameters: cache parameter group `{}` exists, but isn't owned by this environment (owner tags {}). It \
                 was not changed. Delete it if nothing uses it, restore the tags if a tagging tool removed them, or choose \
                 another `cache.name`, then start again",
                self.name,
                tags.join(" and ")
            ),
        )
    }

    /// Returns the change as a plan lists it.
    fn to_action(&self, change: &Change, input: &EnsureParameterGroupInput) -> Action {
        let action = |operation| Action::new(operation, self.name.as_str());
        match change {
            Change::Create => action("CreateCacheParameterGroup")
                .sets("family", &self.family)
                .sets_tags(&input.spec.tags),
            Change::RemoveTags(removed) => action("RemoveTagsFromResource").changes_tags(removed),
            Change::AddTags(added) => action("AddTagsToResource").changes_tags(added),
            Change::Reset(batch) => changed(action("ResetCacheParameterGroup"), batch),
            Change::Modify(batch) => changed(action("ModifyCacheParameterGroup"), batch),
        }
    }

    async fn apply(
        &self,
        elasticache: &Client,
        owner: &Owner,
        input: &EnsureParameterGroupInput,
        arn: &str,
        change: &Change,
    ) -> StepResult<()> {
        match change {
            Change::Create => self.create(elasticache, owner, input).await,
            Change::RemoveTags(removed) => {
                tag::remove(elasticache, arn, tag_changes::keys(removed)).await
            }
            Change::AddTags(added) => {
                tag::add(elasticache, arn, tags(owner.with_tags(added))).await
            }
            Change::Reset(batch) => self.reset(elasticache, batch).await,
            Change::Modify(batch) => self.modify(elasticache, batch).await,
        }
    }

    async fn create(
        &self,
        elasticache: &Client,
        owner: &Owner,
        input: &EnsureParameterGroupInput,
    ) -> StepResult<()> {
        let created_by = input.spec.options.created_by(&input.execution);
        let tags = tags(owner.creation_tags(created_by, &input.spec.tags));
        elasticache
            .create_cache_parameter_group()
            .cache_parameter_group_name(&self.name)
            .cache_parameter_group_family(&self.family)
            .description(name::description(input.environment.as_str()))
            .set_tags(Some(tags))
            .send()
            .await
            .map(drop)
            .map_err(|error| match step::code(&error) {
                Some("CacheParameterGroupAlreadyExists") => {
                    step::not_yet_visible("CreateCacheParameterGroup", &self.name, error)
                }
                _ => step::failure("CreateCacheParameterGroup", &self.name, error),
            })
    }

    /// Resets parameters to their defaults. ElastiCache rejects it while an earlier change of a parameter is pending
    /// (<https://github.com/hashicorp/terraform-provider-aws/pull/1821>); the state machine retries the error.
    async fn reset(&self, elasticache: &Client, batch: &[Difference]) -> StepResult<()> {
        let names = batch.iter().map(|difference| {
            ParameterNameValue::builder()
                .parameter_name(&difference.name)
                .build()
        });
        elasticache
            .reset_cache_parameter_group()
            .cache_parameter_group_name(&self.name)
            .set_parameter_name_values(Some(names.collect()))
            .send()
            .await
            .map(drop)
            .map_err(|error| step::failure("ResetCacheParameterGroup", &self.name, error))
    }

    async fn modify(&self, elasticache: &Client, batch: &[Difference]) -> StepResult<()> {
        let values = batch.iter().map(|difference| {
            ParameterNameValue::builder()
                .parameter_name(&difference.name)
                .set_parameter_value(difference.wanted.clone())
                .build()
        });
        elasticache
            .modify_cache_parameter_group()
            .cache_parameter_group_name(&self.name)
            .set_parameter_name_values(Some(values.collect()))
            .send()
            .await
            .map(drop)
            .map_err(|error| step::failure("ModifyCacheParameterGroup", &self.name, error))
    }
}

/// Returns the calls for these differences.
fn batches(differences: Differences) -> Vec<Change> {
    let Differences { reset, modify } = differences;
    let reset = reset
        .chunks(BATCH)
        .map(|batch| Change::Reset(batch.to_vec()));
    let modify = modify
        .chunks(BATCH)
        .map(|batch| Change::Modify(batch.to_vec()));
    reset.chain(modify).collect()
}

/// Adds the parameters to the action that changes them.
fn changed(action: Action, batch: &[Difference]) -> Action {
    batch.iter().fold(action, |action, difference| {
        let field = compare::field(&difference.name);
        action.change(&field, difference.found.clone(), difference.wanted.clone())
    })
}
