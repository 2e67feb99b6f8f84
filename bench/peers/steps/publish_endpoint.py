"""Publishes the endpoint in Parameter Store, as publish-endpoint does for the first run of an environment."""

import os

import boto3

STACK = os.environ["ENVCACHE_STACK"]

ssm = boto3.client("ssm")


def handler(event, _context):
    spec, primary = event["spec"], event["endpoints"]["primary"]
    environment, prefix = spec["environment"], spec["parameterPrefix"]
    address = f"{primary['host']}:{primary['port']}"
    parameters = [
        ("primary-endpoint", address, "Primary endpoint (host:port)"),
        ("host", primary["host"], "Host of the primary endpoint"),
        ("port", str(primary["port"]), "Port of the primary endpoint"),
        ("url", f"rediss://{address}", "URL (TLS) of the primary endpoint"),
    ]
    names = [f"{prefix}/{leaf}" for leaf, _, _ in parameters]
    found = ssm.get_parameters(Names=[*names, f"{prefix}/reader-endpoint"])
    if found["Parameters"]:
        raise RuntimeError(f"{found['Parameters']} exist")
    for name, (_, value, what) in zip(names, parameters):
        ssm.put_parameter(
            Name=name,
            Value=value,
            Description=f"{what} of the cache of environment {environment}",
            Type="String",
            Tags=[
                {"Key": "envcache:environment", "Value": environment},
                {"Key": "envcache:stack", "Value": STACK},
            ],
        )
    return {"primaryEndpoint": address, "url": f"rediss://{address}", "written": names}
