//! Security groups: one that network interfaces use cannot be deleted.

use super::call::Call;
use super::elasticache::ElastiCache;
use super::refusal::Refusal;

/// What EC2 refuses: to delete a security group while the interfaces of a cache use it, and for a while after
/// the cache has gone
/// ([DeleteSecurityGroup](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html)).
pub fn refuse(call: &Call, elasticache: &ElastiCache) -> Option<Refusal> {
    if call.service != "ec2" || call.operation != "DeleteSecurityGroup" {
        return None;
    }
    let id = call.field("GroupId")?;
    elasticache.uses_security_group(id).then(|| {
        Refusal::new(
            "DependencyViolation",
            format!("resource {id} has a dependent object"),
        )
    })
}
