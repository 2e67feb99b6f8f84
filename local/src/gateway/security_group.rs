//! EC2's rejections of security group calls that MiniStack accepts.

use anyhow::Result;

use super::call::Call;
use super::elasticache::ElastiCache;
use super::error_response::ErrorResponse;
use super::upstream::Upstream;
use super::xml::Element;

/// Returns the error if EC2 rejects the call.
///
/// # Errors
/// Returns an error if MiniStack doesn't answer.
pub async fn reject(
    call: &Call,
    elasticache: &ElastiCache,
    upstream: &Upstream,
) -> Result<Option<ErrorResponse>> {
    match (call.service.as_str(), call.operation.as_str()) {
        ("ec2", "CreateSecurityGroup") => reject_name(call, upstream).await,
        ("ec2", "DeleteSecurityGroup") => reject_deletion(call, elasticache, upstream).await,
        _ => Ok(None),
    }
}

/// Rejects a name that another group of the VPC has: "Names are case-insensitive and must be unique within the VPC"
/// ([CreateSecurityGroup](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html)).
async fn reject_name(call: &Call, upstream: &Upstream) -> Result<Option<ErrorResponse>> {
    let (Some(name), Some(vpc)) = (call.field("GroupName"), call.field("VpcId")) else {
        return Ok(None);
    };
    let is_taken = groups(upstream).await?.iter().any(|group| {
        group.text_of("vpcId") == vpc && group.text_of("groupName").eq_ignore_ascii_case(name)
    });
    Ok(is_taken.then(|| {
        ErrorResponse::new(
            "InvalidGroup.Duplicate",
            format!("The security group '{name}' already exists for VPC '{vpc}'"),
        )
    }))
}

/// Rejects the deletion of a group that a cache's network interfaces use, which remain for a while after the cache's
/// deletion, or that an inbound or outbound rule of another group references
/// ([DeleteSecurityGroup](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html)).
async fn reject_deletion(
    call: &Call,
    elasticache: &ElastiCache,
    upstream: &Upstream,
) -> Result<Option<ErrorResponse>> {
    let Some(id) = call.field("GroupId") else {
        return Ok(None);
    };
    let in_use = elasticache.uses_security_group(id) || is_referenced(id, upstream).await?;
    Ok(in_use.then(|| {
        ErrorResponse::new(
            "DependencyViolation",
            format!("resource {id} has a dependent object"),
        )
    }))
}

/// Returns whether an inbound or outbound rule of another group references the group.
async fn is_referenced(id: &str, upstream: &Upstream) -> Result<bool> {
    Ok(groups(upstream)
        .await?
        .iter()
        .filter(|group| group.text_of("groupId") != id)
        .flat_map(|group| ["ipPermissions", "ipPermissionsEgress"].map(|rules| group.child(rules)))
        .flatten()
        .flat_map(Element::children)
        .filter_map(|rule| rule.child("groups"))
        .flat_map(Element::children)
        .any(|source| source.text_of("groupId") == id))
}

/// Returns all security groups.
async fn groups(upstream: &Upstream) -> Result<Vec<Element>> {
    let fields = [
        ("Action", "DescribeSecurityGroups"),
        ("Version", "2016-11-15"),
    ];
    let described = upstream.query("ec2", &fields).await?;
    Ok(described
        .as_ref()
        .and_then(|answer| answer.child("securityGroupInfo"))
        .into_iter()
        .flat_map(Element::children)
        .cloned()
        .collect())
}
