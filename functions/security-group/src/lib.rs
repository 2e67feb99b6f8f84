//! The cache's security group: one inbound rule, from the backend's security group to the cache's port.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    Filter, IpPermission, ResourceType, SecurityGroup, Tag, TagSpecification, UserIdGroupPair,
};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{self, EnsureGroupInput, ResolvedNetwork};
use contract::{Owner, Spec};

/// Creates the security group, or finds what an earlier run created, and lets the backend in.
///
/// # Errors
/// `NotOwned` where a group of the wanted name is not ours; `NotFound` where EC2 does not show yet what
/// was just created, which a later try mends; else what EC2 answered.
pub async fn ensure(
    ec2: &Client,
    stack: &str,
    input: EnsureGroupInput,
) -> StepResult<message::SecurityGroup> {
    let EnsureGroupInput { spec, network } = input;
    let owner = spec.owner(stack);
    let (id, permissions) = match find(ec2, &spec, &network).await? {
        Some(group) => found(&owner, &spec, group)?,
        None => (create(ec2, &owner, &spec, &network).await?, Vec::new()),
    };
    let wanted = ingress(&spec, &network);
    if !permissions
        .iter()
        .any(|permission| covers(permission, &wanted))
    {
        authorize(ec2, &id, wanted).await?;
    }
    Ok(message::SecurityGroup {
        security_group_id: id,
    })
}

/// Group names are unique in a VPC without regard to case, and a filter's `*` and `?` are wildcards:
/// what comes back is compared again.
async fn find(
    ec2: &Client,
    spec: &Spec,
    network: &ResolvedNetwork,
) -> StepResult<Option<SecurityGroup>> {
    let name = spec.cache.security_group_name.as_str();
    let groups = ec2
        .describe_security_groups()
        .filters(filter("vpc-id", &network.vpc_id))
        .filters(filter("group-name", name))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| step::failure("DescribeSecurityGroups", name, error))?;
    Ok(groups.into_iter().find(|group| {
        group
            .group_name()
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
    }))
}

/// The id and the inbound rules of a found group, if it is ours.
fn found(
    owner: &Owner,
    spec: &Spec,
    group: SecurityGroup,
) -> StepResult<(String, Vec<IpPermission>)> {
    let name = spec.cache.security_group_name.as_str();
    let Some(id) = group.group_id else {
        return Err(StepError::new(
            ErrorName::Internal,
            format!("DescribeSecurityGroups {name}: EC2 showed the group without an id"),
        ));
    };
    let tags = group.tags.unwrap_or_default();
    owner.require(
        &format!("security group `{name}` ({id})"),
        tags.iter().map(|tag| (tag.key(), tag.value())),
    )?;
    Ok((id, group.ip_permissions.unwrap_or_default()))
}

/// Creates the group with its tags in one call, so that a crash leaves nothing untagged.
async fn create(
    ec2: &Client,
    owner: &Owner,
    spec: &Spec,
    network: &ResolvedNetwork,
) -> StepResult<String> {
    let name = spec.cache.security_group_name.as_str();
    let tags = owner
        .tags()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    let created = ec2
        .create_security_group()
        .vpc_id(&network.vpc_id)
        .group_name(name)
        .description(format!("Cache of environment {}", spec.environment))
        .tag_specifications(
            TagSpecification::builder()
                .resource_type(ResourceType::SecurityGroup)
                .set_tags(Some(tags.to_vec()))
                .build(),
        )
        .send()
        .await
        .map_err(|error| match step::code(&error) {
            Some("InvalidGroup.Duplicate") => step::unseen("CreateSecurityGroup", name, error),
            _ => step::failure("CreateSecurityGroup", name, error),
        })?;
    created.group_id.ok_or_else(|| {
        StepError::new(
            ErrorName::NotFound,
            format!("CreateSecurityGroup {name}: EC2 answered without an id. Start again"),
        )
    })
}

/// The one inbound rule: the backend's security group, by reference, to the cache's port.
fn ingress(spec: &Spec, network: &ResolvedNetwork) -> IpPermission {
    let port = spec.cache.port.get();
    IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(port)
        .to_port(port)
        .user_id_group_pairs(
            UserIdGroupPair::builder()
                .group_id(&network.backend_security_group_id)
                .description(format!(
                    "Backend of environment {} to its cache",
                    spec.environment
                ))
                .build(),
        )
        .build()
}

/// Whether a rule that EC2 shows is the wanted one. EC2 gathers the sources of one port range in one rule.
fn covers(found: &IpPermission, wanted: &IpPermission) -> bool {
    found.ip_protocol() == wanted.ip_protocol()
        && found.from_port() == wanted.from_port()
        && found.to_port() == wanted.to_port()
        && wanted.user_id_group_pairs().iter().all(|source| {
            found
                .user_id_group_pairs()
                .iter()
                .any(|pair| pair.group_id() == source.group_id())
        })
}

/// `InvalidPermission.Duplicate` says that the rule is there already, which is what is wanted.
async fn authorize(ec2: &Client, id: &str, rule: IpPermission) -> StepResult<()> {
    let answer = ec2
        .authorize_security_group_ingress()
        .group_id(id)
        .ip_permissions(rule)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(error) if step::code(&error) == Some("InvalidPermission.Duplicate") => Ok(()),
        Err(error) => Err(step::failure("AuthorizeSecurityGroupIngress", id, error)),
    }
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

#[cfg(test)]
mod tests;
