//! What ElastiCache refuses, with its codes and, where they are known, its words.

use anyhow::Result;

use super::life::Phase;
use crate::gateway::call::Call;
use crate::gateway::refusal::Refusal;
use crate::gateway::upstream::Upstream;
use crate::gateway::xml::Element;

/// What is refused because of the moment: a cache that is changing, a subnet group that is used.
pub fn refuse_state(
    call: &Call,
    phase: impl Fn(&str) -> Option<Phase>,
    users: impl FnOnce() -> Vec<String>,
) -> Option<Refusal> {
    match call.operation.as_str() {
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
        "CreateReplicationGroup" => {
            let id = call.field("ReplicationGroupId")?;
            (phase(id)? == Phase::Deleting).then(|| {
                Refusal::new(
                    "ReplicationGroupAlreadyExists",
                    format!("Replication group {id} already exists"),
                )
            })
        }
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html
        "ModifyReplicationGroup" | "IncreaseReplicaCount" | "DecreaseReplicaCount" => {
            let id = call.field("ReplicationGroupId")?;
            let phase = phase(id)?;
            (!phase.is_available()).then(|| not_available(id, &phase))
        }
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteReplicationGroup.html
        "DeleteReplicationGroup" => {
            let id = call.field("ReplicationGroupId")?;
            let phase = phase(id)?;
            let deletable = phase.is_available() || phase == Phase::CreateFailed;
            (!deletable).then(|| not_available(id, &phase))
        }
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html
        "ListTagsForResource" | "AddTagsToResource" | "RemoveTagsFromResource" => {
            let resource = call.field("ResourceName")?;
            let (_, id) = resource.rsplit_once(":replicationgroup:")?;
            let phase = phase(id)?;
            (!phase.is_available()).then(|| not_available(id, &phase))
        }
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheSubnetGroup.html
        "DeleteCacheSubnetGroup" => users().first().map(|user| {
            Refusal::new(
                "CacheSubnetGroupInUse",
                format!(
                    "Cache subnet group {} is currently in use by a cache cluster ({user}).",
                    call.field("CacheSubnetGroupName").unwrap_or_default()
                ),
            )
        }),
        _ => None,
    }
}

fn not_available(id: &str, phase: &Phase) -> Refusal {
    Refusal::new(
        "InvalidReplicationGroupState",
        format!(
            "Replication group {id} is not in available state. Current status: {}",
            phase.status()
        ),
    )
}

/// What is refused because of the request itself.
///
/// # Errors
/// Where MiniStack does not answer.
pub async fn refuse_request(call: &Call, upstream: &Upstream) -> Result<Option<Refusal>> {
    match call.operation.as_str() {
        "CreateReplicationGroup" => {
            if let Some(refusal) = refuse_settings(call) {
                return Ok(Some(refusal));
            }
            refuse_unknown(call, upstream).await
        }
        _ => Ok(None),
    }
}

fn refuse_settings(_call: &Call) -> Option<Refusal> {
    None
}

/// What the request names and AWS does not have: its subnet group, and its security groups in that VPC.
async fn refuse_unknown(call: &Call, upstream: &Upstream) -> Result<Option<Refusal>> {
    let name = call.field("CacheSubnetGroupName").unwrap_or("default");
    let described = upstream
        .ask(
            "elasticache",
            &[
                ("Action", "DescribeCacheSubnetGroups"),
                ("CacheSubnetGroupName", name),
            ],
        )
        .await;
    let Ok(described) = described else {
        return Ok(Some(Refusal::new(
            "CacheSubnetGroupNotFoundFault",
            format!("Cache Subnet Group {name} does not exist."),
        )));
    };
    let path = [
        "DescribeCacheSubnetGroupsResult",
        "CacheSubnetGroups",
        "CacheSubnetGroup",
        "VpcId",
    ];
    let vpc = described.at(&path).map_or("", Element::text);
    for id in call.list("SecurityGroupIds") {
        if vpc_of_security_group(id, upstream).await.as_deref() != Some(vpc) {
            return Ok(Some(Refusal::new(
                "InvalidParameterValue",
                format!("Invalid security group {id}: it does not exist in VPC {vpc}."),
            )));
        }
    }
    Ok(None)
}

/// None where there is no such group.
async fn vpc_of_security_group(id: &str, upstream: &Upstream) -> Option<String> {
    let described = upstream
        .ask(
            "ec2",
            &[("Action", "DescribeSecurityGroups"), ("GroupId.1", id)],
        )
        .await
        .ok()?;
    let vpc = described.at(&["securityGroupInfo", "item", "vpcId"])?;
    Some(vpc.text().to_owned())
}
