"""Deletes the cache's parameter groups that the environment owns, as delete-parameter-group does in a removal."""

import os
import re

import boto3

STACK = os.environ["ENVCACHE_STACK"]

elasticache = boto3.client("elasticache")


def handler(event, _context):
    owner = {"envcache:environment": event["environment"], "envcache:stack": STACK}
    of_cache = re.compile(re.escape(event["cacheName"]) + "-valkey[0-9]+")
    description = f"Parameters of the cache of environment {event['environment']}"
    left = []
    pages = elasticache.get_paginator("describe_cache_parameter_groups").paginate(PaginationConfig={"PageSize": 100})
    for group in [group for page in pages for group in page["CacheParameterGroups"]]:
        name = group["CacheParameterGroupName"]
        if not of_cache.fullmatch(name) and group["Description"] != description:
            continue
        tags = elasticache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"]
        if owner.items() <= {tag["Key"]: tag["Value"] for tag in tags}.items():
            elasticache.delete_cache_parameter_group(CacheParameterGroupName=name)
        else:
            left.append(name)
    return {"status": "notOwned" if left else "absent", "left": left}
