"""Simulates VPCs that another account shares with this one by AWS RAM.

A test shares a VPC and its subnets by giving them the tag `simulator:owner`, whose value is the other account's ID. AWS
then differs from a VPC of the account in two ways:
- Tags of the VPC and its subnets can't be seen:
  https://docs.aws.amazon.com/vpc/latest/userguide/vpc-share-limitations.html
  https://github.com/aws/aws-cdk/issues/5142
- Policies authorize calls on the owner's ARN: the format in
  https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html has the account that owns the VPC.
"""

from ministack.core import iam_actions
from ministack.services import ec2

OWNER = "simulator:owner"

ministack_tag_set = ec2._tag_set_xml
ministack_matches_tags = ec2._resource_matches_tag_filters


def owner(resource_id):
    """Returns the ID of the account that shares a resource, or None if the account owns it."""
    return next((tag["Value"] for tag in ec2._tags.get(resource_id, []) if tag["Key"] == OWNER), None)


def tag_set(resource_id):
    return "<tagSet/>" if owner(resource_id) else ministack_tag_set(resource_id)


def matches_tags(resource_id, filters):
    by_tag = any(name.startswith("tag") for name in filters)
    return not (by_tag and owner(resource_id)) and ministack_matches_tags(resource_id, filters)


def with_owner(fields, resource_id):
    """Returns a function that describes a resource with its owner's account ID."""

    def described(resource, tag="item"):
        shared_by = owner(resource[resource_id])
        return fields({**resource, "OwnerId": shared_by} if shared_by else resource, tag)

    return described


def with_owner_account(arn, query, account):
    """Returns the ARN of a call's resource, which has the account ID of a shared VPC's owner."""
    shared_by = ":vpc/" in arn and owner(iam_actions._query_param(query, "VpcId"))
    return arn.replace(f":{account}:", f":{shared_by}:") if shared_by else arn


def install():
    """Replaces MiniStack's descriptions of VPCs and subnets."""
    ec2._tag_set_xml = tag_set
    ec2._resource_matches_tag_filters = matches_tags
    ec2._vpc_fields_xml = with_owner(ec2._vpc_fields_xml, "VpcId")
    ec2._subnet_fields_xml = with_owner(ec2._subnet_fields_xml, "SubnetId")
