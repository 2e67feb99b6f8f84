"""Starts MiniStack, mends where it differs from AWS, and ends it with the program that started it.

MiniStack holds a policy's Resource against the ARN that it reads from a request. For a call on a subnet
group, on tags or on several parameters it reads none and asks for "*", which a least-privilege policy
denies and AWS does not ask for:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
"""

import json
import os
import shutil
import signal
import sys
import threading

from ministack import app
from ministack.core import iam_actions

read_by_ministack = iam_actions.extract_resource_arn


def resource_arn(service, method, path, headers, body, query, region, account):
    if service == "elasticache":
        tagged = iam_actions._query_param(query, "ResourceName")
        if tagged:
            return tagged
        subnet_group = iam_actions._query_param(query, "CacheSubnetGroupName")
        if subnet_group and not iam_actions._query_param(query, "ReplicationGroupId"):
            return f"arn:aws:elasticache:{region}:{account}:subnetgroup:{subnet_group}"
    if service == "ssm" and headers.get("x-amz-target", "").endswith(".GetParameters"):
        first = json.loads(body)["Names"][0]
        return f"arn:aws:ssm:{region}:{account}:parameter/{first.lstrip('/')}"
    return read_by_ministack(service, method, path, headers, body, query, region, account)


iam_actions.extract_resource_arn = resource_arn


def end_with_the_starter():
    """The starter holds the other end of standard input: it closes however the starter ends."""
    sys.stdin.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_the_starter, daemon=True).start()
    app.main()
