//! Reads parameter groups, their parameters and tags, and the version of the cache.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheParameterGroup, CacheParameterGroupStatus, Parameter, Tag};
use contract::error::StepResult;
use contract::version::Version;
use elasticache::describe;

use crate::family::Running;
use crate::name::is_candidate;

/// The most that ElastiCache returns at once.
const PAGE_SIZE: i32 = 100;

/// Returns the parameter groups that may be the environment's.
pub async fn candidates(
    elasticache: &Client,
    environment: &str,
    cache_name: &str,
) -> StepResult<Vec<CacheParameterGroup>> {
    let groups = elasticache
        .describe_cache_parameter_groups()
        .into_paginator()
        .page_size(PAGE_SIZE)
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| step::failure("DescribeCacheParameterGroups", cache_name, error))?;
    let is_candidate = |group: &CacheParameterGroup| is_candidate(group, environment, cache_name);
    Ok(groups.into_iter().filter(is_candidate).collect())
}

/// Returns the group's tags.
pub async fn tags(elasticache: &Client, group: &CacheParameterGroup) -> StepResult<Vec<Tag>> {
    let name = group.cache_parameter_group_name().unwrap_or_default();
    let arn = group.arn().unwrap_or_default();
    Ok(elasticache::tag::list(elasticache, arn, name).await?)
}

/// Returns the parameters of the group with this name.
pub async fn parameters(elasticache: &Client, name: &str) -> StepResult<Vec<Parameter>> {
    elasticache
        .describe_cache_parameters()
        .cache_parameter_group_name(name)
        .into_paginator()
        .page_size(PAGE_SIZE)
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| step::failure("DescribeCacheParameters", name, error))
}

/// The parameters of a family, with their defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Defaults {
    pub parameters: Vec<Parameter>,
    /// The names of the parameters that derive from the node type.
    pub of_node_types: Vec<String>,
}

impl Defaults {
    /// Returns the parameter with this name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        let mut parameters = self.parameters.iter();
        parameters.find(|parameter| parameter.parameter_name() == Some(name))
    }
}

/// Returns the parameters of a family. That the operation knows Valkey's families is an assumption: its documentation lists only
/// older ones
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEngineDefaultParameters.html>).
pub async fn defaults(elasticache: &Client, family: &str) -> StepResult<Defaults> {
    let mut pages = elasticache
        .describe_engine_default_parameters()
        .cache_parameter_group_family(family)
        .into_paginator()
        .page_size(PAGE_SIZE)
        .send();
    let mut defaults = Defaults::default();
    while let Some(page) = pages
        .try_next()
        .await
        .map_err(|error| step::failure("DescribeEngineDefaultParameters", family, error))?
    {
        let Some(found) = page.engine_defaults else {
            continue;
        };
        let of_node_types = found.cache_node_type_specific_parameters().iter();
        let names = of_node_types.filter_map(|parameter| parameter.parameter_name());
        defaults.of_node_types.extend(names.map(str::to_owned));
        defaults
            .parameters
            .extend(found.parameters.unwrap_or_default());
    }
    Ok(defaults)
}

/// A cache that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    pub running: Running,
    /// The name of the parameter group that it uses; none if ElastiCache doesn't show it.
    pub parameter_group: Option<String>,
}

/// Returns the cache; none if it doesn't exist, is created again, or doesn't show its version yet.
pub async fn cache(elasticache: &Client, cache_name: &str) -> StepResult<Option<Cache>> {
    let Some(group) = describe::replication_group(elasticache, cache_name).await? else {
        return Ok(None);
    };
    if matches!(group.status(), Some("create-failed" | "deleting")) {
        return Ok(None);
    }
    let Some(id) = group.member_clusters().first() else {
        return Ok(None);
    };
    let member = describe::cache_cluster(elasticache, id).await?;
    Ok(member.and_then(|member| {
        let parameter_group = member.cache_parameter_group();
        let name = parameter_group.and_then(CacheParameterGroupStatus::cache_parameter_group_name);
        Some(Cache {
            running: Running {
                is_valkey: member.engine()? == "valkey",
                version: Version::read(member.engine_version()?)?,
            },
            parameter_group: name.map(str::to_owned),
        })
    }))
}
