"""Finds the VPC, its subnets, and the backend's security group, as resolve-network does."""

import boto3

ec2 = boto3.client("ec2")


def handler(event, _context):
    network = event["request"]["network"]
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [network["vpc"]]}])
    [vpc] = vpcs["Vpcs"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    by_name = {tag["Value"]: subnet for subnet in subnets for tag in subnet["Tags"] if tag["Key"] == "Name"}
    chosen = [by_name[name] for name in network["subnets"]]
    groups = ec2.describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [vpc["VpcId"]]},
            {"Name": "group-name", "Values": [network["backendSecurityGroup"]]},
        ]
    )
    [backend] = groups["SecurityGroups"]
    return {
        "network": {
            "vpcId": vpc["VpcId"],
            "subnetIds": [subnet["SubnetId"] for subnet in chosen],
            "zones": sorted({subnet["AvailabilityZone"] for subnet in chosen}),
            "backendSecurityGroupId": backend["GroupId"],
        }
    }
