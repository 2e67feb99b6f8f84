"""Checks the policies of a template's roles against AWS's Service Authorization Reference.

Finds unknown actions, resource types and condition keys that an action doesn't support, and `*` for an action that
supports narrower resources. Prints one line for each finding, and fails if there is one.
Usage: policies.py TEMPLATE
"""

import json
import re
import sys

import yaml
from parliament import analyze_policy_string, is_arn_match

# DescribeExecution needs this ARN only for Express workflows; envcache's are Standard:
# https://docs.aws.amazon.com/step-functions/latest/dg/concept-create-iam-advanced.html
NOT_NEEDED = ("states:DescribeExecution", "arn:*:states:*:*:express:*:*:*")

# Keys of every action, which the reference doesn't list for each. Every call that a function's code makes has the first:
# https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-viaawsservice
KEYS_OF_ALL_ACTIONS = (
    "Unknown condition lambda:SourceFunctionArn",
    "Unknown condition aws:ViaAWSService",
)

# Example values of pseudo parameters and stack parameters.
PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/envcache/51af3dc0-da77-11e4-872e-1234567db123",
    "AWS::StackName": "envcache",
    "AllowedNodeTypes": "cache.t4g.micro,cache.t4g.small",
    "AllowLogDelivery": "true",
    "EventBusName": "default",
    "QueuesKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "RolePath": "/",
    "TableKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "VpcOwnerAccount": "210987654321",
}

# ARN formats by resource type.
ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:eu-west-1:123456789012:table/{}",
    "AWS::Logs::LogGroup": "logs:eu-west-1:123456789012:log-group:{}:*",
    "AWS::Serverless::Function": "lambda:eu-west-1:123456789012:function:{}",
    "AWS::Serverless::StateMachine": "states:eu-west-1:123456789012:stateMachine:{}",
    "AWS::SQS::Queue": "sqs:eu-west-1:123456789012:{}",
}


def load(file):
    """Returns the template, with tags such as `!Ref X` read as `{"Ref": "X"}`."""

    def tagged(loader, tag, node):
        read = {
            yaml.ScalarNode: loader.construct_scalar,
            yaml.SequenceNode: lambda node: loader.construct_sequence(node, deep=True),
            yaml.MappingNode: lambda node: loader.construct_mapping(node, deep=True),
        }
        return {tag: read[type(node)](node)}

    yaml.SafeLoader.add_multi_constructor("!", tagged)
    with open(file, encoding="utf-8") as template:
        return yaml.safe_load(template)


def resolved(value, resources):
    """Returns a value with example ARNs and names in place of the intrinsic functions."""

    def named(name):
        return PARAMETERS.get(name) or "arn:aws:" + ARNS[resources[name]["Type"]].format(name)

    if isinstance(value, list):
        return [resolved(inner, resources) for inner in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return named(value["Ref"])
    if "GetAtt" in value:
        return named(value["GetAtt"].removesuffix(".Arn"))
    if "Sub" in value:
        text, names = value["Sub"] if isinstance(value["Sub"], list) else (value["Sub"], {})
        names = {name: resolved(inner, resources) for name, inner in names.items()}
        substituted = lambda found: names.get(found[1]) or named(re.sub(r"\.(Arn|Name)$", "", found[1]))
        return re.sub(r"\$\{(.+?)\}", substituted, text)
    if "Select" in value:
        index, parts = value["Select"]
        return resolved(parts, resources)[index]
    if "Split" in value:
        separator, text = value["Split"]
        return resolved(text, resources).split(separator)
    if "If" in value:
        _, if_true, _ = value["If"]
        return resolved(if_true, resources)
    return {key: resolved(inner, resources) for key, inner in value.items()}


def listed(value):
    return value if isinstance(value, list) else [value]


def is_allowed_elsewhere(statements, action, format):
    """Returns whether any statement allows the action on a resource of this format."""
    return any(
        is_arn_match("", format, resource)
        for statement in statements
        if statement["Effect"] == "Allow" and action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    )


def findings_in(statement, statements):
    """Yields what is wrong with one of a role's statements."""
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    for finding in analyze_policy_string(json.dumps(policy)).findings:
        if finding.issue == "RESOURCE_MISMATCH":
            needed = [(one["action"], one["required_format"]) for one in finding.detail]
            for action, format in needed:
                if (action, format) != NOT_NEEDED and not is_allowed_elsewhere(statements, action, format):
                    yield f"{finding.issue}: {action} needs {format}"
        elif not str(finding.detail).startswith(KEYS_OF_ALL_ACTIONS):
            yield f"{finding.issue}: {finding.detail}"


def findings(template):
    resources = template["Resources"]
    for name, resource in resources.items():
        policies = {
            "AWS::IAM::Role": resource["Properties"].get("Policies", []),
            "AWS::IAM::ManagedPolicy": [resource["Properties"]],
        }.get(resource["Type"])
        if policies is not None:
            policies = resolved(policies, resources)
            statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
            for statement in statements:
                for finding in findings_in(statement, statements):
                    yield f"{name}, {statement['Sid']}: {finding}"


def main(file):
    found = list(findings(load(file)))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
