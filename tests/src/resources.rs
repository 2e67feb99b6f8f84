//! Describes all resources of an environment in a form that can be compared between environments.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{Environment, World, array, text};

/// The value of a parameter that a test overwrote. It is no violation: the next run corrects it.
pub const OVERWRITTEN: &str = "overwritten.example";

/// The text of a violation that only an adoption allows.
pub const WITHOUT_OWNER_TAGS: &str = "doesn't have the owner tags";

/// Returns an environment's security groups, subnet group, parameter groups, cache with its members, log groups, and parameters,
/// each with its tags, and its record. The environment's own names and IDs are replaced by placeholders, and timestamps and
/// executions are omitted, so that environments with the same configuration are equal.
///
/// # Errors
/// Returns AWS's error if it rejects a request.
pub fn of(environment: &Environment, world: &World) -> Result<Value> {
    let found = json!({
        "security groups": security_groups(environment, world)?,
        "subnet group": subnet_group(environment, world)?,
        "parameter groups": parameter_groups(environment, world)?,
        "cache": cache(environment, world)?,
        "log groups": log_groups(environment, world)?,
        "parameters": parameters(environment, world)?,
        "record": record(environment, world)?,
    });
    let mut names = vec![
        (environment.name.clone(), "{environment}".to_owned()),
        (environment.network.vpc.clone(), "{vpc}".to_owned()),
    ];
    for (number, subnet) in (1..).zip(&environment.network.subnets) {
        names.push((subnet.clone(), format!("{{subnet {number}}}")));
    }
    for group in array(&found["security groups"]["all"]) {
        let name = text(&group["name"]).replace(&environment.name, "{environment}");
        names.push((text(&group["id"]), format!("{{id of {name}}}")));
    }
    if let Some(Value::String(address)) =
        found.pointer("/cache/group/NodeGroups/0/PrimaryEndpoint/Address")
    {
        names.push((address.clone(), "{address}".to_owned()));
    }
    if let Some(Value::String(key)) = found.pointer("/cache/group/KmsKeyId") {
        names.push((key.clone(), "{key}".to_owned()));
    }
    let mut written = found.to_string();
    for (name, placeholder) in names {
        written = written.replace(&name, &placeholder);
    }
    let mut found = serde_json::from_str(&written)?;
    remove_execution_tags(&mut found);
    Ok(found)
}

/// Removes the tags that name the execution that created a resource.
fn remove_execution_tags(found: &mut Value) {
    match found {
        Value::Array(elements) => {
            elements.retain(|element| element["Key"] != "envcache:execution");
            elements.iter_mut().for_each(remove_execution_tags);
        }
        Value::Object(fields) => fields.values_mut().for_each(remove_execution_tags),
        _ => {}
    }
}

/// Removes the topics that ElastiCache doesn't publish to. A topic can't be removed from a cache, only deactivated.
pub fn remove_inactive_topics(found: &mut Value) {
    match found {
        Value::Array(elements) => elements.iter_mut().for_each(remove_inactive_topics),
        Value::Object(fields) => {
            fields.retain(|_, value| value["TopicStatus"] != "inactive");
            fields.values_mut().for_each(remove_inactive_topics);
        }
        _ => {}
    }
}

/// Returns the violations of what must hold at any time, even after a failure: every created resource has the owner
/// tags, and only the cache's own endpoint is published.
#[must_use]
pub fn violations(found: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let mut tagged = |what: &str, tags: &Value| {
        let has = |key: &str| array(tags).any(|tag| text(&tag["Key"]) == key);
        if !(has("envcache:environment") && has("envcache:stack")) {
            broken.push(format!("{what} {WITHOUT_OWNER_TAGS}, but {tags}"));
        }
    };
    for group in array(&found["security groups"]["created"]) {
        tagged("a security group", &group["Tags"]);
    }
    if !found["subnet group"].is_null() {
        tagged("the subnet group", &found["subnet group"]["tags"]);
    }
    for group in array(&found["parameter groups"]) {
        tagged(&text(&group["name"]), &group["tags"]);
    }
    // The tags can't be read while the cache is creating or changing.
    if !found["cache"].is_null() && !found["cache"]["tags"].is_null() {
        tagged("the cache", &found["cache"]["tags"]);
    }
    for group in array(&found["log groups"]) {
        tagged("a log group", &group["tags"]);
    }
    for parameter in array(&found["parameters"]) {
        tagged(&text(&parameter["name"]), &parameter["tags"]);
    }
    let created = array(&found["security groups"]["created"]).count();
    if created > 1 {
        broken.push(format!("{created} security groups were created"));
    }
    let endpoint = &found["cache"]["group"]["NodeGroups"][0]["PrimaryEndpoint"];
    let (host, port) = (text(&endpoint["Address"]), endpoint["Port"].to_string());
    for parameter in array(&found["parameters"]) {
        let (name, value) = (text(&parameter["name"]), text(&parameter["value"]));
        let expected = match name.rsplit('/').next().unwrap_or_default() {
            "host" => host.clone(),
            "port" => port.clone(),
            "url" => format!("rediss://{host}:{port}"),
            // In the gateway, the reader endpoint has the primary endpoint's address.
            _ => format!("{host}:{port}"),
        };
        if value != expected && value != OVERWRITTEN {
            broken.push(format!("{name} is {value}, expected {expected}"));
        }
    }
    broken
}

/// Returns the names of resources in the account that no test environment requested.
///
/// # Errors
/// Returns AWS's error if it rejects a request.
pub fn unexpected_names(world: &World) -> Result<Vec<String>> {
    let list = |service, operation, list: &str, name: &str| -> Result<Vec<String>> {
        let found = world.aws.call(service, operation, &json!({}))?;
        Ok(array(&found[list])
            .map(|resource| text(&resource[name]))
            .collect())
    };
    let caches = list(
        "elasticache",
        "describe_replication_groups",
        "ReplicationGroups",
        "ReplicationGroupId",
    )?;
    let subnet_groups = list(
        "elasticache",
        "describe_cache_subnet_groups",
        "CacheSubnetGroups",
        "CacheSubnetGroupName",
    )?;
    let parameters = list("ssm", "describe_parameters", "Parameters", "Name")?;
    let is_of_environment = |name: &str, before: &str, after: &[&str]| {
        let rest = name
            .strip_prefix(before)
            .and_then(|rest| rest.strip_prefix("env-"))
            .map(|rest| rest.trim_start_matches(|digit: char| digit.is_ascii_digit()));
        rest.is_some_and(|rest| after.contains(&rest))
    };
    let leaves = [
        "/cache/primary-endpoint",
        "/cache/host",
        "/cache/port",
        "/cache/url",
        "/cache/reader-endpoint",
    ];
    let mut unexpected: Vec<_> = caches
        .into_iter()
        .filter(|name| !is_of_environment(name, "", &["-redis"]))
        .collect();
    unexpected.extend(subnet_groups.into_iter().filter(|name| {
        name != "default" && !is_of_environment(name, "", &["-cached-subnet-group", "-vpc-caches"])
    }));
    unexpected.extend(
        parameters
            .into_iter()
            .filter(|name| !is_of_environment(name, "/", &leaves)),
    );
    Ok(unexpected)
}

/// Returns all security groups in the VPC, and those that a run created: neither the VPC's default group nor the
/// backends'.
fn security_groups(environment: &Environment, world: &World) -> Result<Value> {
    let found = world.aws.call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [{ "Name": "vpc-id", "Values": [environment.network.vpc] }] }),
    )?;
    let prerequisites = ["default", "backend", "new-backend"];
    let created: Vec<_> = array(&found["SecurityGroups"])
        .filter(|group| !prerequisites.contains(&text(&group["GroupName"]).as_str()))
        .map(|group| without(group, &["SecurityGroupArn", "OwnerId"]))
        .collect();
    let mut all: Vec<_> = array(&found["SecurityGroups"])
        .map(|group| json!({ "name": group["GroupName"], "id": group["GroupId"] }))
        .collect();
    all.sort_by_key(|group| text(&group["name"]));
    Ok(json!({ "all": all, "created": created }))
}

fn subnet_group(environment: &Environment, world: &World) -> Result<Value> {
    let Some(found) = unless_missing(world.aws.call(
        "elasticache",
        "describe_cache_subnet_groups",
        &json!({ "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name) }),
    ))?
    else {
        return Ok(Value::Null);
    };
    let group = &found["CacheSubnetGroups"][0];
    let mut subnets: Vec<_> = array(&group["Subnets"])
        .map(|subnet| text(&subnet["SubnetIdentifier"]))
        .collect();
    subnets.sort_by_key(|id| {
        environment
            .network
            .subnets
            .iter()
            .position(|subnet| subnet == id)
    });
    Ok(json!({
        "description": group["CacheSubnetGroupDescription"],
        "vpc": group["VpcId"],
        "subnets": subnets,
        "tags": elasticache_tags(world, &group["ARN"])?,
    }))
}

/// Returns the cache's own parameter groups, with the values that differ from the defaults.
fn parameter_groups(environment: &Environment, world: &World) -> Result<Value> {
    let mut groups = Vec::new();
    // By name, because a list of all groups has pages.
    for family in ["valkey7", "valkey8", "valkey9"] {
        let name =
            json!({ "CacheParameterGroupName": format!("{}-redis-{family}", environment.name) });
        let call = |operation, request: &Value| world.aws.call("elasticache", operation, request);
        let Some(found) = unless_missing(call("describe_cache_parameter_groups", &name))? else {
            continue;
        };
        let group = &found["CacheParameterGroups"][0];
        let mut set = name;
        set["Source"] = json!("user");
        // Another run may delete the group meanwhile.
        let Some(values) = unless_missing(call("describe_cache_parameters", &set))? else {
            continue;
        };
        let values: Value = array(&values["Parameters"])
            .map(|parameter| {
                let name = text(&parameter["ParameterName"]);
                (name, parameter["ParameterValue"].clone())
            })
            .collect();
        groups.push(json!({
            "name": group["CacheParameterGroupName"],
            "family": group["CacheParameterGroupFamily"],
            "description": group["Description"],
            "values": values,
            "tags": elasticache_tags(world, &group["ARN"])?,
        }));
    }
    Ok(json!(groups))
}

fn cache(environment: &Environment, world: &World) -> Result<Value> {
    let Some(found) = unless_missing(world.aws.call(
        "elasticache",
        "describe_replication_groups",
        &json!({ "ReplicationGroupId": format!("{}-redis", environment.name) }),
    ))?
    else {
        return Ok(Value::Null);
    };
    let group = &found["ReplicationGroups"][0];
    let members = array(&group["MemberClusters"])
        .map(|member| {
            let found = world.aws.call(
                "elasticache",
                "describe_cache_clusters",
                &json!({ "CacheClusterId": member }),
            )?;
            Ok(without(
                &found["CacheClusters"][0],
                &["CacheClusterCreateTime"],
            ))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(json!({
        "group": without(group, &["ReplicationGroupCreateTime"]),
        "members": members,
        "tags": elasticache_tags(world, &group["ARN"])?,
    }))
}

fn log_groups(environment: &Environment, world: &World) -> Result<Value> {
    let prefix = format!("/aws/vendedlogs/elasticache/{}-redis/", environment.name);
    let found = world.aws.call(
        "logs",
        "describe_log_groups",
        &json!({ "logGroupNamePrefix": prefix }),
    )?;
    let groups = array(&found["logGroups"])
        .map(|group| {
            let tags = world.aws.call(
                "logs",
                "list_tags_for_resource",
                &json!({ "resourceArn": group["logGroupArn"] }),
            )?;
            let tags = tags["tags"].as_object().into_iter().flatten();
            let mut tags: Vec<_> = tags
                .map(|(key, value)| json!({ "Key": key, "Value": value }))
                .collect();
            tags.sort_by_key(|tag| text(&tag["Key"]));
            Ok(json!({
                "name": group["logGroupName"],
                "retention": group["retentionInDays"],
                "tags": tags,
            }))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(json!(groups))
}

fn parameters(environment: &Environment, world: &World) -> Result<Value> {
    let parameters = environment
        .parameters(world)
        .into_iter()
        .map(|(name, value)| {
            let tags = world.aws.call(
                "ssm",
                "list_tags_for_resource",
                &json!({ "ResourceType": "Parameter", "ResourceId": name }),
            )?;
            Ok(json!({ "name": name, "value": value, "tags": tags["TagList"] }))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(json!(parameters))
}

fn record(environment: &Environment, world: &World) -> Result<Value> {
    let mut record = environment.record(world)?;
    if let Some(spec) = record["spec"]["S"].as_str() {
        record["spec"] = serde_json::from_str(spec)?;
    }
    // A run whose release fails keeps `formerTags`: the next run removes these tags again.
    Ok(without(
        &record,
        &[
            "formerTags",
            "holder",
            "version",
            "requestedAt",
            "lastExecution",
            "lastResult",
            "resultAt",
            "expiresAt",
        ],
    ))
}

/// Returns a resource's tags, or null if they can't be read: the resource is changing, or was deleted after it was
/// described.
fn elasticache_tags(world: &World, arn: &Value) -> Result<Value> {
    let response = world.aws.call(
        "elasticache",
        "list_tags_for_resource",
        &json!({ "ResourceName": arn }),
    );
    match response {
        Err(error) if has_code(&error, "InvalidReplicationGroupState") => Ok(Value::Null),
        response => {
            Ok(unless_missing(response)?.map_or(Value::Null, |found| found["TagList"].clone()))
        }
    }
}

fn unless_missing(response: Result<Value>) -> Result<Option<Value>> {
    let codes = [
        "CacheParameterGroupNotFound",
        "CacheSubnetGroupNotFoundFault",
        "ReplicationGroupNotFoundFault",
    ];
    match response {
        Ok(found) => Ok(Some(found)),
        Err(error) if codes.iter().any(|code| has_code(&error, code)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn has_code(error: &anyhow::Error, code: &str) -> bool {
    error
        .downcast_ref::<local::aws::ErrorResponse>()
        .is_some_and(|response| response.code == code)
}

fn without(value: &Value, fields: &[&str]) -> Value {
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        object.retain(|name, _| !fields.contains(&name.as_str()));
    }
    value
}
