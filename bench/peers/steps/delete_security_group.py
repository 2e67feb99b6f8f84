"""Deletes the security groups that the environment owns, as delete-security-group does."""

import os
import re

import boto3

STACK = os.environ["ENVCACHE_STACK"]

ec2 = boto3.client("ec2")


def handler(event, _context):
    owned = ec2.describe_security_groups(
        Filters=[
            {"Name": "tag:envcache:environment", "Values": [event["environment"]]},
            {"Name": "tag:envcache:stack", "Values": [STACK]},
        ]
    )
    for group in owned["SecurityGroups"]:
        ec2.delete_security_group(GroupId=group["GroupId"])
    # Filters are case-sensitive, and names of groups are unique without regard to case.
    others = ec2.describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [event["vpcId"]]},
            {"Name": "group-name", "Values": [re.sub("[A-Za-z]", "?", event["securityGroupName"])]},
        ]
    )
    left = [group["GroupId"] for group in others["SecurityGroups"]]
    return {"status": "notOwned" if left else "absent", "left": left}
