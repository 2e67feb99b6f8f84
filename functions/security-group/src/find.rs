//! What EC2 shows of security groups.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::SecurityGroup;
use contract::error::StepResult;

use crate::filter::filter;

/// Returns the groups of a VPC that a filter finds by name. A filter's `*` and `?` are wildcards, so the caller compares
/// the names.
pub async fn by_name(ec2: &Client, vpc: &str, name: &str) -> StepResult<Vec<SecurityGroup>> {
    ec2.describe_security_groups()
        .filters(filter("vpc-id", vpc))
        .filters(filter("group-name", name))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| step::failure("DescribeSecurityGroups", name, error))
}
