"""Creates the cache's parameter group, as ensure-parameter-group does."""

import os

import boto3

STACK = os.environ["ENVCACHE_STACK"]
PAGES = {"PageSize": 100}

elasticache = boto3.client("elasticache")


def handler(event, _context):
    cache, environment = event["spec"]["cache"], event["environment"]
    family = f"valkey{event['defaultEngineVersion'].split('.')[0]}"
    name = f"{cache['name']}-{family}"
    groups = elasticache.get_paginator("describe_cache_parameter_groups").paginate(PaginationConfig=PAGES)
    if any(group["CacheParameterGroupName"] == name for page in groups for group in page["CacheParameterGroups"]):
        raise RuntimeError(f"parameter group {name} exists")
    require_no_cache(cache["name"])
    defaults = {}
    families = elasticache.get_paginator("describe_engine_default_parameters")
    for page in families.paginate(CacheParameterGroupFamily=family, PaginationConfig=PAGES):
        for parameter in page["EngineDefaults"]["Parameters"]:
            defaults[parameter["ParameterName"]] = parameter
    for parameter, value in cache["parameters"].items():
        if value not in defaults[parameter]["AllowedValues"].split(","):
            raise ValueError(f"{parameter}: {value} isn't allowed")
    elasticache.create_cache_parameter_group(
        CacheParameterGroupName=name,
        CacheParameterGroupFamily=family,
        Description=f"Parameters of the cache of environment {environment}",
        Tags=[
            {"Key": "envcache:environment", "Value": environment},
            {"Key": "envcache:stack", "Value": STACK},
        ],
    )
    elasticache.modify_cache_parameter_group(
        CacheParameterGroupName=name,
        ParameterNameValues=[
            {"ParameterName": parameter, "ParameterValue": value} for parameter, value in cache["parameters"].items()
        ],
    )
    return {"parameterGroup": name}


def require_no_cache(name):
    try:
        elasticache.describe_replication_groups(ReplicationGroupId=name)
    except elasticache.exceptions.ReplicationGroupNotFoundFault:
        return
    raise RuntimeError(f"replication group {name} exists")
