"""Calls the AWS API as JSON on standard input says, one call after the other, and prints what came back as JSON.

boto3 checks the parameters of every call against AWS's own service models before it sends anything.
"""

import base64
import json
import sys
from datetime import datetime

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def plain(value):
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if hasattr(value, "read"):
        return value.read().decode()
    raise TypeError(str(type(value)))


def call(order, endpoint, region):
    credentials = order.get("credentials", {})
    client = boto3.client(
        order["service"],
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=credentials.get("AccessKeyId", "testing"),
        aws_secret_access_key=credentials.get("SecretAccessKey", "testing"),
        aws_session_token=credentials.get("SessionToken"),
        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    try:
        answer = getattr(client, order["operation"])(**order["parameters"])
        answer.pop("ResponseMetadata", None)
        return {"ok": True, "answer": answer}
    except ClientError as error:
        return {"ok": False, "code": error.response["Error"]["Code"], "message": str(error)}
    except BotoCoreError as error:
        return {"ok": False, "code": type(error).__name__, "message": str(error)}


order = json.load(sys.stdin)
results = [call(one, order["endpoint"], order["region"]) for one in order["calls"]]
json.dump(results, sys.stdout, default=plain)
