"""Creates the cache's subnet group, as ensure-subnet-group does."""

import os

import boto3

STACK = os.environ["ENVCACHE_STACK"]

elasticache = boto3.client("elasticache")


def handler(event, _context):
    spec = event["spec"]
    environment, name = spec["environment"], spec["cache"]["subnetGroupName"]
    try:
        elasticache.describe_cache_subnet_groups(CacheSubnetGroupName=name)
    except elasticache.exceptions.CacheSubnetGroupNotFoundFault:
        elasticache.create_cache_subnet_group(
            CacheSubnetGroupName=name,
            CacheSubnetGroupDescription=f"Cache of environment {environment}",
            SubnetIds=event["network"]["subnetIds"],
            Tags=[
                {"Key": "envcache:environment", "Value": environment},
                {"Key": "envcache:stack", "Value": STACK},
            ],
        )
        return {"outcome": "created"}
    raise RuntimeError(f"subnet group {name} exists")
