//! What ElastiCache refuses.
//!
//! The codes are those of its API reference. The words are AWS's own where a source stands beside them, else
//! the description that the API reference gives of the fault.

use anyhow::Result;

use super::life::Phase;
use super::window::Window;
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
    let id = call.field("ReplicationGroupId").unwrap_or_default();
    match call.operation.as_str() {
        // The name is taken until the group has gone. AWS's words:
        // https://github.com/crossplane-contrib/provider-jet-aws/issues/195
        "CreateReplicationGroup" => (phase(id)? == Phase::Deleting).then(|| {
            Refusal::new(
                "ReplicationGroupAlreadyExists",
                "Replication group with specified name already exists.",
            )
        }),
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html
        "ModifyReplicationGroup" | "IncreaseReplicaCount" | "DecreaseReplicaCount" => {
            let phase = phase(id)?;
            (!phase.is_available()).then(|| not_available(id, &phase))
        }
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteReplicationGroup.html
        "DeleteReplicationGroup" => {
            let phase = phase(id)?;
            let deletable = phase.is_available() || phase == Phase::CreateFailed;
            (!deletable).then(|| not_available(id, &phase))
        }
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html
        "ListTagsForResource" | "AddTagsToResource" | "RemoveTagsFromResource" => {
            let (_, id) = call
                .field("ResourceName")?
                .rsplit_once(":replicationgroup:")?;
            let phase = phase(id)?;
            (!phase.is_available()).then(|| not_available(id, &phase))
        }
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheSubnetGroup.html
        "DeleteCacheSubnetGroup" => users().first().map(|_| {
            Refusal::new(
                "CacheSubnetGroupInUse",
                "The requested cache subnet group is currently in use.",
            )
        }),
        _ => None,
    }
}

fn not_available(id: &str, phase: &Phase) -> Refusal {
    Refusal::new(
        "InvalidReplicationGroupState",
        format!(
            "The requested replication group is not in the available state: {id} is {}.",
            phase.status()
        ),
    )
}

/// What is refused because of the request itself.
///
/// # Errors
/// Where MiniStack does not answer.
pub async fn refuse_request(call: &Call, upstream: &Upstream) -> Result<Option<Refusal>> {
    Ok(match call.operation.as_str() {
        "CreateReplicationGroup" => match refuse_settings(call) {
            Some(refusal) => Some(refusal),
            None => refuse_unknown(call, upstream).await,
        },
        "CreateCacheSubnetGroup" | "ModifyCacheSubnetGroup" => match refuse_subnet_group_name(call)
        {
            Some(refusal) => Some(refusal),
            None => refuse_subnets(call, upstream).await,
        },
        _ => None,
    })
}

/// What the settings of a new replication group say against AWS's rules or each other:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html>.
fn refuse_settings(call: &Call) -> Option<Refusal> {
    let is = |name: &str| call.field(name) == Some("true");
    let number = |name: &str| call.field(name).and_then(|text| text.parse::<i64>().ok());
    let id = call.field("ReplicationGroupId").unwrap_or_default();
    if !is_identifier(id) {
        return Some(invalid_value(format!(
            "The parameter ReplicationGroupId is not a valid identifier: {id}. Identifiers must begin with a letter; \
             must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two \
             consecutive hyphens."
        )));
    }
    if id.len() > 40 {
        return Some(invalid_value(
            "Replication group id should be no more than 40 characters.",
        ));
    }
    let nodes = number("NumCacheClusters").unwrap_or(1);
    if is("AutomaticFailoverEnabled") && nodes < 2 {
        // https://github.com/ministryofjustice/cloud-platform-environments/pull/5719
        return Some(invalid_combination(
            "When using automatic failover, there must be at least 2 cache clusters in the replication group.",
        ));
    }
    if is("MultiAZEnabled") && !is("AutomaticFailoverEnabled") {
        return Some(invalid_combination(
            "Multi-AZ needs automatic failover to be enabled.",
        ));
    }
    if !(1..=6).contains(&nodes) {
        return Some(invalid_value(format!(
            "NumCacheClusters is {nodes}: it must be from 1 to 6."
        )));
    }
    if number("SnapshotRetentionLimit").is_some_and(|days| !(0..=35).contains(&days)) {
        return Some(invalid_value(
            "SnapshotRetentionLimit must be from 0 to 35.",
        ));
    }
    refuse_windows(call)
}

/// A snapshot window is at least 60 minutes, and does not meet the maintenance window.
fn refuse_windows(call: &Call) -> Option<Refusal> {
    let snapshot = match call.field("SnapshotWindow").map(Window::daily) {
        Some(None) => return Some(invalid_value("SnapshotWindow must be hh24:mi-hh24:mi.")),
        Some(found) => found,
        None => None,
    };
    let maintenance = match call.field("PreferredMaintenanceWindow").map(Window::weekly) {
        Some(None) => {
            return Some(invalid_value(
                "PreferredMaintenanceWindow must be ddd:hh24:mi-ddd:hh24:mi.",
            ));
        }
        Some(found) => found,
        None => None,
    };
    if snapshot
        .as_ref()
        .is_some_and(|window| window.minutes() < 60)
    {
        return Some(invalid_value(
            "The snapshot window must be at least 60 minutes.",
        ));
    }
    if snapshot?.meets_daily(&maintenance?) {
        // AWS's words, as users report them.
        return Some(invalid_value(
            "The snapshot window and maintenance window must not overlap.",
        ));
    }
    None
}

/// What the request names and AWS does not have: its subnet group, its security groups in that VPC, its
/// parameter group.
async fn refuse_unknown(call: &Call, upstream: &Upstream) -> Option<Refusal> {
    let name = call.field("CacheSubnetGroupName").unwrap_or("default");
    let asked = [
        ("Action", "DescribeCacheSubnetGroups"),
        ("CacheSubnetGroupName", name),
    ];
    let Ok(described) = upstream.ask("elasticache", &asked).await else {
        return Some(Refusal::new(
            "CacheSubnetGroupNotFoundFault",
            format!("Cache Subnet Group {name} does not exist."),
        ));
    };
    let path = [
        "DescribeCacheSubnetGroupsResult",
        "CacheSubnetGroups",
        "CacheSubnetGroup",
        "VpcId",
    ];
    let vpc = described.at(&path).map_or("", Element::text);
    for id in call.list("SecurityGroupIds") {
        match vpc_of_security_group(id, upstream).await {
            Some(found) if found == vpc => {}
            // https://github.com/aws-controllers-k8s/community/issues/1594
            Some(other) => {
                return Some(invalid_combination(format!(
                    "Subnet group [{name}] belongs to a different VPC [{vpc}] than [{other}]"
                )));
            }
            None => {
                return Some(invalid_value(format!(
                    "The security group {id} does not exist."
                )));
            }
        }
    }
    refuse_parameter_group(call, upstream).await
}

async fn refuse_parameter_group(call: &Call, upstream: &Upstream) -> Option<Refusal> {
    let name = call.field("CacheParameterGroupName")?;
    let asked = [
        ("Action", "DescribeCacheParameterGroups"),
        ("CacheParameterGroupName", name),
    ];
    let Ok(described) = upstream.ask("elasticache", &asked).await else {
        // https://github.com/azavea/terraform-aws-redis-elasticache/issues/12
        return Some(Refusal::with_status(
            404,
            "CacheParameterGroupNotFound",
            format!("CacheParameterGroup not found: {name}"),
        ));
    };
    let path = [
        "DescribeCacheParameterGroupsResult",
        "CacheParameterGroups",
        "CacheParameterGroup",
        "CacheParameterGroupFamily",
    ];
    let found = described.at(&path).map_or("", Element::text);
    let engine = call.field("Engine").unwrap_or("redis");
    let major = call.field("EngineVersion")?.split('.').next()?;
    let expected = format!("{engine}{major}");
    // https://github.com/hashicorp/terraform/pull/11269
    (found != expected).then(|| {
        invalid_combination(format!(
            "Expected a parameter group of family {expected} but found one of family {found}"
        ))
    })
}

/// None where there is no such group.
async fn vpc_of_security_group(id: &str, upstream: &Upstream) -> Option<String> {
    let asked = [("Action", "DescribeSecurityGroups"), ("GroupId.1", id)];
    let described = upstream.ask("ec2", &asked).await.ok()?;
    let vpc = described.at(&["securityGroupInfo", "item", "vpcId"])?;
    Some(vpc.text().to_owned())
}

/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html>
fn refuse_subnet_group_name(call: &Call) -> Option<Refusal> {
    let name = call.field("CacheSubnetGroupName").unwrap_or_default();
    let fits = (1..=255).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (!fits).then(|| {
        invalid_value("CacheSubnetGroupName must contain no more than 255 alphanumeric characters or hyphens.")
    })
}

/// The subnets exist, and all stand in one VPC.
async fn refuse_subnets(call: &Call, upstream: &Upstream) -> Option<Refusal> {
    let mut vpcs = Vec::new();
    for id in call.list("SubnetIds") {
        let asked = [("Action", "DescribeSubnets"), ("SubnetId.1", id)];
        let described = upstream.ask("ec2", &asked).await.ok();
        let vpc = described
            .as_ref()
            .and_then(|answer| answer.at(&["subnetSet", "item", "vpcId"]));
        let Some(vpc) = vpc else {
            return Some(Refusal::new(
                "InvalidSubnet",
                format!("An invalid subnet identifier was specified: {id}."),
            ));
        };
        if !vpcs.contains(&vpc.text().to_owned()) {
            vpcs.push(vpc.text().to_owned());
        }
    }
    (vpcs.len() > 1).then(|| {
        Refusal::new(
            "InvalidSubnet",
            format!(
                "The subnets stand in more than one VPC: {}.",
                vpcs.join(", ")
            ),
        )
    })
}

fn is_identifier(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_alphabetic())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !id.ends_with('-')
        && !id.contains("--")
}

fn invalid_value(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}

fn invalid_combination(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterCombination", message)
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::body::Bytes;

    use super::{refuse_settings, refuse_state, refuse_subnet_group_name};
    use crate::gateway::call::Call;
    use crate::gateway::elasticache::Phase;

    fn call(fields: &str) -> Call {
        let mut headers = HeaderMap::new();
        let form = "application/x-www-form-urlencoded";
        headers.insert("content-type", form.parse().expect("a header"));
        Call::read(&headers, &Bytes::from(fields.to_owned()))
    }

    #[test]
    fn settings_against_aws_rules_are_refused() {
        let long = format!("ReplicationGroupId={}", "a".repeat(41));
        let cases = [
            (
                "ReplicationGroupId=bandup-redis",
                None,
                "what envcache asks for",
            ),
            (
                "ReplicationGroupId=band--up",
                Some("InvalidParameterValue"),
                "two hyphens",
            ),
            (
                "ReplicationGroupId=bandup-",
                Some("InvalidParameterValue"),
                "a hyphen at the end",
            ),
            (
                "ReplicationGroupId=1up",
                Some("InvalidParameterValue"),
                "begins with a digit",
            ),
            (
                long.as_str(),
                Some("InvalidParameterValue"),
                "41 characters",
            ),
            (
                "ReplicationGroupId=a&NumCacheClusters=1&AutomaticFailoverEnabled=true",
                Some("InvalidParameterCombination"),
                "failover with one node",
            ),
            (
                "ReplicationGroupId=a&NumCacheClusters=2&MultiAZEnabled=true",
                Some("InvalidParameterCombination"),
                "Multi-AZ without failover",
            ),
            (
                "ReplicationGroupId=a&SnapshotRetentionLimit=36",
                Some("InvalidParameterValue"),
                "36 days",
            ),
            (
                "ReplicationGroupId=a&SnapshotWindow=05:00-05:30",
                Some("InvalidParameterValue"),
                "half an hour",
            ),
            (
                "ReplicationGroupId=a&SnapshotWindow=05:00-06:00&PreferredMaintenanceWindow=sun:05:30-sun:06:30",
                Some("InvalidParameterValue"),
                "windows that overlap",
            ),
            (
                "ReplicationGroupId=a&SnapshotWindow=03:00-04:00&PreferredMaintenanceWindow=sun:05:30-sun:06:30",
                None,
                "windows that do not",
            ),
        ];
        for (fields, expected, why) in cases {
            let found = refuse_settings(&call(fields)).map(|refusal| refusal.code);
            assert_eq!(found.as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn a_subnet_groups_name_is_letters_digits_and_hyphens() {
        let refused = |name: &str| {
            refuse_subnet_group_name(&call(&format!("CacheSubnetGroupName={name}"))).is_some()
        };

        assert!(!refused("bandup-cached-subnet-group"));
        assert!(refused("bandup_group"));
        assert!(refused(""));
    }

    #[test]
    fn a_cache_that_is_changing_takes_no_change_and_shows_no_tags() {
        let code = |operation: &str, phase: Phase| {
            let fields = format!(
                "Action={operation}&ReplicationGroupId=a&ResourceName=arn:aws:elasticache:r:0:replicationgroup:a"
            );
            refuse_state(&call(&fields), |_| Some(phase.clone()), Vec::new)
                .map(|refusal| refusal.code)
        };
        let state = Some("InvalidReplicationGroupState".to_owned());
        for operation in [
            "ModifyReplicationGroup",
            "IncreaseReplicaCount",
            "DeleteReplicationGroup",
            "ListTagsForResource",
        ] {
            assert_eq!(code(operation, Phase::Creating), state, "{operation}");
            assert_eq!(code(operation, Phase::Modifying), state, "{operation}");
            assert_eq!(code(operation, Phase::Available), None, "{operation}");
        }
        assert_eq!(
            code("DeleteReplicationGroup", Phase::CreateFailed),
            None,
            "what failed can be deleted"
        );
    }

    #[test]
    fn a_subnet_group_in_use_stays() {
        let deletion = call("Action=DeleteCacheSubnetGroup&CacheSubnetGroupName=a");
        let with = |users: Vec<String>| refuse_state(&deletion, |_| None, || users);

        assert!(with(Vec::new()).is_none());
        assert_eq!(
            with(vec!["bandup-redis".to_owned()]).map(|refusal| refusal.code),
            Some("CacheSubnetGroupInUse".to_owned())
        );
    }
}
