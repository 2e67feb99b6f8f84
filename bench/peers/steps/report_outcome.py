"""Records and announces an execution that timed out, and emits its metrics, as report-outcome does."""

import json
import os
import time

import boto3

STACK = os.environ["ENVCACHE_STACK"]
TABLE = os.environ["ENVIRONMENTS_TABLE"]
BUS = os.environ["EVENT_BUS_NAME"]

dynamodb = boto3.client("dynamodb")
events = boto3.client("events")
sfn = boto3.client("stepfunctions")


def handler(event, _context):
    detail = event["detail"]
    environment = json.loads(detail["input"])["environment"]
    seconds = (detail["stopDate"] - detail["startDate"]) / 1000
    history = sfn.get_execution_history(
        executionArn=detail["executionArn"],
        reverseOrder=True,
        maxResults=50,
        includeExecutionData=False,
    )
    entered = (event["stateEnteredEventDetails"] for event in history["events"] if "stateEnteredEventDetails" in event)
    step = next(entered)["name"]
    failure = {
        "step": step,
        "error": "Timeout",
        "reason": f"the execution timed out after {seconds / 60:.0f} minutes in {step}. Start it again: a new run continues "
        "where this one ended",
    }
    dynamodb.update_item(
        TableName=TABLE,
        Key={"environment": {"S": environment}},
        UpdateExpression="SET lastResult = :result, resultAt = :at",
        ConditionExpression="attribute_not_exists(resultAt) OR resultAt < :at",
        ExpressionAttributeValues={
            ":result": {"S": json.dumps({"execution": detail["executionArn"], **failure})},
            ":at": {"N": str(detail["stopDate"])},
        },
    )
    events.put_events(
        Entries=[
            {
                "EventBusName": BUS,
                "Source": "envcache",
                "DetailType": "Cache Provisioning Failed",
                "Detail": json.dumps({"environment": environment, "execution": detail["executionArn"], **failure}),
            }
        ]
    )
    print(json.dumps(metrics(environment, detail["name"], seconds)))
    return {"outcome": "Timeout", "announced": True, "recorded": True}


def metrics(environment, execution, seconds):
    """Returns the metrics of an execution in CloudWatch's embedded metric format."""
    return {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": "envcache",
                    "Dimensions": [["Stack", "Workflow"], ["Stack", "Workflow", "Outcome"]],
                    "Metrics": [
                        {"Name": "Runs", "Unit": "Count"},
                        {"Name": "Failures", "Unit": "Count"},
                        {"Name": "Duration", "Unit": "Seconds"},
                    ],
                }
            ],
        },
        "Runs": 1,
        "Failures": 0,
        "Duration": seconds,
        "Stack": STACK,
        "Workflow": "Provision",
        "Outcome": "Timeout",
        "environment": environment,
        "execution": execution,
    }
