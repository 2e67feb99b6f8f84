//! Deletes the environment's security groups.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{IpPermission, SecurityGroup, UserIdGroupPair};
use contract::Owner;
use contract::error::StepResult;
use contract::message::{DeleteSecurityGroupInput, DeleteSecurityGroupOutput};

use crate::filter::filter;
use crate::find;
use crate::tag::pairs;

/// Deletes the environment's owned security groups, regardless of their names and VPCs: earlier requests may have left
/// groups with other names. A group that doesn't exist counts as deleted. A rollback keeps and reports groups that its
/// run didn't create.
///
/// # Errors
/// Returns `InUse` if a network interface or another group's rule still uses a group 15 minutes after the cache was
/// deleted, or EC2's error.
pub async fn delete(
    ec2: &Client,
    stack: &str,
    input: DeleteSecurityGroupInput,
) -> StepResult<DeleteSecurityGroupOutput> {
    let owner = Owner::new(&input.environment, stack);
    let created_by = input.created_by.as_deref();
    let (groups, kept): (Vec<_>, Vec<_>) = owned(ec2, &owner)
        .await?
        .into_iter()
        .partition(|group| owner.owns_created_by(created_by, pairs(group.tags())));
    let mut outcome = "not there";
    let mut in_use = None;
    for id in groups.iter().filter_map(SecurityGroup::group_id) {
        match ec2.delete_security_group().group_id(id).send().await {
            Ok(_) => outcome = "deleted",
            Err(error) => match step::code(&error) {
                Some("InvalidGroup.NotFound" | "InvalidSecurityGroupID.NotFound") => {}
                Some("DependencyViolation") => in_use = in_use.or(Some(id)),
                _ => return Err(step::failure("DeleteSecurityGroup", id, error)),
            },
        }
    }
    if let Some(id) = in_use {
        return step::wait_or_in_use(
            input.seconds_waited,
            &format!("security group {id}"),
            &users(ec2, id).await,
        );
    }
    let known: Vec<_> = groups
        .iter()
        .chain(&kept)
        .filter_map(SecurityGroup::group_id)
        .collect();
    let kept = kept
        .iter()
        .filter_map(SecurityGroup::group_id)
        .map(|id| format!("security group {id} {}", step::skip_reason(created_by)));
    let unowned = unowned(ec2, &owner, &input, &known).await?;
    let left: Vec<_> = kept.chain(unowned).collect();
    Ok(if left.is_empty() {
        DeleteSecurityGroupOutput::absent(outcome)
    } else {
        DeleteSecurityGroupOutput::NotOwned { left }
    })
}

/// Returns a text about an unowned group with the environment's group name: a user may have created it, or removed its
/// tags.
async fn unowned(
    ec2: &Client,
    owner: &Owner,
    input: &DeleteSecurityGroupInput,
    known: &[&str],
) -> StepResult<Option<String>> {
    let Some(vpc) = &input.vpc_id else {
        return Ok(None);
    };
    let group = find::by_name(ec2, vpc, &input.security_group_name).await?;
    Ok(group
        .as_ref()
        .filter(|group| !owner.owns(pairs(group.tags())))
        .and_then(|group| Some((group.group_name()?, group.group_id()?)))
        .filter(|(_, id)| !known.contains(id))
        .map(|(name, id)| format!("security group {name} ({id}) {}", step::skip_reason(None))))
}

async fn owned(ec2: &Client, owner: &Owner) -> StepResult<Vec<SecurityGroup>> {
    let [environment, stack] = owner
        .tags()
        .map(|(key, value)| filter(&format!("tag:{key}"), value));
    let mut groups: Vec<SecurityGroup> = ec2
        .describe_security_groups()
        .filters(environment)
        .filters(stack)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| {
            step::failure("DescribeSecurityGroups", owner.environment.as_str(), error)
        })?;
    groups.retain(|group| owner.owns(pairs(group.tags())));
    Ok(groups)
}

/// Describes what prevents the deletion. EC2 rejects it while an interface is in the group, or a rule of another group
/// references it
/// ([DeleteSecurityGroup](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html)).
async fn users(ec2: &Client, id: &str) -> String {
    let (mut references, mut unread) = (Vec::new(), None);
    for direction in [Direction::Inbound, Direction::Outbound] {
        match references_to(ec2, id, direction).await {
            Ok(found) => references.extend(found),
            Err(error) => unread = Some(error),
        }
    }
    if !references.is_empty() {
        return references.join("; ");
    }
    match unread {
        Some(error) => format!("the rules that reference it could not be read ({error})"),
        None => "no rule of this account references it, so a network interface probably uses it: see Network Interfaces in the \
                 EC2 console"
            .to_owned(),
    }
}

/// The direction of a rule.
#[derive(Clone, Copy, Debug)]
enum Direction {
    Inbound,
    Outbound,
}

impl Direction {
    /// Returns the filter for groups with a rule that references a group. The names are those of
    /// [DescribeSecurityGroups](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html).
    const fn filter(self) -> &'static str {
        match self {
            Self::Inbound => "ip-permission.group-id",
            Self::Outbound => "egress.ip-permission.group-id",
        }
    }

    fn rules(self, group: &SecurityGroup) -> &[IpPermission] {
        match self {
            Self::Inbound => group.ip_permissions(),
            Self::Outbound => group.ip_permissions_egress(),
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Inbound => "an inbound rule",
            Self::Outbound => "an outbound rule",
        }
    }
}

/// Describes the groups with a rule that references a group; none if there are none.
async fn references_to(ec2: &Client, id: &str, direction: Direction) -> StepResult<Option<String>> {
    let groups: Vec<SecurityGroup> = ec2
        .describe_security_groups()
        .filters(filter(direction.filter(), id))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| step::failure("DescribeSecurityGroups", id, error))?;
    let groups: Vec<_> = groups
        .iter()
        .filter(|group| group.group_id() != Some(id) && references(direction.rules(group), id))
        .filter_map(SecurityGroup::group_id)
        .collect();
    Ok((!groups.is_empty()).then(|| {
        let groups = groups.join(", ");
        format!("{} of {groups} references it", direction.words())
    }))
}

fn references(rules: &[IpPermission], id: &str) -> bool {
    rules
        .iter()
        .flat_map(IpPermission::user_id_group_pairs)
        .filter_map(UserIdGroupPair::group_id)
        .any(|referenced| referenced == id)
}
