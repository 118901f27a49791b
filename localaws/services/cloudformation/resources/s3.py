"""Buckets and their policies.

What an update replaces is each type's ``createOnlyProperties`` in the CloudFormation registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation, document
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, made_before
from localaws.services.cloudformation.resources.stack import DeployedResource, Made
from localaws.services.cloudformation.resources.tags import tag_list, tag_map
from localaws.services.cloudformation.template.errors import PropertyError


def create_bucket(creation: Creation) -> Made:
    name = creation.name_from("BucketName", longest=63, lower=True)
    creation.refuse_existing(name, "s3", "GetBucketLocation", {"Bucket": name})
    location = None if creation.region == "us-east-1" else {"LocationConstraint": creation.region}
    creation.call("s3", "CreateBucket", {"Bucket": name, "CreateBucketConfiguration": location})
    creation.exists_as(name)
    for property_name, setting in _BUCKET_SETTINGS.items():
        value = creation.take(property_name)
        if value is not None:
            setting.put(creation, name, value)
    return Made(physical_id=name, attributes=_attributes(creation, name))


def _attributes(creation: Creation, name: str) -> dict[str, str]:
    return {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{creation.region}.amazonaws.com",
    }


def update_bucket(creation: Creation, deployed: DeployedResource) -> Made:
    """Setting by setting; one removed from the template returns to its default."""
    name = deployed.physical_id
    for property_name, setting in _BUCKET_SETTINGS.items():
        value = creation.take(property_name)
        if value == deployed.properties.get(property_name):
            continue
        if value is None:
            setting.remove(creation, name)
        else:
            setting.put(creation, name, value)
    return made_before(deployed)


def delete_bucket(creation: Creation, deployed: DeployedResource) -> None:
    """S3 refuses one with objects, noncurrent versions or delete markers in it."""
    creation.call_unless_gone("s3", "DeleteBucket", {"Bucket": deployed.physical_id})


def _as_it_is(value: Any) -> Any:
    return value


def _tag_set(value: Any) -> dict[str, Any]:
    return {"TagSet": tag_list(tag_map(value))}


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
        "Filter": _lifecycle_filter(left.pop("Prefix", ""), left.pop("TagFilters", [])),
        "ID": left.pop("Id", None),
        "Expiration": _expiration(left),
        "NoncurrentVersionExpiration": left.pop("NoncurrentVersionExpiration", None),
        "AbortIncompleteMultipartUpload": left.pop("AbortIncompleteMultipartUpload", None),
    }
    for name in sorted(left):
        problem = "not supported by the local CloudFormation"
        raise PropertyError(f"LifecycleConfiguration.Rules.{name}", problem)
    return {name: item for name, item in made.items() if item is not None}


def _lifecycle_filter(prefix: str, tags: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The API has one criterion alone, several in ``And``."""
    if not tags:
        return {"Prefix": prefix}
    if len(tags) == 1 and not prefix:
        return {"Tag": dict(tags[0])}
    return {"And": {**({"Prefix": prefix} if prefix else {}), "Tags": [dict(each) for each in tags]}}


def _expiration(left: dict[str, Any]) -> dict[str, Any] | None:
    given = {
        "Days": left.pop("ExpirationInDays", None),
        "ExpiredObjectDeleteMarker": left.pop("ExpiredObjectDeleteMarker", None),
    }
    return {name: item for name, item in given.items() if item is not None} or None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """How one property of a bucket is set, and how the default is restored."""

    operation: str
    member: str  # of the operation, the value goes there
    translated: Callable[[Any], Any] = _as_it_is
    removal: str | None = None  # the operation that deletes the setting
    default: Any = None  # where there is no such operation, the value that counts as none

    def put(self, creation: Creation, bucket: str, value: Any) -> None:
        self._put(creation, bucket, self.translated(value))

    def remove(self, creation: Creation, bucket: str) -> None:
        if self.removal is None:
            self._put(creation, bucket, self.default)
        else:
            creation.call("s3", self.removal, {"Bucket": bucket})

    def _put(self, creation: Creation, bucket: str, value: Any) -> None:
        creation.call("s3", self.operation, {"Bucket": bucket, self.member: value})


_BUCKET_SETTINGS: Mapping[str, _Setting] = {
    "VersioningConfiguration": _Setting(  # a bucket that once had versions can only suspend them
        operation="PutBucketVersioning", member="VersioningConfiguration", default={"Status": "Suspended"}
    ),
    "BucketEncryption": _Setting(
        operation="PutBucketEncryption",
        member="ServerSideEncryptionConfiguration",
        translated=_encryption,
        removal="DeleteBucketEncryption",
    ),
    "PublicAccessBlockConfiguration": _Setting(
        operation="PutPublicAccessBlock", member="PublicAccessBlockConfiguration", removal="DeletePublicAccessBlock"
    ),
    "OwnershipControls": _Setting(
        operation="PutBucketOwnershipControls", member="OwnershipControls", removal="DeleteBucketOwnershipControls"
    ),
    "LifecycleConfiguration": _Setting(
        operation="PutBucketLifecycleConfiguration",
        member="LifecycleConfiguration",
        translated=_lifecycle,
        removal="DeleteBucketLifecycle",
    ),
    "NotificationConfiguration": _Setting(
        operation="PutBucketNotificationConfiguration",
        member="NotificationConfiguration",
        translated=_notification,
        default={},
    ),
    "Tags": _Setting(
        operation="PutBucketTagging", member="Tagging", translated=_tag_set, removal="DeleteBucketTagging"
    ),
}


def create_bucket_policy(creation: Creation) -> Made:
    bucket = creation.need("Bucket")
    creation.refuse_existing(bucket, "s3", "GetBucketPolicy", {"Bucket": bucket})
    return _put_bucket_policy(creation, bucket)


def update_bucket_policy(creation: Creation, deployed: DeployedResource) -> Made:
    return _put_bucket_policy(creation, deployed.properties["Bucket"])


def _put_bucket_policy(creation: Creation, bucket: str) -> Made:
    policy = document(creation.need("PolicyDocument"))
    creation.call("s3", "PutBucketPolicy", {"Bucket": bucket, "Policy": policy})
    return Made(physical_id=bucket)


def delete_bucket_policy(creation: Creation, deployed: DeployedResource) -> None:
    creation.call_unless_gone("s3", "DeleteBucketPolicy", {"Bucket": deployed.properties["Bucket"]})


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::S3::Bucket": handler(
        create_bucket,
        update_bucket,
        delete_bucket,
        replaced_by=("BucketName", "BucketNamePrefix", "BucketNamespace"),
    ),
    "AWS::S3::BucketPolicy": handler(
        create_bucket_policy, update_bucket_policy, delete_bucket_policy, replaced_by=("Bucket",)
    ),
}
