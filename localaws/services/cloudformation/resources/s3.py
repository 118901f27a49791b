"""Buckets and their policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation, document
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, not_yet, not_yet_deleted
from localaws.services.cloudformation.resources.stack import Made
from localaws.services.cloudformation.template.errors import PropertyError


def make_bucket(creation: Creation) -> Made:
    name = creation.name_from("BucketName", longest=63, lower=True)
    location = None if creation.region == "us-east-1" else {"LocationConstraint": creation.region}
    creation.call("s3", "CreateBucket", {"Bucket": name, "CreateBucketConfiguration": location})
    for property_name, (operation, member, translated) in _BUCKET_SETTINGS.items():
        value = creation.take(property_name)
        if value is not None:
            creation.call("s3", operation, {"Bucket": name, member: translated(value)})
    tags = creation.tags()
    if tags:
        creation.call("s3", "PutBucketTagging", {"Bucket": name, "Tagging": {"TagSet": tags}})
    host = f"{name}.s3.{creation.region}.amazonaws.com"
    attributes = {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": host,
    }
    return Made(physical_id=name, attributes=attributes)


def _as_it_is(value: Any) -> Any:
    return value


def _encryption(value: Mapping[str, Any]) -> dict[str, Any]:
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"]:
        by_default = dict(rule.get("ServerSideEncryptionByDefault", {}))
        if "KMSMasterKeyId" in by_default:  # the API spells the same setting with a capital D
            by_default["KMSMasterKeyID"] = by_default.pop("KMSMasterKeyId")
        others = {name: item for name, item in rule.items() if name != "ServerSideEncryptionByDefault"}
        rules.append({"ApplyServerSideEncryptionByDefault": by_default, **others})
    return {"Rules": rules}


def _notification(value: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(value.keys() - {"EventBridgeConfiguration"})
    if unknown:
        raise PropertyError(f"NotificationConfiguration.{unknown[0]}", "only EventBridge notifications are supported")
    enabled = value.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", False)
    return {"EventBridgeConfiguration": {}} if str(enabled).lower() == "true" else {}


def _lifecycle(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """CloudFormation writes a rule flat, the API nests it."""
    left = dict(rule)
    made: dict[str, Any] = {
        "Status": left.pop("Status"),
        "Filter": {"Prefix": left.pop("Prefix", "")},
        "ID": left.pop("Id", None),
        "Expiration": _expiration(left),
        "NoncurrentVersionExpiration": left.pop("NoncurrentVersionExpiration", None),
        "AbortIncompleteMultipartUpload": left.pop("AbortIncompleteMultipartUpload", None),
    }
    for name in sorted(left):
        problem = "not supported by the local CloudFormation"
        raise PropertyError(f"LifecycleConfiguration.Rules.{name}", problem)
    return {name: item for name, item in made.items() if item is not None}


def _expiration(left: dict[str, Any]) -> dict[str, Any] | None:
    given = {
        "Days": left.pop("ExpirationInDays", None),
        "ExpiredObjectDeleteMarker": left.pop("ExpiredObjectDeleteMarker", None),
    }
    return {name: item for name, item in given.items() if item is not None} or None


_BUCKET_SETTINGS = {
    "VersioningConfiguration": ("PutBucketVersioning", "VersioningConfiguration", _as_it_is),
    "BucketEncryption": ("PutBucketEncryption", "ServerSideEncryptionConfiguration", _encryption),
    "PublicAccessBlockConfiguration": ("PutPublicAccessBlock", "PublicAccessBlockConfiguration", _as_it_is),
    "OwnershipControls": ("PutBucketOwnershipControls", "OwnershipControls", _as_it_is),
    "LifecycleConfiguration": ("PutBucketLifecycleConfiguration", "LifecycleConfiguration", _lifecycle),
    "NotificationConfiguration": (
        "PutBucketNotificationConfiguration",
        "NotificationConfiguration",
        _notification,
    ),
}


def make_bucket_policy(creation: Creation) -> Made:
    bucket = creation.need("Bucket")
    policy = document(creation.need("PolicyDocument"))
    creation.call("s3", "PutBucketPolicy", {"Bucket": bucket, "Policy": policy})
    return Made(physical_id=bucket)


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::S3::Bucket": handler(make_bucket, not_yet, not_yet_deleted),
    "AWS::S3::BucketPolicy": handler(make_bucket_policy, not_yet, not_yet_deleted),
}
