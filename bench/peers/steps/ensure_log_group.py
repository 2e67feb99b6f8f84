"""Creates the log group of the cache's slow log, as ensure-log-group does."""

import os

import boto3

STACK = os.environ["ENVCACHE_STACK"]

logs = boto3.client("logs")


def handler(event, _context):
    spec = event["spec"]
    name = f"/aws/vendedlogs/elasticache/{spec['cache']['name']}/slow-log"
    found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    if any(group["logGroupName"] == name for group in found):
        raise RuntimeError(f"log group {name} exists")
    logs.create_log_group(
        logGroupName=name,
        tags={"envcache:environment": spec["environment"], "envcache:stack": STACK},
    )
    logs.put_retention_policy(logGroupName=name, retentionInDays=spec["cache"]["logs"]["retentionDays"])
    return {"created": name}
