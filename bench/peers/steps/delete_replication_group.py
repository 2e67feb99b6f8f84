"""Deletes the replication group if the environment owns it, as delete-replication-group does."""

import os

import boto3

STACK = os.environ["ENVCACHE_STACK"]

elasticache = boto3.client("elasticache")


def handler(event, _context):
    answer = elasticache.describe_replication_groups(ReplicationGroupId=event["cacheName"])
    [group] = answer["ReplicationGroups"]
    if group["Status"] != "available":
        return {"status": "waiting", "outcome": f"found {group['Status']}"}
    tags = elasticache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"]
    owner = {"envcache:environment": event["environment"], "envcache:stack": STACK}
    if not owner.items() <= {tag["Key"]: tag["Value"] for tag in tags}.items():
        return {"status": "notOwned"}
    elasticache.delete_replication_group(
        ReplicationGroupId=event["cacheName"],
        FinalSnapshotIdentifier=event["finalSnapshot"],
    )
    return {"status": "waiting", "outcome": "deleted", "waitSeconds": 30}
