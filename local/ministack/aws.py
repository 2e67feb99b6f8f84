"""Calls AWS for the demo and the tests with boto3, a client that shares no code with the functions.

Reads one JSON request per line from standard input: {"service", "operation", "parameters"}, and "credentials" for a
caller other than the account's root user. Writes one JSON reply per line to standard output: {"answer"} or
{"error": {"code", "message"}}.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

# In seconds. MiniStack starts the functions of an event before it answers PutEvents, so hundreds of events at once take longer
# than botocore's 60 seconds, after which it would send them again.
READ_TIMEOUT = 600
CONFIG = Config(retries={"max_attempts": 1}, parameter_validation=True, read_timeout=READ_TIMEOUT)
clients = {}


def client_of(service, credentials):
    """Returns a cached client for a service and a caller. `credentials` are those that AssumeRole returns."""
    key = (service, credentials and credentials["AccessKeyId"])
    if key not in clients:
        caller = credentials and {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }
        clients[key] = boto3.client(service, config=CONFIG, **(caller or {}))
    return clients[key]


def call(service, operation, parameters, credentials=None):
    client = client_of(service, credentials)
    if client.can_paginate(operation):
        pages = client.get_paginator(operation).paginate(**parameters)
        return pages.build_full_result()
    answer = getattr(client, operation)(**parameters)
    answer.pop("ResponseMetadata", None)
    return {name: value.read().decode() if hasattr(value, "read") else value for name, value in answer.items()}


for line in sys.stdin:
    request = json.loads(line)
    try:
        reply = {"answer": call(**request)}
    except ClientError as error:
        fault = error.response["Error"]
        reply = {"error": {"code": fault["Code"], "message": fault["Message"]}}
    except (BotoCoreError, ResponseParserError, TypeError) as error:
        reply = {"error": {"code": type(error).__name__, "message": str(error)}}
    print(json.dumps(reply, default=str), flush=True)
