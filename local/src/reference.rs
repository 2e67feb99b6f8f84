//! Compares the resources of the reference setup with the contract.

use anyhow::Result;
use serde_json::{Value, json};

use crate::Aws;
use crate::network::CreatedNetwork;

/// One property of the setup: its name, and its expected and current values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub property: &'static str,
    pub expected: String,
    /// `None` if AWS doesn't show the property.
    pub current: Option<String>,
}

impl Row {
    /// Returns whether the current value is the expected one.
    #[must_use]
    pub fn matches(&self) -> bool {
        self.current.as_ref() == Some(&self.expected)
    }
}

/// Returns the properties of all resources that `events/environment-created.json` requests.
///
/// # Errors
/// Returns an error if a resource doesn't exist or AWS rejects a call.
pub fn rows(aws: &Aws, network: &CreatedNetwork) -> Result<Vec<Row>> {
    let mut rows = security_group(aws, network)?;
    rows.extend(subnet_group(aws, network)?);
    let groups = aws.call(
        "elasticache",
        "describe_replication_groups",
        &json!({ "ReplicationGroupId": "bandup-redis" }),
    )?;
    let group = &groups["ReplicationGroups"][0];
    rows.extend(cache(aws, group)?);
    rows.extend(parameters(aws, group)?);
    Ok(rows)
}

/// Returns the names of the reference setup's resources that still exist.
///
/// # Errors
/// Returns an error if AWS rejects a call.
pub fn left(aws: &Aws) -> Result<Vec<String>> {
    let groups = aws.call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [{ "Name": "group-name", "Values": ["redis-sg"] }] }),
    )?;
    let caches = aws.call("elasticache", "describe_replication_groups", &json!({}))?;
    let subnet_groups = aws.call("elasticache", "describe_cache_subnet_groups", &json!({}))?;
    let is_bandup = |name: &String| name.starts_with("bandup-");
    let names = |list: &Value, field: &str| array(list).map(|item| text(&item[field])).collect();
    let lists: [Vec<String>; 3] = [
        names(&groups["SecurityGroups"], "GroupName"),
        names(&caches["ReplicationGroups"], "ReplicationGroupId"),
        names(&subnet_groups["CacheSubnetGroups"], "CacheSubnetGroupName"),
    ];
    let [security_groups, caches, subnet_groups] = lists;
    let parameters = aws.parameters("/bandup/cache")?.into_keys();
    Ok(security_groups
        .into_iter()
        .chain(caches.into_iter().chain(subnet_groups).filter(is_bandup))
        .chain(parameters)
        .collect())
}

/// The tags of every resource that a run creates for the reference environment.
const TAGS: &str = "envcache:environment=bandup, envcache:stack=envcache";

fn security_group(aws: &Aws, network: &CreatedNetwork) -> Result<Vec<Row>> {
    let groups = aws.call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [{ "Name": "group-name", "Values": ["redis-sg"] }] }),
    )?;
    let group = &groups["SecurityGroups"][0];
    let rules: Vec<_> = array(&group["IpPermissions"])
        .map(|rule| {
            let sources: Vec<_> = array(&rule["UserIdGroupPairs"])
                .map(|pair| text(&pair["GroupId"]))
                .chain(array(&rule["IpRanges"]).map(|range| text(&range["CidrIp"])))
                .chain(array(&rule["Ipv6Ranges"]).map(|range| text(&range["CidrIpv6"])))
                .chain(array(&rule["PrefixListIds"]).map(|list| text(&list["PrefixListId"])))
                .collect();
            format!(
                "{} {}-{} from {}",
                text(&rule["IpProtocol"]),
                rule["FromPort"],
                rule["ToPort"],
                sources.join(", ")
            )
        })
        .collect();
    Ok(vec![
        row("security group", "redis-sg", &group["GroupName"]),
        row("  in VPC", &network.vpc, &group["VpcId"]),
        row(
            "  description",
            "Cache of environment bandup",
            &group["Description"],
        ),
        Row {
            property: "  inbound rules",
            expected: format!("tcp 6379-6379 from {}", network.backend_security_group),
            current: Some(rules.join("; ")),
        },
        tags("  tags", &group["Tags"]),
    ])
}

fn subnet_group(aws: &Aws, network: &CreatedNetwork) -> Result<Vec<Row>> {
    let groups = aws.call(
        "elasticache",
        "describe_cache_subnet_groups",
        &json!({ "CacheSubnetGroupName": "bandup-cached-subnet-group" }),
    )?;
    let group = &groups["CacheSubnetGroups"][0];
    let mut current: Vec<_> = array(&group["Subnets"])
        .map(|subnet| {
            format!(
                "{} in {}",
                text(&subnet["SubnetIdentifier"]),
                text(&subnet["SubnetAvailabilityZone"]["Name"])
            )
        })
        .collect();
    let mut expected: Vec<_> = network
        .subnets
        .iter()
        .zip(["ap-southeast-1a", "ap-southeast-1b"])
        .map(|(subnet, zone)| format!("{subnet} in {zone}"))
        .collect();
    current.sort();
    expected.sort();
    Ok(vec![
        row(
            "subnet group",
            "bandup-cached-subnet-group",
            &group["CacheSubnetGroupName"],
        ),
        row("  in VPC", &network.vpc, &group["VpcId"]),
        row(
            "  description",
            "Cache of environment bandup",
            &group["CacheSubnetGroupDescription"],
        ),
        Row {
            property: "  subnets",
            expected: expected.join(", "),
            current: Some(current.join(", ")),
        },
        tags("  tags", &tags_of(aws, &group["ARN"])?),
    ])
}

fn cache(aws: &Aws, group: &Value) -> Result<Vec<Row>> {
    let members = aws.call(
        "elasticache",
        "describe_cache_clusters",
        &json!({ "CacheClusterId": group["MemberClusters"][0] }),
    )?;
    let member = &members["CacheClusters"][0];
    let security_groups = aws.call(
        "ec2",
        "describe_security_groups",
        &json!({ "GroupIds": [member["SecurityGroups"][0]["SecurityGroupId"]] }),
    )?;
    Ok(vec![
        row("cache", "bandup-redis", &group["ReplicationGroupId"]),
        row(
            "  description",
            "in memory db for bandup",
            &group["Description"],
        ),
        row("  engine", "valkey", &member["Engine"]),
        row("  cluster mode", "disabled", &group["ClusterMode"]),
        row("  node type", "cache.t3.micro", &group["CacheNodeType"]),
        Row {
            property: "  nodes",
            expected: "1".to_owned(),
            current: Some(array(&group["MemberClusters"]).count().to_string()),
        },
        row(
            "  automatic failover",
            "disabled",
            &group["AutomaticFailover"],
        ),
        row("  Multi-AZ", "disabled", &group["MultiAZ"]),
        row("  network type", "ipv4", &group["NetworkType"]),
        row(
            "  subnet group",
            "bandup-cached-subnet-group",
            &member["CacheSubnetGroupName"],
        ),
        row(
            "  security group",
            "redis-sg",
            &security_groups["SecurityGroups"][0]["GroupName"],
        ),
        row(
            "  port",
            "6379",
            &group["NodeGroups"][0]["PrimaryEndpoint"]["Port"],
        ),
        row(
            "  encryption at rest",
            "true",
            &group["AtRestEncryptionEnabled"],
        ),
        row(
            "  KMS key",
            "AWS default key",
            &value_or("AWS default key", &group["KmsKeyId"]),
        ),
        row(
            "  encryption in transit",
            "true",
            &group["TransitEncryptionEnabled"],
        ),
        row(
            "  encryption mode",
            "required",
            &group["TransitEncryptionMode"],
        ),
        row("  access control", "false", &group["AuthTokenEnabled"]),
        row(
            "  snapshots kept, days",
            "1",
            &group["SnapshotRetentionLimit"],
        ),
        row("  status", "available", &group["Status"]),
        tags("  tags", &tags_of(aws, &group["ARN"])?),
    ])
}

fn parameters(aws: &Aws, group: &Value) -> Result<Vec<Row>> {
    let endpoint = &group["NodeGroups"][0]["PrimaryEndpoint"];
    let host = text(&endpoint["Address"]);
    let port = endpoint["Port"].to_string();
    let current = aws.parameters("/bandup/cache")?;
    let value = |name: &str| json!(current.get(name));
    let names: Vec<_> = current.keys().cloned().collect();
    Ok(vec![
        Row {
            property: "parameters",
            expected: "/bandup/cache/host, /bandup/cache/port, /bandup/cache/primary-endpoint, /bandup/cache/url"
                .to_owned(),
            current: Some(names.join(", ")),
        },
        row(
            "  primary-endpoint",
            &format!("{host}:{port}"),
            &value("/bandup/cache/primary-endpoint"),
        ),
        row("  host", &host, &value("/bandup/cache/host")),
        row("  port", &port, &value("/bandup/cache/port")),
        row(
            "  url",
            &format!("rediss://{host}:{port}"),
            &value("/bandup/cache/url"),
        ),
        tags(
            "  tags",
            &aws.call(
                "ssm",
                "list_tags_for_resource",
                &json!({ "ResourceType": "Parameter", "ResourceId": "/bandup/cache/url" }),
            )?["TagList"],
        ),
    ])
}

fn tags_of(aws: &Aws, arn: &Value) -> Result<Value> {
    let tags = aws.call(
        "elasticache",
        "list_tags_for_resource",
        &json!({ "ResourceName": arn }),
    )?;
    Ok(tags["TagList"].clone())
}

fn row(property: &'static str, expected: &str, current: &Value) -> Row {
    Row {
        property,
        expected: expected.to_owned(),
        current: (!current.is_null()).then(|| text(current)),
    }
}

fn tags(property: &'static str, current: &Value) -> Row {
    let mut current: Vec<_> = array(current)
        .map(|tag| format!("{}={}", text(&tag["Key"]), text(&tag["Value"])))
        .collect();
    current.sort();
    Row {
        property,
        expected: TAGS.to_owned(),
        current: Some(current.join(", ")),
    }
}

fn value_or(default: &str, current: &Value) -> Value {
    if current.is_null() {
        json!(default)
    } else {
        current.clone()
    }
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
