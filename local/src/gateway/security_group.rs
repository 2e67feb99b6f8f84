//! Security groups: names differ in more than case, and one that is in use can't be deleted.

use anyhow::Result;

use super::call::Call;
use super::elasticache::ElastiCache;
use super::error_response::ErrorResponse;
use super::upstream::Upstream;
use super::xml::Element;

/// What EC2 refuses and MiniStack accepts.
///
/// # Errors
/// Where MiniStack does not answer.
pub async fn refuse(
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

/// A name that a group of the VPC has already: "Names are case-insensitive and must be unique within the VPC"
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

/// A group that the interfaces of a cache use, and for a while after the cache has gone, or that an inbound or outbound
/// rule of another group references
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

/// Whether an inbound or outbound rule of another group names it as its source or destination.
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

/// Every security group that MiniStack has.
async fn groups(upstream: &Upstream) -> Result<Vec<Element>> {
    let asked = [
        ("Action", "DescribeSecurityGroups"),
        ("Version", "2016-11-15"),
    ];
    let described = upstream.ask("ec2", &asked).await?;
    Ok(described
        .as_ref()
        .and_then(|answer| answer.child("securityGroupInfo"))
        .into_iter()
        .flat_map(Element::children)
        .cloned()
        .collect())
}
