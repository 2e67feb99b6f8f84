//! Creates the subnet group, or brings what is there to what is wanted.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheSubnetGroup, Tag};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureGroupInput, ResolvedNetwork, SubnetGroup};
use contract::{Owner, Spec};

use crate::find;

/// Creates the subnet group, or finds what an earlier run created and gives it the wanted subnets.
///
/// # Errors
/// `NotOwned` where a group of the wanted name is not ours; `Immutable` where it stands in another VPC;
/// `NotFound` where ElastiCache does not show yet what was just created, which a later try mends; else
/// what ElastiCache answered.
pub async fn ensure(
    elasticache: &Client,
    stack: &str,
    input: EnsureGroupInput,
) -> StepResult<SubnetGroup> {
    let EnsureGroupInput { spec, network } = input;
    let owner = spec.owner(stack);
    match find::subnet_group(elasticache, spec.cache.subnet_group_name.as_str()).await? {
        None => create(elasticache, &owner, &spec, &network).await?,
        Some(group) => {
            let name = group.cache_subnet_group_name().unwrap_or_default();
            let tags = find::tags(elasticache, &group).await?;
            owner.require(&format!("cache subnet group `{name}`"), find::pairs(&tags))?;
            require_vpc(&group, &network)?;
            if differs(&group, &spec, &network) {
                modify(elasticache, &spec, &network).await?;
            }
        }
    }
    Ok(SubnetGroup {
        subnet_group_name: spec.cache.subnet_group_name.to_string(),
    })
}

/// A subnet group keeps its VPC for life.
fn require_vpc(group: &CacheSubnetGroup, network: &ResolvedNetwork) -> StepResult<()> {
    match group.vpc_id() {
        Some(vpc) if vpc != network.vpc_id => Err(StepError::new(
            ErrorName::Immutable,
            format!(
                "cache subnet group {} stands in VPC {vpc}, wanted {}: AWS cannot move it. It was not changed: \
                 ask for the VPC that it stands in, or for another environment",
                group.cache_subnet_group_name().unwrap_or_default(),
                network.vpc_id
            ),
        )),
        _ => Ok(()),
    }
}

/// Whether description or subnets differ; the order of subnets says nothing.
fn differs(group: &CacheSubnetGroup, spec: &Spec, network: &ResolvedNetwork) -> bool {
    let mut found: Vec<_> = group
        .subnets()
        .iter()
        .filter_map(|subnet| subnet.subnet_identifier())
        .collect();
    let mut wanted: Vec<_> = network.subnet_ids.iter().map(String::as_str).collect();
    found.sort_unstable();
    wanted.sort_unstable();
    found != wanted || group.cache_subnet_group_description() != Some(&description(spec))
}

fn description(spec: &Spec) -> String {
    format!("Cache of environment {}", spec.environment)
}

async fn create(
    elasticache: &Client,
    owner: &Owner,
    spec: &Spec,
    network: &ResolvedNetwork,
) -> StepResult<()> {
    let name = spec.cache.subnet_group_name.as_str();
    let tags = owner
        .tags()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    elasticache
        .create_cache_subnet_group()
        .cache_subnet_group_name(name)
        .cache_subnet_group_description(description(spec))
        .set_subnet_ids(Some(network.subnet_ids.clone()))
        .set_tags(Some(tags.to_vec()))
        .send()
        .await
        .map(drop)
        .map_err(|error| match step::code(&error) {
            Some("CacheSubnetGroupAlreadyExists") => {
                step::unseen("CreateCacheSubnetGroup", name, error)
            }
            _ => step::failure("CreateCacheSubnetGroup", name, error),
        })
}

async fn modify(elasticache: &Client, spec: &Spec, network: &ResolvedNetwork) -> StepResult<()> {
    let name = spec.cache.subnet_group_name.as_str();
    elasticache
        .modify_cache_subnet_group()
        .cache_subnet_group_name(name)
        .cache_subnet_group_description(description(spec))
        .set_subnet_ids(Some(network.subnet_ids.clone()))
        .send()
        .await
        .map(drop)
        .map_err(|error| step::failure("ModifyCacheSubnetGroup", name, error))
}
