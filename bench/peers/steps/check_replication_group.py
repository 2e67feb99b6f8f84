"""Checks the replication group's status once, as check-replication-group does."""

import json
import os
import time

import boto3

STACK = os.environ["ENVCACHE_STACK"]

elasticache = boto3.client("elasticache")


def handler(event, _context):
    print(json.dumps(metrics(event)))
    answer = elasticache.describe_replication_groups(ReplicationGroupId=event["cacheName"])
    [group] = answer["ReplicationGroups"]
    if group["Status"] in ("creating", "deleting", "snapshotting"):
        return {"status": "pending", "found": group["Status"], "waitSeconds": 10}
    return {"status": "ready", "found": group["Status"]}


def metrics(event):
    """Returns the metrics of a poll in CloudWatch's embedded metric format."""
    return {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": "envcache",
                    "Dimensions": [["Stack"]],
                    "Metrics": [
                        {"Name": "Polls", "Unit": "Count"},
                        {"Name": "SecondsWaited", "Unit": "Seconds"},
                    ],
                }
            ],
        },
        "Polls": 1,
        "SecondsWaited": event["secondsWaited"],
        "Stack": STACK,
        "environment": event["environment"],
        "execution": event["execution"],
    }
