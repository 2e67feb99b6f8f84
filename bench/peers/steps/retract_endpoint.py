"""Deletes the endpoint parameters that the environment owns, as retract-endpoint does."""

import os

import boto3

STACK = os.environ["ENVCACHE_STACK"]

ssm = boto3.client("ssm")


def handler(event, _context):
    leaves = ["primary-endpoint", "host", "port", "url", "reader-endpoint"]
    names = [f"{event['parameterPrefix']}/{leaf}" for leaf in leaves]
    found = {parameter["Name"] for parameter in ssm.get_parameters(Names=names)["Parameters"]}
    owner = {"envcache:environment": event["environment"], "envcache:stack": STACK}
    removed, left = [], []
    for name in names:
        if name not in found:
            continue
        answer = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)
        tags = {tag["Key"]: tag["Value"] for tag in answer["TagList"]}
        if owner.items() <= tags.items():
            ssm.delete_parameter(Name=name)
            removed.append(name)
        else:
            left.append(name)
    return {"removed": removed, "left": left}
