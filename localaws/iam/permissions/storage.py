"""Permissions of the services that keep data: S3, DynamoDB and the parameter store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from localaws.iam.conditions import ContextValue
from localaws.iam.permissions.permission import CallParams, Permission, Place, as_arn

# Where the action is not the operation's name. Operations on objects and on buckets are distinguished by Key.
_S3_ACTIONS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
_TAGGING = {"CopyObject", "CreateMultipartUpload", "PutObject"}
_VERSIONED = {"GetObject", "DeleteObject", "GetObjectTagging"}


def s3(operation: str, params: CallParams, _place: Place) -> list[Permission]:
    """One permission per object or bucket; a copy also reads its source."""
    bucket = params.get("Bucket")
    if operation == "DeleteObjects":
        objects = params.get("Delete", {}).get("Objects", [])
        return [_on_object("DeleteObject", f"{bucket}/{item.get('Key')}", item) for item in objects]
    action = _S3_ACTIONS.get(operation, operation)
    needed = list(_copy_source(params))
    if bucket is None:
        return [Permission(f"s3:{action}", "*")]
    if params.get("Tagging") and operation in _TAGGING:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html; API_CreateMultipartUpload.html
        needed.append(Permission("s3:PutObjectTagging", f"arn:aws:s3:::{bucket}/{params.get('Key')}"))
    if operation == "DeleteObject" and params.get("IfMatch") not in (None, "*"):
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html
        needed.append(_on_object("GetObject", f"{bucket}/{params['Key']}", {}))
    if params.get("Key") is not None:
        return [*needed, _on_object(action, f"{bucket}/{params['Key']}", params)]
    context = {"s3:prefix": str(params.get("Prefix") or "")} if action == "ListBucket" else {}
    return [Permission(f"s3:{action}", f"arn:aws:s3:::{bucket}", context)]


def _on_object(action: str, path: str, params: CallParams) -> Permission:
    if params.get("VersionId") and action in _VERSIONED:
        action = {"GetObjectTagging": "GetObjectVersionTagging"}.get(action, f"{action}Version")
    return Permission(f"s3:{action}", f"arn:aws:s3:::{path}")


def _copy_source(params: CallParams) -> Iterator[Permission]:
    source = params.get("CopySource")
    if source:
        path, _, version = unquote(str(source)).lstrip("/").partition("?versionId=")
        yield _on_object("GetObject", path, {"VersionId": version})


_ITEM_ACTIONS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "Get": "GetItem"} | {
    "ConditionCheck": "ConditionCheckItem"
}


def dynamodb(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """A transaction needs the permission of each of its items; a batch its own on each table.

    Calls on items are asked for with their partition keys, so that a policy can bind a role to some:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    if operation in {"TransactWriteItems", "TransactGetItems"}:
        return [
            Permission(
                f"dynamodb:{_ITEM_ACTIONS[kind]}", _table(place, item["TableName"]), _leading_keys(item, [item], place)
            )
            for entry in params.get("TransactItems", [])
            for kind, item in entry.items()
        ]
    if operation in {"BatchGetItem", "BatchWriteItem"}:
        return [
            Permission(
                f"dynamodb:{operation}",
                _table(place, name),
                _leading_keys({"TableName": name}, _of_batch(wanted), place),
            )
            for name, wanted in params.get("RequestItems", {}).items()
        ]
    if operation in {"TagResource", "UntagResource", "ListTagsOfResource"}:
        return [Permission(f"dynamodb:{operation}", params.get("ResourceArn", "*"))]
    if not params.get("TableName"):
        return [Permission(f"dynamodb:{operation}", "*")]
    table = _table(place, params["TableName"])
    index = params.get("IndexName")
    if index:
        return [Permission(f"dynamodb:{operation}", f"{table}/index/{index}")]
    return [Permission(f"dynamodb:{operation}", table, _leading_keys(params, [params], place))]


_EQUALS = re.compile(r"\(?\s*([#\w]+)\s*=\s*(:\w+)")


def _leading_keys(
    on_table: Mapping[str, Any], wanted: Iterable[Mapping[str, Any]], place: Place
) -> dict[str, ContextValue]:
    """The partition keys of items that are read or written by them, or queried; empty for calls on a whole table."""
    name = place.partition_key(str(on_table["TableName"]).rpartition("/")[2])
    found = {value for each in wanted for value in _values(each, name)} if name else set()
    return {"dynamodb:LeadingKeys": tuple(sorted(found))} if found else {}


def _of_batch(wanted: Any) -> Iterator[Mapping[str, Any]]:
    """Of one table in BatchGetItem, or in BatchWriteItem."""
    if isinstance(wanted, Mapping):
        yield from ({"Key": key} for key in wanted.get("Keys", []))
    else:
        yield from (request for each in wanted for request in each.values())


def _values(request: Mapping[str, Any], name: str) -> Iterator[str]:
    held = request.get("Key") or request.get("Item") or {}
    if name in held:
        yield from map(str, held[name].values())
    values = request.get("ExpressionAttributeValues", {})
    for key, value in _EQUALS.findall(request.get("KeyConditionExpression", "")):
        if request.get("ExpressionAttributeNames", {}).get(key, key) == name and value in values:
            yield from map(str, values[value].values())


def _table(place: Place, name: str) -> str:
    return as_arn(name, place.arn("dynamodb", f"table/{name}"))


def ssm(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """Parameters by name or path. A leading slash of the name is not repeated in the ARN."""
    names = params.get("Names") or [params.get("Name") or params.get("Path")]
    if names == [None]:
        return [Permission(f"ssm:{operation}", "*")]
    return [
        Permission(f"ssm:{operation}", as_arn(name, place.arn("ssm", f"parameter/{name.lstrip('/')}")))
        for name in names
    ]
