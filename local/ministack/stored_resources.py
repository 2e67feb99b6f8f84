"""Adds rules of AWS that MiniStack lacks, and that depend on the resources that it stores.

MiniStack applies them after the IAM policies, as AWS does. The rules that depend only on the request are in the gateway.
"""

import json

from ministack.core.responses import json_response
from ministack.services import ec2, elasticache, eventbridge, ssm, stepfunctions

# The filters of DescribeSecurityGroups that MiniStack applies.
MINISTACK_FILTERS = {"group-name", "tag-key", "vpc-id"}

# How many tags a resource can have: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
MOST_TAGS = 50

# Further filters of DescribeSecurityGroups, with the values that a group has for them:
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html
GROUP_FILTERS = {
    "group-id": lambda group: {group["GroupId"]},
    "ip-permission.group-id": lambda group: referenced_groups(peers(group["IpPermissions"])),
    "egress.ip-permission.group-id": lambda group: referenced_groups(peers(group["IpPermissionsEgress"])),
}

ministack_describe_groups = ec2._describe_security_groups


def describe_security_groups(parameters):
    """Rejects filters that the simulator doesn't apply, so that a wrong name fails. The message is that of
    https://github.com/aws/aws-cli/issues/7225"""
    for name in ec2._parse_filters(parameters):
        if name not in MINISTACK_FILTERS and name not in GROUP_FILTERS and not name.startswith("tag:"):
            return ec2._error("InvalidParameterValue", f"The filter '{name}' is invalid", 400)
    return ministack_describe_groups(parameters)


def with_group_filters(matches_tags):
    """Returns a function that applies `GROUP_FILTERS` to a security group, in addition to the filters of tags."""

    def matches(resource_id, filters):
        group = ec2._security_groups.get(resource_id)
        applied = [name for name in GROUP_FILTERS if group and name in filters]
        return matches_tags(resource_id, filters) and all(
            any(value in filters[name] for value in GROUP_FILTERS[name](group)) for name in applied
        )

    return matches


def peers(permissions):
    """Returns the sources or destinations of rules, each with protocol and ports. AWS stores a rule for each:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html"""
    kinds = {"IpRanges": "CidrIp", "Ipv6Ranges": "CidrIpv6", "PrefixListIds": "PrefixListId", "UserIdGroupPairs": "GroupId"}
    return {
        (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"), peer[field])
        for rule in permissions
        for kind, field in kinds.items()
        for peer in rule.get(kind, [])
        if field in peer
    }


def referenced_groups(found):
    """Returns the IDs of the security groups among the peers."""
    return {peer for *_, peer in found if peer.startswith("sg-")}


ministack_authorize_ingress = ec2._authorize_sg_ingress


def authorize_ingress(parameters):
    """Rejects rules that exist, and rules from groups that don't exist. A rule's description doesn't matter:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    https://github.com/galaxyproject/cloudlaunch/issues/56"""
    requested = peers(ec2._parse_ip_permissions(parameters, "IpPermissions"))
    missing = missing_groups(referenced_groups(requested))
    if missing:
        return group_not_found(missing[0])
    group = ec2._security_groups.get(ec2._p(parameters, "GroupId"))
    duplicates = requested & peers(group["IpPermissions"]) if group else set()
    for protocol, first, last, peer in duplicates:
        rule = f"peer: {peer}, {protocol.upper()}, from port: {first}, to port: {last}, ALLOW"
        return ec2._error("InvalidPermission.Duplicate", f'the specified rule "{rule}" already exists', 400)
    return ministack_authorize_ingress(parameters)


def has_too_many_tags(found, added):
    """Returns whether a resource with the tags `found` would have too many. A new value of one of its tags doesn't count:
    https://github.com/getmoto/moto/issues/8150"""
    return len({tag["Key"] for tag in [*found, *added]}) > MOST_TAGS


ministack_create_tags = ec2._create_tags


def create_tags(parameters):
    """Rejects tags of security groups that don't exist, and too many tags. Sources of the errors:
    https://github.com/galaxyproject/cloudlaunch/issues/174
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""
    ids = ec2._parse_member_list(parameters, "ResourceId")
    missing = missing_groups(ids)
    if missing:
        return group_not_found(missing[0])
    added = ec2._parse_tags(parameters)
    if any(has_too_many_tags(ec2._tags.get(resource_id, []), added) for resource_id in ids):
        return ec2._error("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.", 400)
    return ministack_create_tags(parameters)


ministack_delete_tags = ec2._delete_tags


def delete_tags(parameters):
    """Removes all tags if the call names none: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html"""
    if not ec2._parse_tags(parameters):
        for resource_id in ec2._parse_member_list(parameters, "ResourceId"):
            ec2._tags.pop(resource_id, None)
    return ministack_delete_tags(parameters)


def missing_groups(ids):
    """Returns the IDs of security groups that don't exist."""
    return [group_id for group_id in ids if group_id.startswith("sg-") and group_id not in ec2._security_groups]


def group_not_found(group_id):
    return ec2._error("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist", 400)


ministack_start_execution = stepfunctions._start_execution


def start_execution(data):
    """Returns the running execution with the same name and input, if there is one:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""
    machine = data["stateMachineArn"].replace(":stateMachine:", ":execution:")
    found = stepfunctions._executions.get(f"{machine}:{data.get('name')}")
    if found and found["status"] == "RUNNING" and found["input"] == data.get("input", "{}"):
        return json_response({name: found[name] for name in ("executionArn", "startDate")})
    return ministack_start_execution(data)


def of_parameter(operation):
    """Returns an operation on a parameter's tags that rejects a parameter that doesn't exist:
    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListTagsForResource.html
    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html
    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_RemoveTagsFromResource.html"""

    def checked(data):
        name = data["ResourceId"]
        if data["ResourceType"] == "Parameter" and ssm._lookup_parameter(name, flexible_name=True) == (None, None):
            # AWS returned no message: https://github.com/getmoto/moto/issues/4360
            return json_response({"__type": "InvalidResourceId"}, 400)
        return operation(data)

    return checked


ministack_add_parameter_tags = ssm._add_tags_to_resource


def add_parameter_tags(data):
    """Rejects too many tags. AWS's message isn't known; this one is based on the error's name:
    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html"""
    found = ssm._tags.get(ssm._parameter_tag_arn(data["ResourceType"], data["ResourceId"]), {})
    if has_too_many_tags([{"Key": key} for key in found], data["Tags"]):
        return json_response({"__type": "TooManyTagsError", "message": "Too many tags."}, 400)
    return ministack_add_parameter_tags(data)


ministack_add_tags = elasticache._add_tags


def add_tags(parameters):
    """Rejects too many tags. The message is the error's description:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_AddTagsToResource.html"""
    found = elasticache._tags.get(elasticache._p(parameters, "ResourceName"), [])
    if has_too_many_tags(found, elasticache._extract_tags(parameters)):
        message = (
            "The request cannot be processed because it would cause the resource to have more than the allowed number of "
            "tags."
        )
        return elasticache._error("TagQuotaPerResourceExceeded", message, 400)
    return ministack_add_tags(parameters)


ministack_remove_tags = elasticache._remove_tags


def remove_tags(parameters):
    """Rejects a tag that the resource doesn't have. The message is the error's description:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_RemoveTagsFromResource.html"""
    found = elasticache._tags.get(elasticache._p(parameters, "ResourceName"))
    removed = set(elasticache._extract_configs(parameters, "TagKeys", ("member",)))
    if found is not None and removed - {tag["Key"] for tag in found}:
        return elasticache._error("TagNotFound", "The requested tag was not found on this resource.", 404)
    return ministack_remove_tags(parameters)


ministack_describe_snapshots = elasticache._describe_snapshots


def describe_snapshots(parameters):
    """Rejects a name that doesn't exist:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeSnapshots.html"""
    name = elasticache._p(parameters, "SnapshotName")
    if name and name not in elasticache._snapshots:
        return elasticache._error("SnapshotNotFoundFault", f"Snapshot {name} not found", 404)
    return ministack_describe_snapshots(parameters)


ministack_put_events = eventbridge._put_events


def put_events(data, **options):
    """Rejects the entries whose detail isn't a JSON object, and puts the others. Sources of the rule and the message:
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html
    https://github.com/baselime/lambda-node-opentelemetry/pull/1"""
    malformed = [not is_object(entry.get("Detail", "{}")) for entry in data["Entries"]]
    if not any(malformed):
        return ministack_put_events(data, **options)
    put = [entry for entry, is_malformed in zip(data["Entries"], malformed) if not is_malformed]
    _, _, body = ministack_put_events({**data, "Entries": put}, **options)
    answer = json.loads(body)
    results = iter(answer["Entries"])
    rejection = {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    entries = [rejection if is_malformed else next(results) for is_malformed in malformed]
    return json_response({"FailedEntryCount": answer["FailedEntryCount"] + sum(malformed), "Entries": entries})


def is_object(detail):
    try:
        return isinstance(json.loads(detail), dict)
    except ValueError:
        return False


def install():
    """Replaces MiniStack's operations."""
    ec2._ACTION_MAP |= {
        "AuthorizeSecurityGroupIngress": authorize_ingress,
        "CreateTags": create_tags,
        "DeleteTags": delete_tags,
        "DescribeSecurityGroups": describe_security_groups,
    }
    # MiniStack calls this function for each group that it describes.
    ec2._resource_matches_tag_filters = with_group_filters(ec2._resource_matches_tag_filters)
    elasticache._add_tags = add_tags
    elasticache._describe_snapshots = describe_snapshots
    elasticache._remove_tags = remove_tags
    eventbridge._put_events = put_events
    ssm._add_tags_to_resource = of_parameter(add_parameter_tags)
    ssm._list_tags_for_resource = of_parameter(ssm._list_tags_for_resource)
    ssm._remove_tags_from_resource = of_parameter(ssm._remove_tags_from_resource)
    stepfunctions._start_execution = start_execution
