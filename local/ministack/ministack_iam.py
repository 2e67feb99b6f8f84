"""Adds the IAM policy checks that AWS does and MiniStack doesn't.

MiniStack checks one action on one resource per call. AWS checks every resource of a call, and a call that creates a
resource with tags also needs the permission to tag it. The sources are the columns "Resource types",
"Condition keys", and "Dependent actions" of the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html

A call that encrypts a resource also needs the caller's permissions on the KMS key, which is used through the called service:
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
"""

import json

import shared_vpc
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import elasticache, kms, tagging

ministack_resource_arn = iam_actions.extract_resource_arn
ministack_request_context = iam_actions.request_tag_context
ministack_enforce = iam_evaluator.enforce

# The context key that passes a call's additional checks from `request_context` to `enforce`.
FURTHER_CHECKS = "envcache:further-checks"

# The actions whose only resource is a parameter group.
PARAMETER_GROUP_ACTIONS = {
    "CreateCacheParameterGroup",
    "DeleteCacheParameterGroup",
    "DescribeCacheParameterGroups",
    "DescribeCacheParameters",
    "ModifyCacheParameterGroup",
    "ResetCacheParameterGroup",
}


def resource_arn(service, method, path, headers, body, query, region, account):
    """Returns the ARN of a call's resource.

    MiniStack returns "*" for calls on subnet groups, parameter groups, tags, and multiple parameters. A least-privilege policy
    denies "*". Among EC2 resources, only security groups are tagged here."""
    if service == "elasticache":
        tagged = iam_actions._query_param(query, "ResourceName")
        if tagged:
            return tagged
        snapshot = iam_actions._query_param(query, "SnapshotName")
        # A new cache is restored from a snapshot: see source_checks.
        if snapshot and iam_actions._query_param(query, "Action") != "CreateReplicationGroup":
            return f"arn:aws:elasticache:{region}:{account}:snapshot:{snapshot}"
        subnet_group = iam_actions._query_param(query, "CacheSubnetGroupName")
        if subnet_group and not iam_actions._query_param(query, "ReplicationGroupId"):
            return f"arn:aws:elasticache:{region}:{account}:subnetgroup:{subnet_group}"
        # A call that lists all groups has all of them as resource. DescribeEngineDefaultParameters has no resource.
        if iam_actions._query_param(query, "Action") in PARAMETER_GROUP_ACTIONS:
            parameter_group = iam_actions._query_param(query, "CacheParameterGroupName") or "*"
            return f"arn:aws:elasticache:{region}:{account}:parametergroup:{parameter_group}"
    if service == "ec2" and iam_actions._query_param(query, "Action") in ("CreateTags", "DeleteTags"):
        return f"arn:aws:ec2:{region}:{account}:security-group/{iam_actions._query_param(query, 'ResourceId.1')}"
    if service == "kms":
        # Policies authorize the key, also if the call names an alias of it:
        # https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
        # Which resource a call with a missing alias has isn't documented. Here, a policy on all keys allows it, and KMS
        # answers that the alias isn't found.
        key_id = iam_actions._safe_json_field(body, "KeyId")
        if "alias/" in key_id:
            return key_arn(key_id) or f"arn:aws:kms:{region}:{account}:key/missing"
    if service == "logs" and headers.get("x-amz-target", "").endswith(".DescribeLogGroups"):
        # A policy on one log group doesn't allow a call by prefix:
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-CWL.html
        return f"arn:aws:logs:{region}:{account}:log-group::log-stream:"
    if service == "ssm" and headers.get("x-amz-target", "").endswith(".GetParameters"):
        first = json.loads(body)["Names"][0]
        return f"arn:aws:ssm:{region}:{account}:parameter/{first.lstrip('/')}"
    tag_operations = ("TagsToResource", "TagsFromResource", "TagsForResource")
    if service == "ssm" and headers.get("x-amz-target", "").endswith(tag_operations):
        return f"arn:aws:ssm:{region}:{account}:parameter/{json.loads(body)['ResourceId'].lstrip('/')}"
    arn = ministack_resource_arn(service, method, path, headers, body, query, region, account)
    return shared_vpc.with_owner_account(arn, query, account) if service == "ec2" else arn


def key_arn(key_id):
    """Returns the ARN of the key with an ID, an ARN, or an alias, or None if there is none."""
    key = kms._resolve_key(key_id)
    return key and key["Arn"]


def request_context(service, iam_action, body, params):
    """Returns a request's condition keys, with the additional checks that AWS does for it."""
    context = ministack_request_context(service, iam_action, body, params)
    field = lambda name: iam_actions._query_param(params, name)
    node_type = field("CacheNodeType")
    if service == "elasticache" and node_type:
        context["elasticache:CacheNodeType"] = node_type
    checks = further_checks(iam_action, body, field, "aws:TagKeys" in context)
    return {**context, FURTHER_CHECKS: checks} if checks else context


def further_checks(iam_action, body, field, has_tags):
    """Returns the additional (action, resource, condition keys) checks of a call."""
    in_elasticache = f"arn:aws:elasticache:{get_region()}:{get_account_id()}"
    in_ec2 = f"arn:aws:ec2:{get_region()}:{get_account_id()}"
    if iam_action == "ec2:CreateSecurityGroup":
        new = f"{in_ec2}:security-group/sg-new"
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
        tag = [("ec2:CreateTags", new, {"ec2:CreateAction": "CreateSecurityGroup"})] if has_tags else []
        return [(iam_action, new, {}), *tag]
    if iam_action == "elasticache:CreateCacheSubnetGroup" and has_tags:
        name = field("CacheSubnetGroupName")
        return [("elasticache:AddTagsToResource", f"{in_elasticache}:subnetgroup:{name}", {})]
    if iam_action == "elasticache:CreateCacheParameterGroup" and has_tags:
        name = field("CacheParameterGroupName")
        return [("elasticache:AddTagsToResource", f"{in_elasticache}:parametergroup:{name}", {})]
    if iam_action == "elasticache:CreateReplicationGroup":
        group, member = (f"{in_elasticache}:{kind}:{field('ReplicationGroupId')}" for kind in ("replicationgroup", "cluster"))
        member += "-001"
        used = [
            f"{in_elasticache}:parametergroup:{field('CacheParameterGroupName') or 'default.valkey8'}",
            f"{in_elasticache}:subnetgroup:{field('CacheSubnetGroupName')}",
        ]
        tags = [("elasticache:AddTagsToResource", arn, {}) for arn in (group, member) if has_tags]
        return [
            (iam_action, member, {}),
            *((iam_action, arn, {}) for arn in used),
            *tags,
            *key_checks(field("KmsKeyId")),
            *source_checks(field),
            *log_checks(field),
        ]
    if iam_action in ("elasticache:AddTagsToResource", "elasticache:RemoveTagsFromResource"):
        # ElastiCache does the same with the group's members:
        # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Tagging-Resources.html
        # A new member has the group's tags, but not in MiniStack.
        group = elasticache._replication_group_for_arn(field("ResourceName")) or {}
        tags = tagging.resource_tags(field("ResourceName")) or {}
        keys = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
        members = group.get("MemberClusters") or []
        return [(iam_action, f"{in_elasticache}:cluster:{member}", keys) for member in members]
    if iam_action == "elasticache:ModifyReplicationGroup":
        name = field("CacheParameterGroupName")
        used = [(iam_action, f"{in_elasticache}:parametergroup:{name}", {})] if name else []
        return [*used, *log_checks(field)]
    if iam_action == "elasticache:DeleteReplicationGroup" and field("FinalSnapshotIdentifier"):
        snapshot = f"{in_elasticache}:snapshot:{field('FinalSnapshotIdentifier')}"
        # ElastiCache copies the group's tags to the snapshot. Whether a deletion needs the tagging permission isn't
        # documented; CreateSnapshot lists it as a dependent action.
        return [(action, snapshot, {}) for action in (iam_action, "elasticache:CreateSnapshot", "elasticache:AddTagsToResource")]
    if iam_action == "logs:CreateLogGroup" and has_tags:
        # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
        name = json.loads(body)["logGroupName"]
        return [("logs:TagResource", f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{name}", {})]
    if iam_action == "ssm:PutParameter" and has_tags:
        name = json.loads(body)["Name"].lstrip("/")
        return [("ssm:AddTagsToResource", f"arn:aws:ssm:{get_region()}:{get_account_id()}:parameter/{name}", {})]
    return []


def key_checks(key_id):
    """Returns the checks of a cache's KMS key: ElastiCache describes the key and creates a grant, with the caller's
    permissions.

    A condition on kms:ViaService needs both service names, and which call has which isn't documented, so every call is
    checked with each: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/at-rest-encryption.html
    Grants themselves aren't simulated."""
    key = key_id and key_arn(key_id)
    return [
        (action, key, {"kms:ViaService": f"{service}.{get_region()}.amazonaws.com"})
        for action in ("kms:DescribeKey", "kms:CreateGrant")
        for service in ("elasticache", "dax")
        if key
    ]


def source_checks(field):
    """Returns the checks of what a new cache is restored from: the snapshot, or each file. ElastiCache reads the files for
    the caller, who needs s3:GetObject on them:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/IAM.APIReference.html"""
    checks = []
    if field("SnapshotName"):
        arn = f"arn:aws:elasticache:{get_region()}:{get_account_id()}:snapshot:{field('SnapshotName')}"
        tags = tagging.resource_tags(arn) or {}
        keys = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
        checks.append(("elasticache:CreateReplicationGroup", arn, keys))
    number = 1
    while file := field(f"SnapshotArns.SnapshotArn.{number}"):
        keys = {"aws:ViaAWSService": "true", "aws:ResourceAccount": get_account_id()}
        checks.append(("s3:GetObject", file, keys))
        number += 1
    return checks


def log_checks(field):
    """Returns the checks of a call that changes the delivery of a cache's logs: the caller needs each of these permissions.
    Which of them ElastiCache uses for which change isn't documented:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Logging-destinations.html"""
    if not field("LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.LogType"):
        return []
    actions = (
        "CreateLogDelivery",
        "GetLogDelivery",
        "UpdateLogDelivery",
        "DeleteLogDelivery",
        "ListLogDeliveries",
        "PutResourcePolicy",
        "DescribeResourcePolicies",
        "DescribeLogGroups",
    )
    return [(f"logs:{action}", "*", {}) for action in actions]


def enforce(access_key, iam_action, service, region, resource_arn="*", service_context=None):
    """Returns None if every check allows the call, otherwise the first denial."""
    context = dict(service_context or {})
    checks = [(iam_action, resource_arn, {}), *context.pop(FURTHER_CHECKS, [])]
    for action, resource, keys in checks:
        # A key has a policy of its own, which must allow the call too.
        checked = "kms" if action.startswith("kms:") else service
        denied = ministack_enforce(
            access_key, action, checked, region, resource_arn=resource, service_context={**context, **keys}
        )
        if denied:
            return denied
    return None


def security_group_tags():
    """Yields each security group's ARN and tags."""
    from ministack.services import ec2

    for resource, tags in ec2._tags.items():
        if resource.startswith("sg-"):
            yield f"arn:aws:ec2:{get_region()}:{get_account_id()}:security-group/{resource}", tags


def install():
    """Replaces MiniStack's policy evaluation."""
    iam_actions.extract_resource_arn = resource_arn
    iam_actions.request_tag_context = request_context
    iam_evaluator.enforce = enforce
    # EC2 operations have their tags in this member.
    iam_actions._TAG_MEMBERS |= {"TagSpecifications"}
    # The services whose resources' tags are available to policies as aws:ResourceTag.
    tagging._RESOURCE_TAG_COLLECTORS |= {"ec2": security_group_tags, "elasticache": tagging._collect_elasticache}
