"""Creates the same resources as envcache and publishes the same parameters, with boto3 and botocore's waiter.

Reads envcache's request, a JSON object, from standard input. It can run again after it failed, because it accepts what exists,
and it keeps boto3's default retries. Prints the endpoint.
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError

spec = json.load(sys.stdin)
environment, network = spec["environment"], spec["network"]


def add_state_header(request, **_):
    request.headers["X-Envcache-State"] = "Peer"


def client(service):
    """Returns a client whose calls the simulator records, throttles, and fails, as those of envcache's functions."""
    sdk_client = boto3.client(service)
    sdk_client.meta.events.register("before-sign", add_state_header)
    return sdk_client


ec2, elasticache, ssm = client("ec2"), client("elasticache"), client("ssm")


def unless(code, call, **parameters):
    """Makes a call. Returns nothing if it fails with this error code."""
    try:
        return call(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
        return None


def filters(**values):
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in values.items()]


def group_id(vpc, name):
    found = ec2.describe_security_groups(Filters=filters(vpc_id=vpc, group_name=name))
    return found["SecurityGroups"][0]["GroupId"]


vpc_filter = {"Name": "tag:Name", "Values": [network["vpc"]]}
vpc = ec2.describe_vpcs(Filters=[vpc_filter])["Vpcs"][0]["VpcId"]
subnets = ec2.describe_subnets(Filters=[*filters(vpc_id=vpc), {"Name": "tag:Name", "Values": network["subnets"]}])
backend = group_id(vpc, network["backendSecurityGroup"])

name = f"{environment}-redis-sg"
description = f"Cache of environment {environment}"
created = unless("InvalidGroup.Duplicate", ec2.create_security_group, VpcId=vpc, GroupName=name, Description=description)
group = created["GroupId"] if created else group_id(vpc, name)
unless(
    "InvalidPermission.Duplicate",
    ec2.authorize_security_group_ingress,
    GroupId=group,
    IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "UserIdGroupPairs": [{"GroupId": backend}]},
    ],
)
subnet_group = f"{environment}-cached-subnet-group"
unless(
    "CacheSubnetGroupAlreadyExists",
    elasticache.create_cache_subnet_group,
    CacheSubnetGroupName=subnet_group,
    CacheSubnetGroupDescription=description,
    SubnetIds=[subnet["SubnetId"] for subnet in subnets["Subnets"]],
)
cache = f"{environment}-redis"
unless(
    "ReplicationGroupAlreadyExists",
    elasticache.create_replication_group,
    ReplicationGroupId=cache,
    ReplicationGroupDescription=f"in memory db for {environment}",
    Engine="valkey",
    EngineVersion="8.2",
    CacheNodeType="cache.t3.micro",
    NumCacheClusters=1,
    AutomaticFailoverEnabled=False,
    MultiAZEnabled=False,
    CacheSubnetGroupName=subnet_group,
    SecurityGroupIds=[group],
    Port=6379,
    SnapshotRetentionLimit=1,
    AtRestEncryptionEnabled=True,
    TransitEncryptionEnabled=True,
)
elasticache.get_waiter("replication_group_available").wait(ReplicationGroupId=cache)
described = elasticache.describe_replication_groups(ReplicationGroupId=cache)["ReplicationGroups"][0]
endpoint = described["NodeGroups"][0]["PrimaryEndpoint"]
host, port = endpoint["Address"], str(endpoint["Port"])
for leaf, value in {
    "primary-endpoint": f"{host}:{port}",
    "host": host,
    "port": port,
    "url": f"rediss://{host}:{port}",
}.items():
    ssm.put_parameter(Name=f"/{environment}/cache/{leaf}", Value=value, Type="String", Overwrite=True)
print(f"{host}:{port}")
