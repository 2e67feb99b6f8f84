"""Requests the cache's replication group, as the first round of ensure-replication-group does."""

import json
import os

import boto3

STACK = os.environ["ENVCACHE_STACK"]
TABLE = os.environ["ENVIRONMENTS_TABLE"]

dynamodb = boto3.client("dynamodb")
elasticache = boto3.client("elasticache")


def handler(event, _context):
    spec, cache = event["spec"], event["spec"]["cache"]
    key = {"environment": {"S": spec["environment"]}}
    record = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)
    if record["Item"]["holder"]["S"] != event["executionArn"]:
        return {"status": "claimLost"}
    try:
        elasticache.describe_replication_groups(ReplicationGroupId=cache["name"])
    except elasticache.exceptions.ReplicationGroupNotFoundFault:
        dynamodb.update_item(
            TableName=TABLE,
            Key=key,
            UpdateExpression="SET cacheIdentity = :cacheIdentity, creation = :creation ADD version :one",
            ConditionExpression="holder = :read_holder",
            ExpressionAttributeValues={
                ":cacheIdentity": {"S": json.dumps(identity(spec, event["network"]))},
                ":creation": {"S": json.dumps(creation(event["execution"]))},
                ":one": {"N": "1"},
                ":read_holder": {"S": event["executionArn"]},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        elasticache.create_replication_group(
            ReplicationGroupId=cache["name"],
            ReplicationGroupDescription=cache["description"],
            Engine="valkey",
            EngineVersion=event["defaultEngineVersion"],
            CacheNodeType=cache["nodeType"],
            ClusterMode="disabled",
            NumCacheClusters=cache["replicas"] + 1,
            AutomaticFailoverEnabled=False,
            MultiAZEnabled=False,
            NetworkType="ipv4",
            Port=cache["port"],
            CacheSubnetGroupName=cache["subnetGroupName"],
            SecurityGroupIds=[event["securityGroupId"]],
            AtRestEncryptionEnabled=True,
            AutoMinorVersionUpgrade=cache["autoMinorVersionUpgrade"],
            TransitEncryptionEnabled=True,
            SnapshotRetentionLimit=cache["snapshotRetentionDays"],
            Tags=[
                {"Key": "envcache:environment", "Value": spec["environment"]},
                {"Key": "envcache:stack", "Value": STACK},
            ],
        )
        return {"status": "waiting"}
    raise RuntimeError(f"replication group {cache['name']} exists")


def identity(spec, network):
    return {
        "vpcId": network["vpcId"],
        "cacheName": spec["cache"]["name"],
        "securityGroupName": spec["cache"]["securityGroupName"],
        "subnetGroupName": spec["cache"]["subnetGroupName"],
        "parameterPrefix": spec["parameterPrefix"],
    }


def creation(execution):
    return {
        "execution": execution,
        "placement": [],
        "rejections": [],
        "replaced": False,
        "deletionRequested": False,
    }
