"""Starts MiniStack, corrects where it differs from AWS, and ends it with the program that started it.

`ministack_iam` evaluates policies as AWS does.

A state machine's own calls, such as an announcement, stay within MiniStack. Here they go over the gateway as a
function's do, so that they too can fail.
"""

import contextvars
import json
import os
import shutil
import signal
import sys
import threading
from datetime import UTC, datetime
from urllib.parse import quote
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from ministack import app
from ministack.core import iam_actions
from ministack.services import ec2, elasticache, stepfunctions

import ministack_iam

ministack_iam.install()

# The state whose call is under way.
state = contextvars.ContextVar("state")
execute_task_of_ministack = stepfunctions._execute_task


def execute_task(definition, state_input, execution, context):
    state.set(context["State"]["Name"])
    return execute_task_of_ministack(definition, state_input, execution, context)


def name_the_state(request, **_):
    request.headers["X-Envcache-State"] = state.get()


def client(service):
    """One try, as Step Functions makes it. The gateway is told who calls."""
    one = boto3.client(service, config=Config(read_timeout=5, retries={"total_max_attempts": 1}))
    one.meta.events.register("before-sign", name_the_state)
    return one


call_lambda_of_ministack = stepfunctions._call_lambda


def call_lambda(function, event):
    """The gateway is told which state invokes the function: its calls don't say it. It answers with the error that Lambda
    rejects the invocation with, if any."""
    name = function.split(":function:")[-1].split(":")[0]
    headers = {
        "X-Envcache-Function": name.split("-")[1] if "-" in name else name,
        "X-Envcache-Environment": quote(str(event.get("environment"))),
        "X-Envcache-State": state.get(),
    }
    with urlopen(Request(os.environ["AWS_ENDPOINT_URL"], headers=headers)) as answer:
        error = answer.read().decode()
    if error:
        # Step Functions reports Lambda's errors as Lambda.ErrorName:
        # https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception
        raise stepfunctions._ExecutionError(f"Lambda.{error}", f"The function {name} is waking up")
    return call_lambda_of_ministack(function, event)


def integration(call, prefix, modelled, general):
    """A service integration. A fault of which the SDK behind it knows a class is named by that; every other has a
    general name, and its code and status stand in the cause, as in https://github.com/aws/aws-sdk-java/issues/2222"""

    def integrate(_resource, arguments):
        try:
            answer = call(arguments)
        except ClientError as error:
            described, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            code = described["Code"].removesuffix("Exception") + "Exception"
            cause = f"{described['Message']} (Service: {prefix}; Status Code: {status}; Error Code: {described['Code']})"
            raise stepfunctions._ExecutionError(f"{prefix}.{code if code in modelled else general}", cause)
        except ReadTimeoutError as error:
            raise stepfunctions._ExecutionError("States.Timeout", str(error))
        except BotoCoreError as error:
            raise stepfunctions._ExecutionError(f"{prefix}.SdkClientException", str(error))
        answer.pop("ResponseMetadata")
        return json.loads(json.dumps(answer, default=str))

    return integrate


events, dynamodb, sfn = client("events"), client("dynamodb"), client("stepfunctions")


def put_events(arguments):
    answer = events.put_events(
        Entries=[{**entry, "Detail": json.dumps(entry["Detail"])} for entry in arguments["Entries"]]
    )
    if answer["FailedEntryCount"]:
        # https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html
        raise stepfunctions._ExecutionError("EventBridge.FailedEntry", json.dumps(answer["Entries"]))
    return answer


def start_execution(arguments):
    """The optimized integration takes an object, and writes every field of its answer with a capital letter."""
    fields = {name[0].lower() + name[1:]: value for name, value in arguments.items()}
    answer = sfn.start_execution(**{**fields, "input": json.dumps(fields["input"])})
    return {name[0].upper() + name[1:]: value for name, value in answer.items()}


snapshot_of_ministack = elasticache._snapshot_xml


def snapshot(found):
    """MiniStack writes seconds since 1970; the Query protocol has ISO 8601, as in the example of
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeSnapshots.html"""
    nodes = [
        node | {"SnapshotCreateTime": datetime.fromtimestamp(node["SnapshotCreateTime"], UTC).isoformat()}
        for node in found["NodeSnapshots"]
    ]
    return snapshot_of_ministack(found | {"NodeSnapshots": nodes})


output_of_ministack = stepfunctions._apply_output_path


def output(definition, data, context=None):
    """MiniStack ignores the Output of a Succeed state:
    https://docs.aws.amazon.com/step-functions/latest/dg/state-succeed.html"""
    if definition["Type"] == "Succeed" and "Output" in definition:
        return stepfunctions._apply_jsonata_output(definition, data, context)
    return output_of_ministack(definition, data, context)


add_event_of_ministack = stepfunctions._add_event


def add_event(execution, kind, details):
    """MiniStack leaves out what a task's events always have:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskScheduledEventDetails.html"""
    of_task = {"resourceType": "lambda"}
    for name, missing in (
        ("taskScheduledEventDetails", {"region": os.environ["AWS_DEFAULT_REGION"], "parameters": "{}"}),
        ("taskSucceededEventDetails", of_task),
        ("taskFailedEventDetails", of_task),
        ("taskTimedOutEventDetails", of_task),
    ):
        if name in details:
            details[name] = missing | details[name]
    return add_event_of_ministack(execution, kind, details)


denial_of_ministack = iam_actions.access_denied_response


def denial(service, *arguments, **keywords):
    """MiniStack denies with HTTP 403. These services answer 400:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html
    https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html"""
    status, headers, body = denial_of_ministack(service, *arguments, **keywords)
    return 400 if service in {"dynamodb", "events", "states"} else status, headers, body


filters_of_ministack = ec2._parse_filters


class Patterns(list):
    """The values of a filter: `*` and `?` are wildcards, which MiniStack ignores in the names of security groups:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html"""

    def __contains__(self, value):
        return any(ec2._glob_match(pattern, value) for pattern in self)


def filters(parameters):
    return {name: Patterns(values) for name, values in filters_of_ministack(parameters).items()}


vpc_of_ministack = ec2._vpc_fields_xml


def vpc_fields(vpc, tag="item"):
    """MiniStack adds IDs to a VPC: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Vpc.html"""
    added = {"DefaultNetworkAclId", "DefaultSecurityGroupId", "MainRouteTableId"}
    return vpc_of_ministack({name: value for name, value in vpc.items() if name not in added}, tag)


cluster_of_ministack = elasticache._cluster_xml_inner


def cluster(found):
    """MiniStack adds a second ARN, and shows a replication group also where there is none:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html"""
    shown = cluster_of_ministack(found)
    for added in (f"<CacheClusterArn>{found['CacheClusterArn']}</CacheClusterArn>", "<ReplicationGroupId></ReplicationGroupId>"):
        shown = shown.replace(added, "")
    return shown


error_of_ministack = elasticache._error


def error(code, message, status):
    """MiniStack answers 404 for the tags of a subnet group:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html"""
    return error_of_ministack(code, message, 400 if code == "CacheSubnetGroupNotFoundFault" else status)


iam_actions.access_denied_response = denial
ec2._parse_filters = filters
ec2._vpc_fields_xml = vpc_fields
elasticache._cluster_xml_inner = cluster
elasticache._error = error
elasticache._snapshot_xml = snapshot
stepfunctions._add_event = add_event
stepfunctions._apply_output_path = output
stepfunctions._execute_task = execute_task
stepfunctions._call_lambda = call_lambda
in_dynamodb = ("DynamoDB", {"ConditionalCheckFailedException", "ResourceNotFoundException"}, "AmazonDynamoDBException")
in_step_functions = ("StepFunctions", {"ExecutionAlreadyExistsException"}, "SfnException")
in_events = ("EventBridge", set(), "EventBridgeException")
stepfunctions._invoke_nested_start_execution = integration(start_execution, *in_step_functions)
stepfunctions._SERVICE_DISPATCH |= {
    "arn:aws:states:::events:putEvents": integration(put_events, *in_events),
    "arn:aws:states:::dynamodb:updateItem": integration(lambda item: dynamodb.update_item(**item), *in_dynamodb),
}


def end_with_the_starter():
    """The starter holds the other end of standard input: it closes however the starter ends."""
    sys.stdin.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_the_starter, daemon=True).start()
    app.main()
