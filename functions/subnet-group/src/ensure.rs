//! Creates or updates the subnet group.

use std::time::Duration;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::CacheSubnetGroup;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureSubnetGroupInput, EnsureSubnetGroupOutput, ResolvedNetwork};
use contract::{Action, Owner, Ownership, Spec, TagChanges, TagDifference, tag_changes};
use elasticache::tag::{self, pairs, tags};

use crate::find;

/// Creates the subnet group, or gives the existing one the requested tags and subnets. A plan only returns what would be
/// done. A shared subnet group is neither tagged nor changed.
///
/// # Errors
/// Returns `NotOwned` if a group with the requested name is neither owned nor adopted or an environment owns a shared one,
/// `Immutable` if it is in another
/// VPC or if ElastiCache finds nothing to modify although it differs, and `NotFound`, which the state machine retries,
/// if ElastiCache doesn't return a new group yet. Otherwise, returns ElastiCache's error.
pub async fn ensure(
    elasticache: &Client,
    stack: &str,
    input: EnsureSubnetGroupInput,
) -> StepResult<EnsureSubnetGroupOutput> {
    let EnsureSubnetGroupInput {
        execution,
        plan,
        spec,
        belongs_here,
        former_tags,
        network,
        ..
    } = input;
    if let Some(name) = spec.network.shared_subnet_group() {
        require_unowned(elasticache, name.as_str()).await?;
        return Ok(EnsureSubnetGroupOutput {
            actions: Vec::new(),
        });
    }
    let owner = spec.owner(stack);
    let name = spec.cache.subnet_group_name.as_str();
    let found = elasticache::describe::subnet_group(elasticache, name).await?;
    let changes = match &found {
        None => vec![Change::Create],
        Some(group) => {
            let tags = find::tags(elasticache, group).await?;
            let ownership = owner.classify(
                &format!("cache subnet group `{name}`"),
                spec.adoption(belongs_here),
                pairs(&tags),
            )?;
            require_vpc(group, &network)?;
            let found = pairs(&tags);
            let TagChanges { remove, add } =
                TagChanges::new(&spec.tags, &former_tags, ownership, found);
            let changes = [
                (ownership == Ownership::Adoptable).then_some(Change::Adopt),
                (!remove.is_empty()).then_some(Change::RemoveTags(remove)),
                (!add.is_empty()).then_some(Change::AddTags(add)),
                differs(group, &spec, &network).then_some(Change::Modify),
            ];
            changes.into_iter().flatten().collect()
        }
    };
    let actions = changes
        .iter()
        .map(|change| to_action(change, found.as_ref(), &spec, &network))
        .collect();
    if !plan {
        let arn = found.as_ref().and_then(CacheSubnetGroup::arn);
        let arn = arn.unwrap_or_default();
        for change in changes {
            match change {
                Change::Create => create(elasticache, &owner, &execution, &spec, &network).await?,
                Change::Adopt => tag::add(elasticache, arn, tags(owner.tags())).await?,
                Change::RemoveTags(removed) => {
                    tag::remove(elasticache, arn, tag_changes::keys(&removed)).await?;
                }
                Change::AddTags(added) => {
                    tag::add(elasticache, arn, tags(owner.with_tags(&added))).await?;
                }
                Change::Modify => modify(elasticache, &spec, &network).await?,
            }
        }
    }
    Ok(EnsureSubnetGroupOutput { actions })
}

/// Checks that no environment owns a shared group: the removal of that environment couldn't delete the group.
async fn require_unowned(elasticache: &Client, name: &str) -> StepResult<()> {
    let Some(group) = elasticache::describe::subnet_group(elasticache, name).await? else {
        return Ok(());
    };
    let tags = find::tags(elasticache, &group).await?;
    let owner_tags: Vec<_> = pairs(&tags)
        .filter_map(|(key, value)| Some((key?, value.unwrap_or_default())))
        .filter(|(key, _)| key.starts_with("envcache:"))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if owner_tags.is_empty() {
        return Ok(());
    }
    Err(StepError::new(
        ErrorName::NotOwned,
        format!(
            "network.subnetGroup: cache subnet group `{name}` is not shared, because an environment owns it (owner tags \
             {}). It was not changed. Name a group without these tags, or remove the tags if no environment creates \
             caches with this group as its own, then start again",
            owner_tags.join(" and ")
        ),
    ))
}

/// A call that writes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Create,
    Adopt,
    RemoveTags(Vec<TagDifference>),
    AddTags(Vec<TagDifference>),
    Modify,
}

/// Returns the change as a plan lists it.
fn to_action(
    change: &Change,
    found: Option<&CacheSubnetGroup>,
    spec: &Spec,
    network: &ResolvedNetwork,
) -> Action {
    let action = |operation| Action::new(operation, spec.cache.subnet_group_name.as_str());
    let mut action = match change {
        Change::Create => action("CreateCacheSubnetGroup").sets_tags(&spec.tags),
        Change::Adopt => return action("AddTagsToResource"),
        Change::RemoveTags(removed) => {
            return action("RemoveTagsFromResource").changes_tags(removed);
        }
        Change::AddTags(added) => return action("AddTagsToResource").changes_tags(added),
        Change::Modify => action("ModifyCacheSubnetGroup"),
    };
    if found.is_none_or(|group| subnets_differ(group, network)) {
        action = action.change(
            "network.subnets",
            found.map(|group| subnets(group).join(", ")),
            Some(network.subnet_ids.join(", ")),
        );
    }
    if found.is_none_or(|group| description_differs(group, spec)) {
        let found = found.and_then(CacheSubnetGroup::cache_subnet_group_description);
        action = action.change(
            "description",
            found.map(str::to_owned),
            Some(description(spec)),
        );
    }
    action
}

/// Checks the VPC of a subnet group, which can't be changed.
fn require_vpc(group: &CacheSubnetGroup, network: &ResolvedNetwork) -> StepResult<()> {
    match group.vpc_id() {
        Some(vpc) if vpc != network.vpc_id => Err(StepError::new(
            ErrorName::Immutable,
            format!(
                "cache subnet group `{}` is in VPC {vpc}, requested {}: AWS can't move it. It was not changed. Request \
                 the VPC that it is in, or use another environment name",
                group.cache_subnet_group_name().unwrap_or_default(),
                network.vpc_id
            ),
        )),
        _ => Ok(()),
    }
}

/// Returns whether the subnets differ. Their order doesn't matter.
fn subnets_differ(group: &CacheSubnetGroup, network: &ResolvedNetwork) -> bool {
    let mut found = subnets(group);
    let mut requested: Vec<_> = network.subnet_ids.iter().map(String::as_str).collect();
    found.sort_unstable();
    requested.sort_unstable();
    found != requested
}

fn differs(group: &CacheSubnetGroup, spec: &Spec, network: &ResolvedNetwork) -> bool {
    subnets_differ(group, network) || description_differs(group, spec)
}

fn description_differs(group: &CacheSubnetGroup, spec: &Spec) -> bool {
    group.cache_subnet_group_description() != Some(&description(spec))
}

fn subnets(group: &CacheSubnetGroup) -> Vec<&str> {
    group
        .subnets()
        .iter()
        .filter_map(|subnet| subnet.subnet_identifier())
        .collect()
}

fn description(spec: &Spec) -> String {
    format!("Cache of environment {}", spec.environment)
}

async fn create(
    elasticache: &Client,
    owner: &Owner,
    execution: &str,
    spec: &Spec,
    network: &ResolvedNetwork,
) -> StepResult<()> {
    let name = spec.cache.subnet_group_name.as_str();
    let created_by = spec.options.created_by(execution);
    elasticache
        .create_cache_subnet_group()
        .cache_subnet_group_name(name)
        .cache_subnet_group_description(description(spec))
        .set_subnet_ids(Some(network.subnet_ids.clone()))
        .set_tags(Some(tags(owner.creation_tags(created_by, &spec.tags))))
        .send()
        .await
        .map(drop)
        .map_err(|error| match step::code(&error) {
            Some("CacheSubnetGroupAlreadyExists") => {
                step::not_yet_visible("CreateCacheSubnetGroup", name, error)
            }
            _ => step::failure("CreateCacheSubnetGroup", name, error),
        })
}

/// How often a modification is requested if ElastiCache finds nothing to modify.
const ATTEMPTS: u32 = 2;
/// How long ElastiCache may show the group as it was before another run's modification.
const DELAY: Duration = Duration::from_secs(3);

/// Modifies the group. If ElastiCache finds nothing to modify, the group is compared again: another run may have
/// modified it.
async fn modify(elasticache: &Client, spec: &Spec, network: &ResolvedNetwork) -> StepResult<()> {
    let name = spec.cache.subnet_group_name.as_str();
    let mut differences = String::new();
    for _ in 0..ATTEMPTS {
        let answer = elasticache
            .modify_cache_subnet_group()
            .cache_subnet_group_name(name)
            .cache_subnet_group_description(description(spec))
            .set_subnet_ids(Some(network.subnet_ids.clone()))
            .send()
            .await;
        match answer {
            Ok(_) => return Ok(()),
            Err(error) if step::modifies_nothing(&error) => tokio::time::sleep(DELAY).await,
            Err(error) => return Err(step::failure("ModifyCacheSubnetGroup", name, error)),
        }
        let Some(group) = elasticache::describe::subnet_group(elasticache, name).await? else {
            return Err(StepError::new(
                ErrorName::NotFound,
                format!(
                    "ModifyCacheSubnetGroup {name}: it was deleted in the meantime. Start again"
                ),
            ));
        };
        if !differs(&group, spec, network) {
            return Ok(());
        }
        differences = to_action(&Change::Modify, Some(&group), spec, network).differences();
    }
    Err(step::nothing_to_modify(
        "ModifyCacheSubnetGroup",
        name,
        &differences,
    ))
}
