//! ElastiCache's rejections of requests.
//!
//! The error codes come from the API reference. The messages are AWS's, as reported by users and live trials; a comment
//! links each report, or says that AWS's message isn't known.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use chrono::DateTime;

use super::lifecycle::Phase;
use super::settings::{self, Settings};
use super::version::{self, Engine};
use super::{Group, invalid_combination, invalid_value, key, logs};
use crate::gateway::call::Call;
use crate::gateway::error_response::ErrorResponse;
use crate::gateway::upstream::Upstream;
use crate::gateway::xml::Element;

/// Rejects calls that the current state doesn't allow: the cache is changing, or a subnet group is in use.
pub fn reject_state(
    call: &Call,
    phase: impl Fn(&str) -> Option<Phase>,
    caches_in_subnet_group: impl FnOnce() -> Vec<String>,
) -> Option<ErrorResponse> {
    let id = call.field("ReplicationGroupId").unwrap_or_default();
    match call.operation.as_str() {
        // The name can't be reused until the group's deletion ends:
        // https://github.com/crossplane-contrib/provider-jet-aws/issues/195
        "CreateReplicationGroup" => (phase(id)? != Phase::Deleted).then(|| {
            ErrorResponse::new(
                "ReplicationGroupAlreadyExists",
                "Replication group with specified name already exists.",
            )
        }),
        // https://github.com/crossplane-contrib/provider-aws/issues/46
        "ModifyReplicationGroup" | "IncreaseReplicaCount" | "DecreaseReplicaCount" => (!phase(id)?
            .is_available())
        .then(|| invalid_state("Replication group must be in available state to modify.")),
        // The message that Airflow expects:
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
        "DeleteCacheSubnetGroup" => caches_in_subnet_group().first().map(|_| {
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

/// Rejects the deletion and the modification of a member of a global datastore. Sources:
/// <https://github.com/cloud-custodian/cloud-custodian/issues/8815>,
/// <https://github.com/hashicorp/terraform-provider-aws/issues/27875>.
pub fn reject_member(call: &Call, datastore: Option<&str>) -> Option<ErrorResponse> {
    let datastore = datastore?;
    let id = call.field("ReplicationGroupId")?;
    let is_rejected = matches!(
        call.operation.as_str(),
        "DeleteReplicationGroup" | "ModifyReplicationGroup"
    );
    is_rejected.then(|| {
        invalid_value(format!(
            "Cluster [{id}] is part of a global cluster [{datastore}]. Request rejected."
        ))
    })
}

/// Rejects invalid requests, and requests that refer to missing resources.
///
/// # Errors
/// Returns an error if MiniStack doesn't answer.
pub async fn reject_request(
    call: &Call,
    found: Option<&Group>,
    upstream: &Upstream,
) -> Result<Option<ErrorResponse>> {
    let running = found.map(|group| &group.configuration.current.engine);
    Ok(match call.operation.as_str() {
        "CreateReplicationGroup" => {
            match reject_settings(call).or_else(|| version::reject_version(call, None)) {
                Some(error_response) => Some(error_response),
                None => reject_missing_resources(call, upstream).await?,
            }
        }
        "ModifyReplicationGroup" => match reject_modification(call, found) {
            Some(error_response) => Some(error_response),
            None => match reject_destinations(call, upstream).await? {
                Some(error_response) => Some(error_response),
                None => reject_parameter_group(call, running, upstream).await?,
            },
        },
        "DecreaseReplicaCount" => found.and_then(|group| group.settings.reject_last_replica(call)),
        "DescribeEvents" => reject_event_start(call, SystemTime::now()),
        "CreateCacheSubnetGroup" | "ModifyCacheSubnetGroup" => match reject_subnet_group_name(call)
        {
            Some(error_response) => Some(error_response),
            None => reject_subnets(call, upstream).await?,
        },
        _ => None,
    })
}

/// Rejects a new replication group with invalid or conflicting settings. Messages without a link come from
/// <https://github.com/badmintoncryer/cdk-preflight>, which tested them on AWS in September 2026.
fn reject_settings(call: &Call) -> Option<ErrorResponse> {
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
    let settings = Settings::requested(call);
    if let Some(error_response) = settings.reject_failover(nodes) {
        return Some(error_response);
    }
    let zones = call.list("PreferredCacheClusterAZs");
    if !zones.is_empty() && i64::try_from(zones.len()) != Ok(nodes) {
        // https://github.com/hashicorp/terraform-provider-aws/issues/38493
        return Some(invalid_value(
            "When specifying preferred availability zones, the number of cache clusters must be specified and must match \
             the number of preferred availability zones.",
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
    settings::reject_windows(call)
        .or_else(|| settings.reject_overlap())
        .or_else(|| settings::reject_data_tiering(call))
}

/// Rejects a subnet group, a KMS key, a topic, a log group, or a parameter group that doesn't exist, and security groups
/// that don't exist in the subnet group's VPC.
async fn reject_missing_resources(
    call: &Call,
    upstream: &Upstream,
) -> Result<Option<ErrorResponse>> {
    if let Some(error_response) = key::reject_key(call, upstream).await? {
        return Ok(Some(error_response));
    }
    let name = call.field("CacheSubnetGroupName").unwrap_or("default");
    let fields = [
        ("Action", "DescribeCacheSubnetGroups"),
        ("CacheSubnetGroupName", name),
    ];
    let Some(described) = upstream.query("elasticache", &fields).await? else {
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
            // AWS's message isn't known. The code is a guess: the API reference has no other that fits.
            None => {
                return Ok(Some(invalid_value(format!(
                    "The security group {id} does not exist."
                ))));
            }
        }
    }
    match reject_destinations(call, upstream).await? {
        Some(error_response) => Ok(Some(error_response)),
        None => reject_parameter_group(call, None, upstream).await,
    }
}

/// Rejects a topic or a log group that doesn't exist.
async fn reject_destinations(call: &Call, upstream: &Upstream) -> Result<Option<ErrorResponse>> {
    match reject_topic(call, upstream).await? {
        Some(error_response) => Ok(Some(error_response)),
        None => logs::reject_log_group(call, upstream).await,
    }
}

/// Rejects a modification without changes, to settings that don't fit each other, or to an invalid version.
fn reject_modification(call: &Call, found: Option<&Group>) -> Option<ErrorResponse> {
    let unfit = || {
        let group = found?;
        let mut settings = group.settings.clone();
        settings.modify(call);
        settings
            .reject_failover(i64::from(group.nodes))
            .or_else(|| settings.reject_overlap())
            .or_else(|| group.settings.reject_tier(call))
            .or_else(|| group.configuration.reject_blocked(call))
    };
    let running = found.map(|group| &group.configuration.current.engine);
    reject_empty_modification(call)
        .or_else(|| logs::reject_deferred(call))
        .or_else(|| settings::reject_windows(call))
        .or_else(unfit)
        .or_else(|| version::reject_version(call, running))
}

/// Rejects a topic that doesn't exist in the account: <https://github.com/cloudposse/terraform-aws-elasticache-redis/issues/17>.
async fn reject_topic(call: &Call, upstream: &Upstream) -> Result<Option<ErrorResponse>> {
    let Some(arn) = call.field("NotificationTopicArn") else {
        return Ok(None);
    };
    let fields = [("Action", "GetTopicAttributes"), ("TopicArn", arn)];
    let found = upstream.query("sns", &fields).await?;
    Ok(found.is_none().then(|| {
        invalid_value(
            "SNS topic is either invalid or it doesn't belong to the customer account:000000000000",
        )
    }))
}

/// Rejects a modification without changes
/// (<https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/elasticache/replication_group.go>).
fn reject_empty_modification(call: &Call) -> Option<ErrorResponse> {
    let without_effect = [
        "Action",
        "Version",
        "ReplicationGroupId",
        "ApplyImmediately",
    ];
    call.fields
        .iter()
        .all(|(name, _)| without_effect.contains(&name.as_str()))
        .then(|| invalid_combination("No modifications were requested"))
}

/// Rejects a request for the current number of replicas
/// ([IncreaseReplicaCount](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_IncreaseReplicaCount.html)).
/// AWS's message isn't known.
pub fn reject_same_replicas(call: &Call, nodes: Option<u32>) -> Option<ErrorResponse> {
    let requested = call.field("NewReplicaCount")?.parse::<u32>().ok()?;
    (Some(requested + 1) == nodes).then(|| {
        ErrorResponse::new(
            "NoOperationFault",
            "The operation was not performed because no changes were required.",
        )
    })
}

/// Rejects a start time more than 14 days ago, because ElastiCache keeps events for 14 days
/// ([DescribeEvents](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEvents.html)). AWS's
/// message isn't known.
fn reject_event_start(call: &Call, now: SystemTime) -> Option<ErrorResponse> {
    let start = DateTime::parse_from_rfc3339(call.field("StartTime")?).ok()?;
    let oldest = now.checked_sub(Duration::from_hours(14 * 24))?;
    (SystemTime::from(start) < oldest)
        .then(|| invalid_value("StartTime must be within the last 14 days."))
}

/// Rejects a parameter group that doesn't exist, or whose family isn't that of the version.
async fn reject_parameter_group(
    call: &Call,
    running: Option<&Engine>,
    upstream: &Upstream,
) -> Result<Option<ErrorResponse>> {
    let Some((name, expected)) = version::parameter_group(call, running) else {
        return Ok(None);
    };
    let Some(found) = family_of_parameter_group(&name, upstream).await? else {
        // https://github.com/azavea/terraform-aws-redis-elasticache/issues/12
        return Ok(Some(ErrorResponse::with_status(
            404,
            "CacheParameterGroupNotFound",
            format!("CacheParameterGroup not found: {name}"),
        )));
    };
    // https://github.com/hashicorp/terraform/pull/11269, and for a modification
    // https://github.com/aws-samples/dify-self-hosted-on-aws/issues/24
    Ok((found != expected).then(|| {
        invalid_combination(format!(
            "Expected a parameter group of family {expected} but found one of family {found}"
        ))
    }))
}

/// Returns a parameter group's family, or `None` if the group doesn't exist.
async fn family_of_parameter_group(name: &str, upstream: &Upstream) -> Result<Option<String>> {
    let fields = [
        ("Action", "DescribeCacheParameterGroups"),
        ("CacheParameterGroupName", name),
    ];
    let described = upstream.query("elasticache", &fields).await?;
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

/// Returns a security group's VPC, or `None` if the group doesn't exist.
async fn vpc_of_security_group(id: &str, upstream: &Upstream) -> Result<Option<String>> {
    let fields = [("Action", "DescribeSecurityGroups"), ("GroupId.1", id)];
    let described = upstream.query("ec2", &fields).await?;
    let vpc = described
        .as_ref()
        .and_then(|answer| answer.at(&["securityGroupInfo", "item", "vpcId"]));
    Ok(vpc.map(|vpc| vpc.text().to_owned()))
}

/// Rejects names that aren't identifiers. The API reference doesn't document this rule:
/// <https://github.com/terraform-aws-modules/terraform-aws-vpc/issues/193>.
fn reject_subnet_group_name(call: &Call) -> Option<ErrorResponse> {
    let name = call.field("CacheSubnetGroupName").unwrap_or_default();
    reject_identifier("CacheSubnetGroupName", name)
}

/// Rejects the name of a group if it isn't an identifier. `parameter` is the name of the call's parameter.
pub fn reject_identifier(parameter: &str, name: &str) -> Option<ErrorResponse> {
    let is_valid = is_identifier(name) && name.len() <= 255;
    (!is_valid).then(|| {
        invalid_value(format!(
            "The parameter {parameter} is not a valid identifier. {IDENTIFIERS}"
        ))
    })
}

/// Rejects subnets that don't exist, or that aren't all in one VPC: <https://github.com/floci-io/floci/pull/2401>.
async fn reject_subnets(call: &Call, upstream: &Upstream) -> Result<Option<ErrorResponse>> {
    let requested = call.list("SubnetIds");
    let mut first: Option<(&str, String)> = None;
    for id in &requested {
        let fields = [("Action", "DescribeSubnets"), ("SubnetId.1", id)];
        let described = upstream.query("ec2", &fields).await?;
        let vpc = described
            .as_ref()
            .and_then(|answer| answer.at(&["subnetSet", "item", "vpcId"]));
        let Some(vpc) = vpc else {
            return Ok(Some(invalid_value(format!(
                "Some input subnets in :[{}] are invalid.",
                requested.join(", ")
            ))));
        };
        match &first {
            None => first = Some((id, vpc.text().to_owned())),
            Some((other, other_vpc)) if other_vpc != vpc.text() => {
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{
        reject_empty_modification, reject_event_start, reject_modification, reject_same_replicas,
        reject_settings, reject_state, reject_subnet_group_name,
    };
    use crate::gateway::call::Call;
    use crate::gateway::elasticache::Phase;

    fn call(fields: &str) -> Call {
        Call::form(fields)
    }

    #[test]
    fn rejects_invalid_settings() {
        let long = format!("ReplicationGroupId={}", "a".repeat(41));
        let cases = [
            ("ReplicationGroupId=bandup-redis", None, "valid request"),
            (
                "ReplicationGroupId=band--up",
                Some("InvalidParameterValue"),
                "consecutive hyphens",
            ),
            (
                "ReplicationGroupId=bandup-",
                Some("InvalidParameterValue"),
                "hyphen at the end",
            ),
            (
                "ReplicationGroupId=1up",
                Some("InvalidParameterValue"),
                "digit at the beginning",
            ),
            (
                long.as_str(),
                Some("InvalidParameterValue"),
                "ID of 41 characters",
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
                "retention of 36 days",
            ),
            (
                "ReplicationGroupId=a&Port=8005",
                Some("InvalidParameterValue"),
                "reserved port",
            ),
            (
                "ReplicationGroupId=a&Port=1149",
                Some("InvalidParameterValue"),
                "port below the range",
            ),
            (
                "ReplicationGroupId=a&Port=1150",
                None,
                "lowest port of the range",
            ),
            (
                "ReplicationGroupId=a&PreferredMaintenanceWindow=sun:05:00-sun:05:59",
                Some("InvalidParameterValue"),
                "window of 59 minutes",
            ),
            (
                "ReplicationGroupId=a&SnapshotWindow=05:00-05:30",
                Some("InvalidParameterValue"),
                "window of 30 minutes",
            ),
            (
                "ReplicationGroupId=a&SnapshotWindow=05:00-06:00&PreferredMaintenanceWindow=sun:05:30-sun:06:30",
                Some("InvalidParameterValue"),
                "overlapping windows",
            ),
            (
                "ReplicationGroupId=a&SnapshotWindow=03:00-04:00&PreferredMaintenanceWindow=sun:05:30-sun:06:30",
                None,
                "windows without overlap",
            ),
        ];
        for (fields, expected, why) in cases {
            let found = reject_settings(&call(fields)).map(|error_response| error_response.code);
            assert_eq!(found.as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn rejects_modification_without_changes() {
        let modify = "Action=ModifyReplicationGroup&ReplicationGroupId=a&ApplyImmediately=true";

        assert!(reject_empty_modification(&call(modify)).is_some());
        assert!(reject_empty_modification(&call(&format!("{modify}&CacheNodeType=b"))).is_none());
    }

    #[test]
    fn rejects_modification_to_invalid_windows() {
        let invalid = Some("InvalidParameterValue");
        let cases = [
            ("SnapshotWindow=03:00-04:00", None),
            ("SnapshotWindow=05:00-05:59", invalid),
            ("SnapshotWindow=5-6", invalid),
            ("PreferredMaintenanceWindow=sun:05:00-sun:05:59", invalid),
        ];
        for (windows, expected) in cases {
            let modify = format!("Action=ModifyReplicationGroup&ReplicationGroupId=a&{windows}");

            let found =
                reject_modification(&call(&modify), None).map(|error_response| error_response.code);

            assert_eq!(found.as_deref(), expected, "{windows}");
        }
    }

    #[test]
    fn rejects_current_number_of_replicas() {
        let increase = call("Action=IncreaseReplicaCount&ReplicationGroupId=a&NewReplicaCount=1");
        let code = |nodes| {
            reject_same_replicas(&increase, Some(nodes)).map(|error_response| error_response.code)
        };

        assert_eq!(code(2), Some("NoOperationFault".to_owned()));
        assert_eq!(code(1), None);
        assert_eq!(code(3), None);
    }

    #[test]
    fn rejects_start_of_events_before_14_days() {
        let now = DateTime::parse_from_rfc3339("2026-11-15T00:00:00Z").expect("a time");
        let is_rejected = |start: &str| {
            let call = call(&format!("Action=DescribeEvents&StartTime={start}"));
            reject_event_start(&call, now.into()).is_some()
        };

        assert!(is_rejected("2026-10-31T23:59:59Z"));
        assert!(!is_rejected("2026-11-01T00:00:00Z"));
        assert!(!is_rejected(""));
    }

    #[test]
    fn rejects_subnet_group_names_that_are_not_identifiers() {
        let is_rejected = |name: &str| {
            reject_subnet_group_name(&call(&format!("CacheSubnetGroupName={name}"))).is_some()
        };

        assert!(!is_rejected("bandup-cached-subnet-group"));
        assert!(is_rejected("bandup_group"));
        assert!(is_rejected("bandup--group"));
        assert!(is_rejected("1-group"));
        assert!(is_rejected(""));
    }

    #[test]
    fn rejects_changes_and_tag_reads_unless_available() {
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
            "a create-failed group can be deleted"
        );
    }

    #[test]
    fn rejects_deletion_of_subnet_group_in_use() {
        let deletion = call("Action=DeleteCacheSubnetGroup&CacheSubnetGroupName=a");
        let code = |caches: Vec<String>| {
            reject_state(&deletion, |_| None, || caches).map(|error_response| error_response.code)
        };

        assert_eq!(code(Vec::new()), None);
        assert_eq!(
            code(vec!["bandup-redis".to_owned()]),
            Some("CacheSubnetGroupInUse".to_owned())
        );
    }
}
