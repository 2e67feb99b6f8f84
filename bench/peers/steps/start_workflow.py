"""Starts an execution for an EventBridge event, as start-workflow does."""

import json
import os

import boto3

STATE_MACHINES = {
    "Environment Created": os.environ["PROVISION_STATE_MACHINE_ARN"],
    "Environment Deleted": os.environ["DEPROVISION_STATE_MACHINE_ARN"],
}

sfn = boto3.client("stepfunctions")


def handler(event, _context):
    name = f"{event['detail']['environment']}-{event['id']}"
    request = {**event["detail"], "event": {"id": event["id"], "time": event["time"]}}
    sfn.start_execution(
        stateMachineArn=STATE_MACHINES[event["detail-type"]],
        name=name,
        input=json.dumps(request),
    )
    return {"executionName": name}
