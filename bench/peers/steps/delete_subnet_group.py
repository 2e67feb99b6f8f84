"""Deletes the cache's subnet groups that the environment owns, as delete-subnet-group does."""

import os

import boto3

STACK = os.environ["ENVCACHE_STACK"]

elasticache = boto3.client("elasticache")


def handler(event, _context):
    owner = {"envcache:environment": event["environment"], "envcache:stack": STACK}
    left = []
    for name in event["subnetGroupNames"]:
        answer = elasticache.describe_cache_subnet_groups(CacheSubnetGroupName=name)
        [group] = answer["CacheSubnetGroups"]
        tags = elasticache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"]
        if owner.items() <= {tag["Key"]: tag["Value"] for tag in tags}.items():
            elasticache.delete_cache_subnet_group(CacheSubnetGroupName=name)
        else:
            left.append(name)
    return {"status": "notOwned" if left else "absent", "left": left}
