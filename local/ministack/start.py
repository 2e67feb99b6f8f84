"""Starts MiniStack, corrects its differences from AWS, and exits with the program that started it.

`ministack_iam` corrects the evaluation of policies, `shared_vpc` simulates VPCs that another account shares, and
`stored_resources` adds rules that depend on resources.

MiniStack makes a state machine's own calls, such as `events:putEvents`, internally. This module sends them through the
gateway, like those of functions, so that tests can make them fail.
"""

import contextlib
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
from ministack.services import ec2, elasticache, iam, lambda_svc, stepfunctions
from ministack.services.cloudformation import provisioners

import ministack_iam
import shared_vpc
import stored_resources

ministack_iam.install()

# The name of the state that is executing.
state = contextvars.ContextVar("state")
ministack_execute_task = stepfunctions._execute_task


def execute_task(definition, state_input, execution, context):
    state.set(context["State"]["Name"])
    return ministack_execute_task(definition, state_input, execution, context)


def add_state_header(request, **_):
    request.headers["X-Envcache-State"] = state.get()


def client(service):
    """Returns a client that names the calling state to the gateway, and makes one attempt, like Step Functions."""
    sdk_client = boto3.client(service, config=Config(read_timeout=5, retries={"total_max_attempts": 1}))
    sdk_client.meta.events.register("before-sign", add_state_header)
    return sdk_client


def inform_gateway(headers):
    """Sends headers to the gateway, and returns its response: why an operation fails, or an empty text."""
    with urlopen(Request(os.environ["AWS_ENDPOINT_URL"], headers=headers)) as answer:
        return answer.read().decode()


ministack_call_lambda = stepfunctions._call_lambda


def call_lambda(function, event):
    """Invokes a function, after informing the gateway which state invokes it: the function's calls don't contain that.

    The gateway's response is the name of the error with which Lambda rejects the invocation, or empty."""
    name = function.split(":function:")[-1].split(":")[0]
    headers = {
        "X-Envcache-Function": name.split("-")[1] if "-" in name else name,
        "X-Envcache-Environment": quote(str(event.get("environment"))),
        "X-Envcache-State": state.get(),
    }
    error = inform_gateway(headers)
    if error:
        # Step Functions reports Lambda's errors as Lambda.ErrorName:
        # https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception
        raise stepfunctions._ExecutionError(f"Lambda.{error}", f"The function {name} is inactive or pending")
    return ministack_call_lambda(function, event)


# The environment that the current invocation of a function is about.
environment = contextvars.ContextVar("environment", default="")
ministack_execute_function = lambda_svc._execute_function_provided_warm
# A limit for the functions that run at the same time. Further ones wait.
functions_at_once = os.environ.get("ENVCACHE_FUNCTIONS_AT_ONCE")
function_slots = threading.Semaphore(int(functions_at_once)) if functions_at_once else contextlib.nullcontext()


def execute_function(function, event, request_id):
    environment.set(quote(str(event.get("environment", ""))))
    with function_slots:
        return ministack_execute_function(function, event, request_id)


def trace_id(_configuration):
    """Returns a trace header with the environment in a field of its own. The SDK adds the header to the function's calls, and
    some of them, such as DescribeEngineDefaultParameters, don't name the environment.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader"""
    return f"Root=1-5759e988-bd862e3fe1be46a994272793;Environment={environment.get()}"


def integration(call, prefix, modeled, general):
    """Returns a service integration that makes a call and reports its errors as Step Functions does.

    An error code in `modeled` becomes the error name. Every other error has the name `general`; its cause contains the
    code and status, as in https://github.com/aws/aws-sdk-java/issues/2222"""

    def integrate(_resource, arguments):
        try:
            answer = call(arguments)
        except ClientError as error:
            described, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            code = described["Code"].removesuffix("Exception") + "Exception"
            cause = f"{described['Message']} (Service: {prefix}; Status Code: {status}; Error Code: {described['Code']})"
            raise stepfunctions._ExecutionError(f"{prefix}.{code if code in modeled else general}", cause)
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
    """Acts as the optimized integration: `Input` is an object, and response fields are capitalized."""
    fields = {name[0].lower() + name[1:]: value for name, value in arguments.items()}
    answer = sfn.start_execution(**{**fields, "input": json.dumps(fields["input"])})
    return {name[0].upper() + name[1:]: value for name, value in answer.items()}


ministack_snapshot = elasticache._snapshot_xml


def snapshot(found):
    """Writes times in ISO 8601. MiniStack writes seconds since 1970. Source: the example of
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeSnapshots.html"""
    nodes = [
        node | {"SnapshotCreateTime": datetime.fromtimestamp(node["SnapshotCreateTime"], UTC).isoformat()}
        for node in found["NodeSnapshots"]
    ]
    return ministack_snapshot(found | {"NodeSnapshots": nodes})


ministack_output = stepfunctions._apply_output_path


def output(definition, data, context=None):
    """Applies the Output of a Succeed state, which MiniStack ignores:
    https://docs.aws.amazon.com/step-functions/latest/dg/state-succeed.html"""
    if definition["Type"] == "Succeed" and "Output" in definition:
        return stepfunctions._apply_jsonata_output(definition, data, context)
    return ministack_output(definition, data, context)


ministack_add_event = stepfunctions._add_event


def add_event(execution, kind, details):
    """Adds the required fields of a task's events, which MiniStack omits:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskScheduledEventDetails.html"""
    resource_type = {"resourceType": "lambda"}
    for name, missing in (
        ("taskScheduledEventDetails", {"region": os.environ["AWS_DEFAULT_REGION"], "parameters": "{}"}),
        ("taskSucceededEventDetails", resource_type),
        ("taskFailedEventDetails", resource_type),
        ("taskTimedOutEventDetails", resource_type),
    ):
        if name in details:
            details[name] = missing | details[name]
    return ministack_add_event(execution, kind, details)


ministack_denial = iam_actions.access_denied_response


def denial(service, *arguments, **keywords):
    """Denies with HTTP 400 for some services. MiniStack always uses 403:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html
    https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html
    https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html"""
    status, headers, body = ministack_denial(service, *arguments, **keywords)
    return 400 if service in {"dynamodb", "events", "kms", "states"} else status, headers, body


ministack_filters = ec2._parse_filters


class Patterns(list):
    """A filter's values, in which `*` and `?` are wildcards. MiniStack ignores them in security group names:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html"""

    def __contains__(self, value):
        return any(ec2._glob_match(pattern, value) for pattern in self)


def filters(parameters):
    return {name: Patterns(values) for name, values in ministack_filters(parameters).items()}


ministack_vpc_fields = ec2._vpc_fields_xml


def vpc_fields(vpc, tag="item"):
    """Removes IDs that MiniStack adds to a VPC: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Vpc.html"""
    added = {"DefaultNetworkAclId", "DefaultSecurityGroupId", "MainRouteTableId"}
    return ministack_vpc_fields({name: value for name, value in vpc.items() if name not in added}, tag)


ministack_cluster = elasticache._cluster_xml_inner


def cluster(found):
    """Removes the second ARN and the empty replication group ID that MiniStack adds:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html"""
    xml = ministack_cluster(found)
    for added in (f"<CacheClusterArn>{found['CacheClusterArn']}</CacheClusterArn>", "<ReplicationGroupId></ReplicationGroupId>"):
        xml = xml.replace(added, "")
    return xml


ministack_error = elasticache._error


def error(code, message, status):
    """Answers HTTP 400 for a missing subnet group. MiniStack answers 404 for its tags:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html"""
    return ministack_error(code, message, 400 if code == "CacheSubnetGroupNotFoundFault" else status)


# The default parameter groups that MiniStack lacks:
# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html
for name, description in (
    ("default.valkey9", "Default parameter group for valkey9"),
    ("default.valkey9.cluster.on", "Customized default parameter group for valkey9 with cluster mode on"),
):
    elasticache._DEFAULT_PARAM_GROUP_FAMILIES.append((name, "valkey9", description))
    elasticache._DEFAULT_PARAM_GROUP_NAMES.add(name)

role_handlers = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
ministack_create_role = role_handlers["create"]


def create_role(logical_id, properties, stack):
    """Creates a role with its permissions boundary, which MiniStack ignores, unless the gateway denies that."""
    boundary = properties.get("PermissionsBoundary", "")
    denied = inform_gateway({"X-Envcache-Role": logical_id, "X-Envcache-Boundary": boundary})
    if denied:
        raise ValueError(denied)
    name, attributes = ministack_create_role(logical_id, properties, stack)
    iam._roles[name]["PermissionsBoundary"] = boundary or None
    return name, attributes


role_handlers["create"] = create_role
iam_actions.access_denied_response = denial
ec2._parse_filters = filters
ec2._vpc_fields_xml = vpc_fields
shared_vpc.install()
stored_resources.install()
elasticache._cluster_xml_inner = cluster
elasticache._error = error
elasticache._snapshot_xml = snapshot
lambda_svc._execute_function_provided_warm = execute_function
lambda_svc._xray_trace_id_for_invocation = trace_id
stepfunctions._add_event = add_event
stepfunctions._apply_output_path = output
stepfunctions._execute_task = execute_task
stepfunctions._call_lambda = call_lambda
dynamodb_errors = ("DynamoDB", {"ConditionalCheckFailedException", "ResourceNotFoundException"}, "AmazonDynamoDBException")
step_functions_errors = ("StepFunctions", {"ExecutionAlreadyExistsException"}, "SfnException")
event_bridge_errors = ("EventBridge", set(), "EventBridgeException")
stepfunctions._invoke_nested_start_execution = integration(start_execution, *step_functions_errors)
stepfunctions._SERVICE_DISPATCH |= {
    "arn:aws:states:::events:putEvents": integration(put_events, *event_bridge_errors),
    "arn:aws:states:::dynamodb:updateItem": integration(lambda item: dynamodb.update_item(**item), *dynamodb_errors),
}


def exit_with_parent():
    """Waits until the parent exits, which closes standard input. Then deletes the temporary files and kills the group."""
    sys.stdin.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=exit_with_parent, daemon=True).start()
    app.main()
