"""Evaluates IAM policies as AWS does, where MiniStack evaluates less.

MiniStack checks one action on one resource per call. AWS checks every resource of a call, and a call that creates a
resource with tags also needs the permission to tag it. The sources are the tables of the Service Authorization
Reference, in particular the columns "Resource types", "Condition keys", and "Dependent actions":
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
"""

import json

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import tagging

read_by_ministack = iam_actions.extract_resource_arn
context_of_ministack = iam_actions.request_tag_context
enforce_one_of_ministack = iam_evaluator.enforce

# The key of a context under which the further checks of a call travel from its request to its evaluation.
FURTHER_CHECKS = "envcache:further-checks"


def resource_arn(service, method, path, headers, body, query, region, account):
    """The resource that a call is about. MiniStack reads none from a call on a subnet group, on tags (only security
    groups are tagged here), or on several parameters, and evaluates "*", which a least-privilege policy denies."""
    if service == "elasticache":
        tagged = iam_actions._query_param(query, "ResourceName")
        if tagged:
            return tagged
        snapshot = iam_actions._query_param(query, "SnapshotName")
        if snapshot:
            return f"arn:aws:elasticache:{region}:{account}:snapshot:{snapshot}"
        subnet_group = iam_actions._query_param(query, "CacheSubnetGroupName")
        if subnet_group and not iam_actions._query_param(query, "ReplicationGroupId"):
            return f"arn:aws:elasticache:{region}:{account}:subnetgroup:{subnet_group}"
    if service == "ec2" and iam_actions._query_param(query, "Action") == "CreateTags":
        return f"arn:aws:ec2:{region}:{account}:security-group/{iam_actions._query_param(query, 'ResourceId.1')}"
    if service == "ssm" and headers.get("x-amz-target", "").endswith(".GetParameters"):
        first = json.loads(body)["Names"][0]
        return f"arn:aws:ssm:{region}:{account}:parameter/{first.lstrip('/')}"
    if service == "ssm" and headers.get("x-amz-target", "").endswith(("TagsToResource", "TagsForResource")):
        return f"arn:aws:ssm:{region}:{account}:parameter/{json.loads(body)['ResourceId'].lstrip('/')}"
    return read_by_ministack(service, method, path, headers, body, query, region, account)


def request_context(service, iam_action, body, params):
    """The condition keys of a request, and what else AWS checks before it carries the request out."""
    context = context_of_ministack(service, iam_action, body, params)
    field = lambda name: iam_actions._query_param(params, name)
    node_type = field("CacheNodeType")
    if service == "elasticache" and node_type:
        context["elasticache:CacheNodeType"] = node_type
    checks = further_checks(iam_action, body, field, "aws:TagKeys" in context)
    return {**context, FURTHER_CHECKS: checks} if checks else context


def further_checks(iam_action, body, field, has_tags):
    """The actions and resources, beside its own, that a call needs, each with its further condition keys."""
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
    if iam_action == "elasticache:CreateReplicationGroup":
        group, member = (f"{in_elasticache}:{kind}:{field('ReplicationGroupId')}" for kind in ("replicationgroup", "cluster"))
        member += "-001"
        used = [
            f"{in_elasticache}:parametergroup:{field('CacheParameterGroupName') or 'default.valkey8'}",
            f"{in_elasticache}:subnetgroup:{field('CacheSubnetGroupName')}",
        ]
        tags = [("elasticache:AddTagsToResource", one, {}) for one in (group, member) if has_tags]
        return [(iam_action, member, {}), *((iam_action, one, {}) for one in used), *tags]
    if iam_action == "elasticache:ModifyReplicationGroup" and field("CacheParameterGroupName"):
        return [(iam_action, f"{in_elasticache}:parametergroup:{field('CacheParameterGroupName')}", {})]
    if iam_action == "elasticache:DeleteReplicationGroup" and field("FinalSnapshotIdentifier"):
        snapshot = f"{in_elasticache}:snapshot:{field('FinalSnapshotIdentifier')}"
        # ElastiCache copies the group's tags to the snapshot. That the caller needs the permission is not documented for
        # a deletion; CreateSnapshot lists it as a dependent action.
        return [(action, snapshot, {}) for action in (iam_action, "elasticache:CreateSnapshot", "elasticache:AddTagsToResource")]
    if iam_action == "ssm:PutParameter" and has_tags:
        name = json.loads(body)["Name"].lstrip("/")
        return [("ssm:AddTagsToResource", f"arn:aws:ssm:{get_region()}:{get_account_id()}:parameter/{name}", {})]
    return []


def enforce(access_key, iam_action, service, region, resource_arn="*", service_context=None):
    """None if every check allows the call; otherwise the first denial."""
    context = dict(service_context or {})
    checks = [(iam_action, resource_arn, {}), *context.pop(FURTHER_CHECKS, [])]
    for action, resource, keys in checks:
        denied = enforce_one_of_ministack(
            access_key, action, service, region, resource_arn=resource, service_context={**context, **keys}
        )
        if denied:
            return denied
    return None


def security_group_tags():
    from ministack.services import ec2

    for resource, tags in ec2._tags.items():
        if resource.startswith("sg-"):
            yield f"arn:aws:ec2:{get_region()}:{get_account_id()}:security-group/{resource}", tags


def install():
    """Replaces MiniStack's evaluation with this one."""
    iam_actions.extract_resource_arn = resource_arn
    iam_actions.request_tag_context = request_context
    iam_evaluator.enforce = enforce
    # Operations of EC2 carry their tags in this member.
    iam_actions._TAG_MEMBERS |= {"TagSpecifications"}
    # The services whose resources show their tags to a policy, as aws:ResourceTag.
    tagging._RESOURCE_TAG_COLLECTORS |= {"ec2": security_group_tags, "elasticache": tagging._collect_elasticache}
