//! All that a run makes for an environment, in a form in which two environments can be compared.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{Environment, World, array, text};

/// What an environment has: security groups, subnet group, cache with its members, parameters; each with its
/// tags. Names and ids of its own are replaced, moments left out, so that equal set-ups are equal.
///
/// # Errors
/// What AWS refused.
pub fn of(environment: &Environment, world: &World) -> Result<Value> {
    let found = json!({
        "security groups": security_groups(environment, world)?,
        "subnet group": subnet_group(environment, world)?,
        "cache": cache(environment, world)?,
        "parameters": parameters(environment, world)?,
    });
    let mut names = vec![
        (environment.name.clone(), "{environment}"),
        (environment.laid.vpc.clone(), "{vpc}"),
        (environment.laid.backend_security_group.clone(), "{backend}"),
    ];
    for (subnet, name) in
        environment
            .laid
            .subnets
            .iter()
            .zip(["{subnet 1}", "{subnet 2}", "{subnet 3}"])
    {
        names.push((subnet.clone(), name));
    }
    for (pointer, name) in [
        ("/security groups/own", "{security group}"),
        (
            "/cache/group/NodeGroups/0/PrimaryEndpoint/Address",
            "{address}",
        ),
    ] {
        if let Some(Value::String(id)) = found.pointer(pointer) {
            names.push((id.clone(), name));
        }
    }
    let mut written = found.to_string();
    for (name, placeholder) in names {
        written = written.replace(&name, placeholder);
    }
    Ok(serde_json::from_str(&written)?)
}

/// What of it breaks a promise that holds at every moment, also after a failure: everything that was made
/// bears our tags, and no endpoint is published but the cache's own.
#[must_use]
pub fn broken_promises(found: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let mut tagged = |what: &str, tags: &Value| {
        let has = |wanted: &str| array(tags).any(|tag| text(&tag["Key"]) == wanted);
        if !(has("envcache:environment") && has("envcache:stack")) {
            broken.push(format!("{what} bears {tags}, not our tags"));
        }
    };
    for group in array(&found["security groups"]["made"]) {
        tagged("a security group", &group["Tags"]);
    }
    if !found["subnet group"].is_null() {
        tagged("the subnet group", &found["subnet group"]["tags"]);
    }
    // While it is creating or changing, tags cannot be read.
    if !found["cache"].is_null() && !found["cache"]["tags"].is_null() {
        tagged("the cache", &found["cache"]["tags"]);
    }
    for parameter in array(&found["parameters"]) {
        tagged(&text(&parameter["name"]), &parameter["tags"]);
    }
    let made = array(&found["security groups"]["made"]).count();
    if made > 1 {
        broken.push(format!("{made} security groups were made"));
    }
    for parameter in array(&found["parameters"]) {
        let (name, value) = (text(&parameter["name"]), text(&parameter["value"]));
        if !(value.contains("{address}") || name.ends_with("/port")) {
            broken.push(format!(
                "{name} is {value}, which is not the cache's endpoint"
            ));
        }
    }
    broken
}

/// Those that were made in the VPC, beside its default and the backends'.
fn security_groups(environment: &Environment, world: &World) -> Result<Value> {
    let found = world.aws.call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [{ "Name": "vpc-id", "Values": [environment.laid.vpc] }] }),
    )?;
    let own = json!(format!("{}-redis-sg", environment.name));
    let made: Vec<_> = array(&found["SecurityGroups"])
        .filter(|group| group["GroupName"] != "default" && group["Description"] != "tasks")
        .filter(|group| group["GroupId"] != json!(environment.laid.backend_security_group))
        .map(|group| without(group, &["SecurityGroupArn", "OwnerId"]))
        .collect();
    let id = made
        .iter()
        .find(|group| group["GroupName"] == own)
        .map_or(Value::Null, |group| group["GroupId"].clone());
    Ok(json!({ "own": id, "made": made }))
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
        .map(|subnet| {
            let place = environment.laid.subnets.iter().position(|id| *id == subnet);
            format!("{place:?}")
        })
        .collect();
    subnets.sort();
    Ok(json!({
        "description": group["CacheSubnetGroupDescription"],
        "vpc": group["VpcId"],
        "subnets": subnets,
        "tags": elasticache_tags(world, &group["ARN"])?,
    }))
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

/// Null where they cannot be read now.
fn elasticache_tags(world: &World, arn: &Value) -> Result<Value> {
    let answer = world.aws.call(
        "elasticache",
        "list_tags_for_resource",
        &json!({ "ResourceName": arn }),
    );
    match answer {
        Ok(found) => Ok(found["TagList"].clone()),
        Err(error) if refused_with(&error, "InvalidReplicationGroupState") => Ok(Value::Null),
        Err(error) => Err(error),
    }
}

fn unless_missing(answer: Result<Value>) -> Result<Option<Value>> {
    let codes = [
        "CacheSubnetGroupNotFoundFault",
        "ReplicationGroupNotFoundFault",
    ];
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if codes.iter().any(|code| refused_with(&error, code)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn refused_with(error: &anyhow::Error, code: &str) -> bool {
    error
        .downcast_ref::<local::aws::Refusal>()
        .is_some_and(|refusal| refusal.code == code)
}

fn without(value: &Value, fields: &[&str]) -> Value {
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        object.retain(|name, _| !fields.contains(&name.as_str()));
    }
    value
}
