//! Finds the network that a request names: the VPC, its subnets or a shared subnet group, and the backend's security
//! group.
//!
//! `select` selects from the resources that EC2 and ElastiCache return.

mod select;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Filter;
use aws_sdk_elasticache::types::CacheSubnetGroup;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{
    PolicyParameters, ResolveNetworkInput, ResolveNetworkOutput, ResolvedNetwork,
};
use contract::network::{Network, Placement};
use contract::{Request, StackPolicy};
use select::{
    Candidate, Kind, Subnet, SubnetGroup, exactly_one, is_id, shared_subnet_group, subnets,
};

/// The services that the function calls.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Finds the VPC, its subnets, and the backend's security group.
    pub ec2: Client,
    /// Finds a shared subnet group.
    pub elasticache: aws_sdk_elasticache::Client,
}

/// Validates the request, fills in every default, and finds the network's IDs.
///
/// # Errors
/// Returns `InvalidSpec` if the request breaks a rule or the stack doesn't allow it, `NotFound` if a name in the
/// network matches no resource, `Ambiguous` if it matches more than one, or the error of EC2 or ElastiCache.
pub async fn resolve(
    clients: &Clients,
    input: ResolveNetworkInput,
) -> StepResult<ResolveNetworkOutput> {
    let PolicyParameters {
        adoption,
        allowed_node_types,
        allow_log_delivery,
    } = &input.policy;
    let policy = StackPolicy::from_parameters(adoption, allowed_node_types, allow_log_delivery)
        .map_err(|error| {
            StepError::new(ErrorName::Internal, format!("the stack's policy: {error}"))
        })?;
    let spec = Request::from_json(input.request)?.into_spec()?;
    policy.check(&spec)?;
    let network = find(clients, &spec.network).await?;
    Ok(ResolveNetworkOutput { spec, network })
}

async fn find(clients: &Clients, requested: &Network) -> StepResult<ResolvedNetwork> {
    let Clients { ec2, elasticache } = clients;
    let vpc = exactly_one(
        Kind::Vpc,
        requested.vpc.as_str(),
        "in this account and Region",
        &describe_vpcs(ec2, requested.vpc.as_str()).await?,
    )?;
    let (subnet_ids, zones) = match &requested.placement {
        Placement::Subnets(names) => subnets(names, &vpc, &describe_subnets(ec2, &vpc).await?)?,
        Placement::SharedSubnetGroup(name) => {
            let found = elasticache::describe::subnet_group(elasticache, name.as_str()).await?;
            shared_subnet_group(name.as_str(), &vpc, found.as_ref().map(known))?
        }
    };
    let group = requested.backend_security_group.as_str();
    let backend = exactly_one(
        Kind::SecurityGroup,
        group,
        &format!("in VPC {vpc}"),
        &describe_security_groups(ec2, &vpc, group).await?,
    )?;
    Ok(ResolvedNetwork {
        vpc_id: vpc,
        subnet_ids,
        zones,
        backend_security_group_id: backend,
    })
}

async fn describe_vpcs(ec2: &Client, requested: &str) -> StepResult<Vec<Candidate>> {
    let by = if is_id(Kind::Vpc, requested) {
        "vpc-id"
    } else {
        "tag:Name"
    };
    let vpcs = ec2
        .describe_vpcs()
        .filters(filter(by, requested))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| step::failure("DescribeVpcs", requested, error))?;
    Ok(vpcs
        .iter()
        .filter_map(|vpc| Candidate::new(vpc.vpc_id(), name_tag(vpc.tags())))
        .collect())
}

/// Returns all subnets of the VPC. There are few, so one call finds every requested one.
async fn describe_subnets(ec2: &Client, vpc: &str) -> StepResult<Vec<Subnet>> {
    let subnets = ec2
        .describe_subnets()
        .filters(filter("vpc-id", vpc))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| step::failure("DescribeSubnets", vpc, error))?;
    Ok(subnets
        .iter()
        .filter_map(|subnet| {
            Some(Subnet {
                candidate: Candidate::new(subnet.subnet_id(), name_tag(subnet.tags()))?,
                zone: subnet.availability_zone()?.to_owned(),
            })
        })
        .collect())
}

/// Returns what the network needs of a cache subnet group.
fn known(group: &CacheSubnetGroup) -> SubnetGroup {
    SubnetGroup {
        vpc: group.vpc_id().unwrap_or_default().to_owned(),
        subnets: group
            .subnets()
            .iter()
            .filter_map(|subnet| {
                let zone = subnet.subnet_availability_zone()?.name()?;
                Some((subnet.subnet_identifier()?.to_owned(), zone.to_owned()))
            })
            .collect(),
    }
}

async fn describe_security_groups(
    ec2: &Client,
    vpc: &str,
    requested: &str,
) -> StepResult<Vec<Candidate>> {
    let by = if is_id(Kind::SecurityGroup, requested) {
        "group-id"
    } else {
        "group-name"
    };
    let groups = ec2
        .describe_security_groups()
        .filters(filter("vpc-id", vpc))
        .filters(filter(by, requested))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| step::failure("DescribeSecurityGroups", requested, error))?;
    Ok(groups
        .iter()
        .filter_map(|group| Candidate::new(group.group_id(), group.group_name()))
        .collect())
}

/// Returns a filter. `*` and `?` in its value are wildcards, so the results are compared again.
fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn name_tag(tags: &[aws_sdk_ec2::types::Tag]) -> Option<&str> {
    tags.iter()
        .find(|tag| tag.key() == Some("Name"))
        .and_then(|tag| tag.value())
}

#[cfg(test)]
mod tests;
