"""Claims an environment for an execution, as claim-environment does for the first run of an environment."""

import json
import os

import boto3

TABLE = os.environ["ENVIRONMENTS_TABLE"]
UPDATE = (
    "SET holder = :holder, lastExecution = :lastExecution, requestedAt = :requestedAt, spec = :spec, protected = :protected "
    "REMOVE askedAt, askedForCache, vpcId, cacheName, securityGroupName, subnetGroupName, parameterPrefix, takenOverAt, "
    "formerSubnetGroups, formerTags, expiresAt, rollbackOf ADD version :one"
)

dynamodb = boto3.client("dynamodb")


def handler(event, _context):
    key = {"environment": {"S": event["environment"]}}
    found = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)
    if "Item" in found:
        return {"status": "held"}
    dynamodb.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression=UPDATE,
        ConditionExpression="attribute_not_exists(holder) AND attribute_not_exists(version)",
        ExpressionAttributeValues={
            ":holder": {"S": event["executionArn"]},
            ":lastExecution": {"S": event["executionArn"]},
            ":requestedAt": {"N": str(event["startedAt"])},
            ":spec": {"S": json.dumps(event["request"]["provision"]["spec"], separators=(",", ":"))},
            ":protected": {"BOOL": False},
            ":one": {"N": "1"},
        },
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    return {"status": "claimed"}
