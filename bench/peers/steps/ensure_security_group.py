"""Creates the cache's security group, as ensure-security-group does."""

import os
import re

import boto3

STACK = os.environ["ENVCACHE_STACK"]

ec2 = boto3.client("ec2")


def handler(event, _context):
    spec, network = event["spec"], event["network"]
    environment, name = spec["environment"], spec["cache"]["securityGroupName"]
    # Filters are case-sensitive, and names of groups are unique without regard to case.
    found = ec2.describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [network["vpcId"]]},
            {"Name": "group-name", "Values": [re.sub("[A-Za-z]", "?", name)]},
        ]
    )
    if any(group["GroupName"].lower() == name.lower() for group in found["SecurityGroups"]):
        raise RuntimeError(f"security group {name} exists")
    created = ec2.create_security_group(
        VpcId=network["vpcId"],
        GroupName=name,
        Description=f"Cache of environment {environment}",
        TagSpecifications=[
            {
                "ResourceType": "security-group",
                "Tags": [
                    {"Key": "envcache:environment", "Value": environment},
                    {"Key": "envcache:stack", "Value": STACK},
                ],
            }
        ],
    )
    ec2.authorize_security_group_ingress(
        GroupId=created["GroupId"],
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": spec["cache"]["port"],
                "ToPort": spec["cache"]["port"],
                "UserIdGroupPairs": [
                    {
                        "GroupId": network["backendSecurityGroupId"],
                        "Description": f"Backend of environment {environment} to its cache",
                    }
                ],
            }
        ],
    )
    return {"securityGroupId": created["GroupId"]}
