//! Creates or updates the parameter group.

use std::error::Error;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheParameterGroup, Parameter, ParameterNameValue};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureParameterGroupInput, EnsureParameterGroupOutput, PendingChange};
use contract::setting::Parameters;
use contract::{Action, Owner, Ownership, TagChanges, TagDifference, tag_changes};
use elasticache::tag::{self, pairs, tags};

use crate::compare::{self, Difference, Differences, differences};
use crate::find::{self, Cache, Defaults};
use crate::{family, fixed, name, validate};

/// The most parameters of one call:
/// [ModifyCacheParameterGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheParameterGroup.html).
const BATCH: usize = 20;
/// ElastiCache's error while it applies an earlier change, "Cannot reset the parameter group because the parameter … has pending
/// changes" (<https://github.com/hashicorp/terraform-provider-aws/pull/1821>).
const STILL_APPLYING: &str = "InvalidCacheParameterGroupState";

/// Creates the cache's parameter group, or gives the existing one the requested parameters and tags. If the request names no
/// parameters, it has none. A plan only returns what would be done.
///
/// # Errors
/// Returns `InvalidSpec` if no cache can have a requested parameter, `Immutable` if the existing one keeps another value,
/// `NotOwned` if a group with the name of the cache's isn't owned, and two errors that the state machine retries: `NotFound` if
/// ElastiCache doesn't return a new group yet, and `InUse` while it applies an earlier change. Otherwise, returns ElastiCache's
/// error.
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
    if input.spec.cache.parameters.is_none() {
        check_return_to_default(elasticache, cache_name, &groups, &output).await?;
    }
    Ok(output)
}

/// Checks that a cache without requested parameters may return from a former group to the default one.
async fn check_return_to_default(
    elasticache: &Client,
    cache_name: &str,
    groups: &[CacheParameterGroup],
    output: &EnsureParameterGroupOutput,
) -> StepResult<()> {
    if output.former_parameter_groups.is_empty() {
        return Ok(());
    }
    let cache = find::cache(elasticache, cache_name).await?;
    let in_use = cache.and_then(|cache| cache.parameter_group);
    let Some(in_use) = in_use.filter(|name| output.former_parameter_groups.contains(name)) else {
        return Ok(());
    };
    let group = groups.iter().find(|group| has_name(group, &in_use));
    let family = group.and_then(CacheParameterGroup::cache_parameter_group_family);
    let found = find::parameters(elasticache, &in_use).await?;
    let defaults = find::defaults(elasticache, family.unwrap_or_default()).await?;
    fixed::check(&found, &Parameters::default(), &defaults)
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
        Ok(tags) => Ok(owner.owns(pairs(&tags))),
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
    /// The cache, whose nodes may need a reboot.
    cache: Option<Cache>,
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
        let cache = find::cache(elasticache, cache_name).await?;
        let version = family::version_after_run(
            cache.as_ref().map(|cache| cache.running),
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
            cache,
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
            self.check_cache(elasticache, &[]).await?;
            let found = differences(&self.defaults.parameters, self.parameters, &self.defaults);
            let pending = self.pending(&found);
            let changes = [Change::Create].into_iter().chain(batches(found));
            return Ok((changes.collect(), pending));
        };
        let tags = find::tags(elasticache, group).await?;
        if !owner.owns(pairs(&tags)) {
            return Err(self.not_owned(owner));
        }
        let TagChanges { remove, add } = TagChanges::new(
            &input.spec.tags,
            &input.former_tags,
            Ownership::Owned,
            pairs(&tags),
        );
        let found = find::parameters(elasticache, &self.name).await?;
        self.check_cache(elasticache, &found).await?;
        let found = differences(&found, self.parameters, &self.defaults);
        let pending = self.pending(&found);
        let of_tags = [
            (!remove.is_empty()).then_some(Change::RemoveTags(remove)),
            (!add.is_empty()).then_some(Change::AddTags(add)),
        ];
        let changes = of_tags.into_iter().flatten().chain(batches(found));
        Ok((changes.collect(), pending))
    }

    /// Checks that the cache keeps no other value than the requested one. `own` are the parameters of the own group.
    async fn check_cache(&self, elasticache: &Client, own: &[Parameter]) -> StepResult<()> {
        let cache = self.cache.as_ref();
        let Some(in_use) = cache.and_then(|cache| cache.parameter_group.as_deref()) else {
            return Ok(());
        };
        let of_other;
        let found = if in_use == self.name {
            own
        } else if in_use.starts_with("default.") {
            self.defaults.parameters.as_slice()
        } else {
            of_other = find::parameters(elasticache, in_use).await?;
            of_other.as_slice()
        };
        fixed::check(found, self.parameters, &self.defaults)
    }

    /// Returns the changes that need a reboot. A new cache starts with its parameters.
    fn pending(&self, differences: &Differences) -> Vec<PendingChange> {
        if self.cache.is_some() {
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
                 was not changed. Delete it if nothing uses it, restore the tags if a tagging tool removed them, choose \
                 another `cache.name`, or remove `cache.parameters`, then start again",
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
                Ok(tag::remove(elasticache, arn, tag_changes::keys(removed)).await?)
            }
            Change::AddTags(added) => {
                Ok(tag::add(elasticache, arn, tags(owner.with_tags(added))).await?)
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

    /// Resets parameters to their defaults.
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
            .map_err(|error| match step::code(&error) {
                Some(STILL_APPLYING) => {
                    still_applying("ResetCacheParameterGroup", &self.name, error)
                }
                _ => step::failure("ResetCacheParameterGroup", &self.name, error),
            })
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
            .map_err(|error| match step::code(&error) {
                Some(STILL_APPLYING) => {
                    still_applying("ModifyCacheParameterGroup", &self.name, error)
                }
                _ => step::failure("ModifyCacheParameterGroup", &self.name, error),
            })
    }
}

/// Returns the error for a group that ElastiCache can't change yet; the state machine retries it.
fn still_applying<E: Error + Send + Sync + 'static>(
    operation: &str,
    name: &str,
    error: E,
) -> StepError {
    StepError::new(
        ErrorName::InUse,
        format!(
            "{operation} {name}: an earlier change of the parameter group is still being applied. Start again in a few minutes"
        ),
    )
    .caused_by(error)
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
