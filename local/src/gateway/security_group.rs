//! Security groups: one that is in use cannot be deleted.

use anyhow::Result;

use super::call::Call;
use super::elasticache::ElastiCache;
use super::refusal::Refusal;
use super::upstream::Upstream;
use super::xml::Element;

/// What EC2 refuses: to delete a security group while the interfaces of a cache use it, and for a while after
/// the cache has gone, or while a rule of another group refers to it
/// ([DeleteSecurityGroup](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html)).
///
/// # Errors
/// Where MiniStack does not answer.
pub async fn refuse(
    call: &Call,
    elasticache: &ElastiCache,
    upstream: &Upstream,
) -> Result<Option<Refusal>> {
    if call.service != "ec2" || call.operation != "DeleteSecurityGroup" {
        return Ok(None);
    }
    let Some(id) = call.field("GroupId") else {
        return Ok(None);
    };
    let in_use = elasticache.uses_security_group(id) || is_referred_to(id, upstream).await?;
    Ok(in_use.then(|| {
        Refusal::new(
            "DependencyViolation",
            format!("resource {id} has a dependent object"),
        )
    }))
}

/// Whether an inbound rule of another group names it as its source.
async fn is_referred_to(id: &str, upstream: &Upstream) -> Result<bool> {
    let asked = [
        ("Action", "DescribeSecurityGroups"),
        ("Version", "2016-11-15"),
    ];
    let Some(answer) = upstream.ask("ec2", &asked).await? else {
        return Ok(false);
    };
    Ok(answer
        .child("securityGroupInfo")
        .into_iter()
        .flat_map(Element::children)
        .filter(|group| group.text_of("groupId") != id)
        .filter_map(|group| group.child("ipPermissions"))
        .flat_map(Element::children)
        .filter_map(|rule| rule.child("groups"))
        .flat_map(Element::children)
        .any(|source| source.text_of("groupId") == id))
}
