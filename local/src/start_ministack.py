"""Starts MiniStack, mends where it differs from AWS, and ends it with the program that started it.

MiniStack holds a policy's Resource against the ARN that it reads from a request. For a call on a subnet
group, on tags or on several parameters it reads none and asks for "*", which a least-privilege policy
denies and AWS does not ask for:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html

A state machine's own calls, such as an announcement, stay within MiniStack. Here they go over the gateway as a
function's do, so that they too can fail.
"""

import json
import os
import shutil
import signal
import sys
import threading

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from ministack import app
from ministack.core import iam_actions
from ministack.services import stepfunctions

read_by_ministack = iam_actions.extract_resource_arn


def resource_arn(service, method, path, headers, body, query, region, account):
    if service == "elasticache":
        tagged = iam_actions._query_param(query, "ResourceName")
        if tagged:
            return tagged
        subnet_group = iam_actions._query_param(query, "CacheSubnetGroupName")
        if subnet_group and not iam_actions._query_param(query, "ReplicationGroupId"):
            return f"arn:aws:elasticache:{region}:{account}:subnetgroup:{subnet_group}"
    if service == "ssm" and headers.get("x-amz-target", "").endswith(".GetParameters"):
        first = json.loads(body)["Names"][0]
        return f"arn:aws:ssm:{region}:{account}:parameter/{first.lstrip('/')}"
    return read_by_ministack(service, method, path, headers, body, query, region, account)


iam_actions.extract_resource_arn = resource_arn

# One try, as Step Functions makes it; the name tells the gateway who calls.
events = boto3.client(
    "events", config=Config(user_agent_appid="state-machine", read_timeout=5, retries={"total_max_attempts": 1})
)


def put_events(_resource, arguments):
    """The integration of https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html"""
    entries = [{**entry, "Detail": json.dumps(entry["Detail"])} for entry in arguments["Entries"]]
    try:
        answer = events.put_events(Entries=entries)
    except ClientError as error:
        described = error.response["Error"]
        raise stepfunctions._ExecutionError(f"EventBridge.{described['Code']}", described["Message"])
    except ReadTimeoutError as error:
        raise stepfunctions._ExecutionError("States.Timeout", str(error))
    except BotoCoreError as error:
        raise stepfunctions._ExecutionError("EventBridge.SdkClientException", str(error))
    if answer["FailedEntryCount"]:
        raise stepfunctions._ExecutionError("EventBridge.FailedEntry", json.dumps(answer["Entries"]))
    return answer


stepfunctions._SERVICE_DISPATCH["arn:aws:states:::events:putEvents"] = put_events


def end_with_the_starter():
    """The starter holds the other end of standard input: it closes however the starter ends."""
    sys.stdin.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_the_starter, daemon=True).start()
    app.main()
