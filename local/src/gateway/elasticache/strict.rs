//! What ElastiCache refuses.
//!
//! The codes are those of its API reference. The words are AWS's own, as users and live trials report them, with
//! the report beside them; where none is known, that is said.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use chrono::DateTime;

use super::lifecycle::Phase;
use super::version::{self, Engine};
use super::window::Window;
use crate::gateway::call::Call;
use crate::gateway::error_response::ErrorResponse;
use crate::gateway::upstream::Upstream;
use crate::gateway::xml::Element;

/// What is refused because of the moment: a cache that is changing, a subnet group that is used.
pub fn reject_state(
    call: &Call,
    phase: impl Fn(&str) -> Option<Phase>,
    users: impl FnOnce() -> Vec<String>,
) -> Option<ErrorResponse> {
    let id = call.field("ReplicationGroupId").unwrap_or_default();
    match call.operation.as_str() {
        // The name is taken until the group has gone:
        // https://github.com/crossplane-contrib/provider-jet-aws/issues/195
        "CreateReplicationGroup" => (phase(id)? != Phase::Gone).then(|| {
            ErrorResponse::new(
                "ReplicationGroupAlreadyExists",
                "Replication group with specified name already exists.",
            )
        }),
        // https://github.com/crossplane-contrib/provider-aws/issues/46
        "ModifyReplicationGroup" | "IncreaseReplicaCount" | "DecreaseReplicaCount" => (!phase(id)?
            .is_available())
        .then(|| invalid_state("Replication group must be in available state to modify.")),
        // The words that Airflow waits for:
        // https://github.com/apache/airflow/blob/main/providers/amazon/src/airflow/providers/amazon/aws/hooks/elasticache_replication_group.py
        "DeleteReplicationGroup" => match phase(id)? {
            Phase::Available | Phase::WithoutEndpoint | Phase::CreateFailed => None,
            Phase::Creating => Some(invalid_state(format!(
                "Cache cluster {id}-001 is not in a valid state to be deleted."
            ))),
            other => Some(invalid_state(format!(
                "Replication group {id} has status {} which is not valid for deletion.",
                other.status()
            ))),
        },
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html
        "ListTagsForResource" | "AddTagsToResource" | "RemoveTagsFromResource" => {
            let (_, id) = call
                .field("ResourceName")?
                .rsplit_once(":replicationgroup:")?;
            match phase(id)? {
                phase if phase.is_available() => None,
                // https://github.com/hashicorp/terraform-provider-aws/issues/24968
                Phase::Snapshotting => Some(ErrorResponse::with_status(
                    404,
                    "CacheClusterNotFound",
                    format!("{id} is either not present or not available."),
                )),
                // https://github.com/hashicorp/terraform-provider-aws/issues/30444
                _ => Some(invalid_state(
                    "Cluster not in available state to perform tagging operations.",
                )),
            }
        }
        // https://github.com/aws/aws-cdk/issues/6935
        "DeleteCacheSubnetGroup" => users().first().map(|_| {
            ErrorResponse::new(
                "CacheSubnetGroupInUse",
                format!(
                    "Cache subnet group {} is currently in use by a cache cluster.",
                    call.field("CacheSubnetGroupName").unwrap_or_default()
                ),
            )
        }),
        _ => None,
    }
}

/// What is refused because of the request itself.
///
/// # Errors
/// Where MiniStack does not answer.
pub async fn reject_request(
    call: &Call,
    running: Option<&Engine>,
    upstream: &Upstream,
) -> Result<Option<ErrorResponse>> {
    Ok(match call.operation.as_str() {
        "CreateReplicationGroup" => {
            match reject_settings(call).or_else(|| version::reject_version(call, None)) {
                Some(error_response) => Some(error_response),
                None => reject_unknown(call, upstream).await?,
            }
        }
        "ModifyReplicationGroup" => {
            match reject_nothing(call).or_else(|| version::reject_version(call, running)) {
                Some(error_response) => Some(error_response),
                None => reject_parameter_group(call, running, upstream).await?,
            }
        }
        "DescribeEvents" => reject_start(call, SystemTime::now()),
        "CreateCacheSubnetGroup" | "ModifyCacheSubnetGroup" => match reject_subnet_group_name(call)
        {
            Some(error_response) => Some(error_response),
            None => reject_subnets(call, upstream).await?,
        },
        _ => None,
    })
}

/// What the settings of a new replication group say against AWS's rules or each other. Words without a report
/// beside them: <https://github.com/badmintoncryer/cdk-preflight>, which tried them on AWS in September 2026.
fn reject_settings(call: &Call) -> Option<ErrorResponse> {
    let is = |name: &str| call.field(name) == Some("true");
    let number = |name: &str| call.field(name).and_then(|text| text.parse::<i64>().ok());
    let id = call.field("ReplicationGroupId").unwrap_or_default();
    if !is_identifier(id) {
        return Some(invalid_value(format!(
            "Replication Group ID specified is not a valid identifier. {IDENTIFIERS}"
        )));
    }
    if id.len() > 40 {
        // https://github.com/code-dot-org/code-dot-org/pull/66775
        return Some(invalid_value(
            "Replication Group ID cannot be longer than 40 characters.",
        ));
    }
    let nodes = number("NumCacheClusters").unwrap_or(1);
    if is("AutomaticFailoverEnabled") && nodes < 2 {
        return Some(invalid_combination(
            "Automatic failover requires 2 or more cache clusters. Create more cache clusters or disable automatic failover.",
        ));
    }
    let zones = call.list("PreferredCacheClusterAZs");
    if !zones.is_empty() && i64::try_from(zones.len()) != Ok(nodes) {
        // https://github.com/hashicorp/terraform-provider-aws/issues/38493
        return Some(invalid_value(
            "When specifying preferred availability zones, the number of cache clusters must be specified and must match \
             the number of preferred availability zones.",
        ));
    }
    if is("MultiAZEnabled") && !is("AutomaticFailoverEnabled") {
        // AWS's words are not known: tools refuse this before they ask.
        return Some(invalid_combination(
            "Multi-AZ needs automatic failover to be enabled.",
        ));
    }
    if !(1..=6).contains(&nodes) {
        return Some(invalid_value(
            "The number of replicas per node group must be within 0 and 5.",
        ));
    }
    if let Some(days) = number("SnapshotRetentionLimit").filter(|days| !(0..=35).contains(days)) {
        return Some(invalid_value(format!(
            "Invalid snapshot retention limit: {days}. Retention limit must be between 0 and 35."
        )));
    }
    let is_port = |port: &i64| (1150..=65535).contains(port) && *port != 8005;
    if let Some(port) = number("Port").filter(|port| !is_port(port)) {
        return Some(invalid_value(format!(
            "Invalid endpoint port: {port}. Valid range is 1150-8004,8006-65535"
        )));
    }
    reject_windows(call)
}

/// Both windows are at least 60 minutes long, and do not meet.
fn reject_windows(call: &Call) -> Option<ErrorResponse> {
    let snapshot = match call.field("SnapshotWindow").map(Window::daily) {
        Some(None) => {
            return Some(invalid_value(
                "Invalid backup window format. Should be specified as a range hh24:mi-hh24:mi (24H Clock UTC)",
            ));
        }
        found => found.flatten(),
    };
    let maintenance = match call.field("PreferredMaintenanceWindow").map(Window::weekly) {
        Some(None) => {
            return Some(invalid_value(
                "Invalid maintenance window format. Should be specified as a range ddd:hh24:mi-ddd:hh24:mi (24H Clock UTC)",
            ));
        }
        found => found.flatten(),
    };
    for (window, name) in [(&snapshot, "Snapshot"), (&maintenance, "Maintenance")] {
        if window.as_ref().is_some_and(|window| window.minutes() < 60) {
            // https://github.com/hashicorp/terraform-provider-aws/issues/2153
            return Some(invalid_value(format!(
                "{name} window must be at least 60 minutes."
            )));
        }
    }
    snapshot?
        .meets_daily(&maintenance?)
        // https://github.com/hashicorp/terraform/issues/17247
        .then(|| invalid_value("The snapshot window and maintenance window must not overlap."))
}

/// What the request names and AWS does not have: its subnet group, its security groups in that VPC, its
/// parameter group.
async fn reject_unknown(call: &Call, upstream: &Upstream) -> Result<Option<ErrorResponse>> {
    let name = call.field("CacheSubnetGroupName").unwrap_or("default");
    let asked = [
        ("Action", "DescribeCacheSubnetGroups"),
        ("CacheSubnetGroupName", name),
    ];
    let Some(described) = upstream.ask("elasticache", &asked).await? else {
        // https://github.com/apptension/saas-boilerplate/issues/621
        return Ok(Some(ErrorResponse::new(
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
        match vpc_of_security_group(id, upstream).await? {
            Some(found) if found == vpc => {}
            // https://github.com/aws-controllers-k8s/community/issues/1594
            Some(other) => {
                return Ok(Some(invalid_combination(format!(
                    "Subnet group [{name}] belongs to a different VPC [{vpc}] than [{other}]"
                ))));
            }
            // AWS's words are not known, and the code is the likely one: the API reference has no other.
            None => {
                return Ok(Some(invalid_value(format!(
                    "The security group {id} does not exist."
                ))));
            }
        }
    }
    reject_parameter_group(call, None, upstream).await
}

/// A modification without a change
/// (<https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/elasticache/replication_group.go>).
fn reject_nothing(call: &Call) -> Option<ErrorResponse> {
    let changes_nothing = [
        "Action",
        "Version",
        "ReplicationGroupId",
        "ApplyImmediately",
    ];
    call.fields
        .iter()
        .all(|(name, _)| changes_nothing.contains(&name.as_str()))
        .then(|| invalid_combination("No modifications were requested"))
}

/// A request for as many replicas as there are
/// ([IncreaseReplicaCount](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_IncreaseReplicaCount.html)).
/// AWS's words are not known.
pub fn reject_same_replicas(call: &Call, nodes: Option<u32>) -> Option<ErrorResponse> {
    let wanted = call.field("NewReplicaCount")?.parse::<u32>().ok()?;
    (Some(wanted + 1) == nodes).then(|| {
        ErrorResponse::new(
            "NoOperationFault",
            "The operation was not performed because no changes were required.",
        )
    })
}

/// ElastiCache keeps events for 14 days
/// ([DescribeEvents](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEvents.html)). AWS's
/// words for an earlier start are not known.
fn reject_start(call: &Call, now: SystemTime) -> Option<ErrorResponse> {
    let start = DateTime::parse_from_rfc3339(call.field("StartTime")?).ok()?;
    let oldest = now.checked_sub(Duration::from_hours(14 * 24))?;
    (SystemTime::from(start) < oldest)
        .then(|| invalid_value("StartTime must be within the last 14 days."))
}

/// A parameter group that doesn't exist, or that belongs to another family than the version.
async fn reject_parameter_group(
    call: &Call,
    running: Option<&Engine>,
    upstream: &Upstream,
) -> Result<Option<ErrorResponse>> {
    let Some((name, expected)) = version::parameter_group(call, running) else {
        return Ok(None);
    };
    // MiniStack has not all default groups.
    let default = name
        .strip_prefix("default.")
        .map(|family| family.trim_end_matches(".cluster.on"))
        .filter(|family| family.starts_with("valkey"));
    let found = match default {
        Some(family) => family.to_owned(),
        None => match family_of_parameter_group(&name, upstream).await? {
            Some(family) => family,
            // https://github.com/azavea/terraform-aws-redis-elasticache/issues/12
            None => {
                return Ok(Some(ErrorResponse::with_status(
                    404,
                    "CacheParameterGroupNotFound",
                    format!("CacheParameterGroup not found: {name}"),
                )));
            }
        },
    };
    // https://github.com/hashicorp/terraform/pull/11269, and for a modification
    // https://github.com/aws-samples/dify-self-hosted-on-aws/issues/24
    Ok((found != expected).then(|| {
        invalid_combination(format!(
            "Expected a parameter group of family {expected} but found one of family {found}"
        ))
    }))
}

/// None if there is no such group.
async fn family_of_parameter_group(name: &str, upstream: &Upstream) -> Result<Option<String>> {
    let asked = [
        ("Action", "DescribeCacheParameterGroups"),
        ("CacheParameterGroupName", name),
    ];
    let described = upstream.ask("elasticache", &asked).await?;
    let path = [
        "DescribeCacheParameterGroupsResult",
        "CacheParameterGroups",
        "CacheParameterGroup",
        "CacheParameterGroupFamily",
    ];
    Ok(described
        .as_ref()
        .and_then(|answer| answer.at(&path))
        .map(|family| family.text().to_owned()))
}

/// None where there is no such group.
async fn vpc_of_security_group(id: &str, upstream: &Upstream) -> Result<Option<String>> {
    let asked = [("Action", "DescribeSecurityGroups"), ("GroupId.1", id)];
    let described = upstream.ask("ec2", &asked).await?;
    let vpc = described
        .as_ref()
        .and_then(|answer| answer.at(&["securityGroupInfo", "item", "vpcId"]));
    Ok(vpc.map(|vpc| vpc.text().to_owned()))
}

/// The rule for identifiers holds, though the API reference does not say so:
/// <https://github.com/terraform-aws-modules/terraform-aws-vpc/issues/193>.
fn reject_subnet_group_name(call: &Call) -> Option<ErrorResponse> {
    let name = call.field("CacheSubnetGroupName").unwrap_or_default();
    let fits = is_identifier(name) && name.len() <= 255;
    (!fits).then(|| {
        invalid_value(format!(
            "The parameter CacheSubnetGroupName is not a valid identifier. {IDENTIFIERS}"
        ))
    })
}

/// The subnets exist, and all stand in one VPC: <https://github.com/floci-io/floci/pull/2401>.
async fn reject_subnets(call: &Call, upstream: &Upstream) -> Result<Option<ErrorResponse>> {
    let wanted = call.list("SubnetIds");
    let mut first: Option<(&str, String)> = None;
    for id in &wanted {
        let asked = [("Action", "DescribeSubnets"), ("SubnetId.1", id)];
        let described = upstream.ask("ec2", &asked).await?;
        let vpc = described
            .as_ref()
            .and_then(|answer| answer.at(&["subnetSet", "item", "vpcId"]));
        let Some(vpc) = vpc else {
            return Ok(Some(invalid_value(format!(
                "Some input subnets in :[{}] are invalid.",
                wanted.join(", ")
            ))));
        };
        match &first {
            None => first = Some((id, vpc.text().to_owned())),
            Some((other, of_other)) if of_other != vpc.text() => {
                return Ok(Some(ErrorResponse::new(
                    "InvalidSubnet",
                    format!("Subnets {other} and {id} are not in the same VPC."),
                )));
            }
            Some(_) => {}
        }
    }
    Ok(None)
}

const IDENTIFIERS: &str = "Identifiers must begin with a letter; must contain only ASCII letters, digits, and \
     hyphens; and must not end with a hyphen or contain two consecutive hyphens.";

fn is_identifier(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_alphabetic())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !id.ends_with('-')
        && !id.contains("--")
}

fn invalid_state(message: impl Into<String>) -> ErrorResponse {
    ErrorResponse::new("InvalidReplicationGroupState", message)
}

fn invalid_value(message: impl Into<String>) -> ErrorResponse {
    ErrorResponse::new("InvalidParameterValue", message)
}

fn invalid_combination(message: impl Into<String>) -> ErrorResponse {
    ErrorResponse::new("InvalidParameterCombination", message)
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::body::Bytes;

    use chrono::DateTime;

    use super::{
        reject_nothing, reject_same_replicas, reject_settings, reject_start, reject_state,
        reject_subnet_group_name,
    };
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
                "ReplicationGroupId=a&Port=8005",
                Some("InvalidParameterValue"),
                "the port that AWS keeps for itself",
            ),
            (
                "ReplicationGroupId=a&Port=1149",
                Some("InvalidParameterValue"),
                "a port below AWS's",
            ),
            ("ReplicationGroupId=a&Port=1150", None, "the first port"),
            (
                "ReplicationGroupId=a&PreferredMaintenanceWindow=sun:05:00-sun:05:59",
                Some("InvalidParameterValue"),
                "59 minutes",
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
            let found = reject_settings(&call(fields)).map(|error_response| error_response.code);
            assert_eq!(found.as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn modification_without_a_change_is_refused() {
        let modify = "Action=ModifyReplicationGroup&ReplicationGroupId=a&ApplyImmediately=true";

        assert!(reject_nothing(&call(modify)).is_some());
        assert!(reject_nothing(&call(&format!("{modify}&CacheNodeType=b"))).is_none());
    }

    #[test]
    fn as_many_replicas_as_there_are_change_nothing() {
        let increase = call("Action=IncreaseReplicaCount&ReplicationGroupId=a&NewReplicaCount=1");
        let code = |nodes| {
            reject_same_replicas(&increase, Some(nodes)).map(|error_response| error_response.code)
        };

        assert_eq!(code(2), Some("NoOperationFault".to_owned()));
        assert_eq!(code(1), None);
        assert_eq!(code(3), None);
    }

    #[test]
    fn start_of_events_is_within_14_days() {
        let now = DateTime::parse_from_rfc3339("2026-11-15T00:00:00Z").expect("a moment");
        let is_refused = |start: &str| {
            let call = call(&format!("Action=DescribeEvents&StartTime={start}"));
            reject_start(&call, now.into()).is_some()
        };

        assert!(is_refused("2026-10-31T23:59:59Z"));
        assert!(!is_refused("2026-11-01T00:00:00Z"));
        assert!(!is_refused(""));
    }

    #[test]
    fn a_subnet_groups_name_is_an_identifier() {
        let refused = |name: &str| {
            reject_subnet_group_name(&call(&format!("CacheSubnetGroupName={name}"))).is_some()
        };

        assert!(!refused("bandup-cached-subnet-group"));
        assert!(refused("bandup_group"));
        assert!(refused("bandup--group"));
        assert!(refused("1-group"));
        assert!(refused(""));
    }

    #[test]
    fn a_cache_that_is_changing_takes_no_change_and_shows_no_tags() {
        let code = |operation: &str, phase: Phase| {
            let fields = format!(
                "Action={operation}&ReplicationGroupId=a&ResourceName=arn:aws:elasticache:r:0:replicationgroup:a"
            );
            reject_state(&call(&fields), |_| Some(phase.clone()), Vec::new)
                .map(|error_response| error_response.code)
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
        let with = |users: Vec<String>| reject_state(&deletion, |_| None, || users);

        assert!(with(Vec::new()).is_none());
        assert_eq!(
            with(vec!["bandup-redis".to_owned()]).map(|error_response| error_response.code),
            Some("CacheSubnetGroupInUse".to_owned())
        );
    }
}
