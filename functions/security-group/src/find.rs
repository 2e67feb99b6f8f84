//! Reads security groups and their rules.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{SecurityGroup, SecurityGroupRule};
use contract::error::StepResult;

use crate::filter::filter;

/// Returns the group of a VPC that has this name. Names of groups are unique in a VPC without regard to case
/// ([CreateSecurityGroup](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html)), so a
/// group whose name differs only in case is returned too.
///
/// # Errors
/// Returns EC2's error.
pub async fn by_name(ec2: &Client, vpc: &str, name: &str) -> StepResult<Option<SecurityGroup>> {
    let groups: Vec<SecurityGroup> = ec2
        .describe_security_groups()
        .filters(filter("vpc-id", vpc))
        .filters(filter("group-name", &in_any_case(name)))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| step::failure("DescribeSecurityGroups", name, error))?;
    let is_exact = |group: &&SecurityGroup| group.group_name() == Some(name);
    let in_any_case = |group: &&SecurityGroup| {
        group
            .group_name()
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
    };
    let exact = groups.iter().find(is_exact);
    Ok(exact.or(groups.iter().find(in_any_case)).cloned())
}

/// Returns a filter's value that matches the name in upper and lower case, and other names. Filters are case-sensitive,
/// and `?` matches any one character
/// ([filters](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html)).
fn in_any_case(name: &str) -> String {
    name.replace(|letter: char| letter.is_ascii_alphabetic(), "?")
}

/// Returns the inbound and outbound rules of a group.
///
/// # Errors
/// Returns EC2's error.
pub async fn rules(ec2: &Client, id: &str) -> StepResult<Vec<SecurityGroupRule>> {
    ec2.describe_security_group_rules()
        .filters(filter("group-id", id))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| step::failure("DescribeSecurityGroupRules", id, error))
}
