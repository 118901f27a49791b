"""The permissions on KMS keys that calls of S3 need besides their own. Pure.

To read an object that is encrypted with a KMS key takes kms:Decrypt, to write one kms:GenerateDataKey, and to write one
in parts both: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html. HeadObject needs the first
if it is to return the checksum: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html. Key policies are
not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from urllib.parse import unquote

from localaws.iam.permissions.permission import CallParams, Permission, Place, as_arn

_READS = frozenset({"GetObject"})
_WRITES = frozenset({"CopyObject", "CreateMultipartUpload", "PutObject"})
_IN_PARTS = frozenset({"CreateMultipartUpload"})


class ObjectKeys(Protocol):
    """Which KMS keys S3 uses."""

    def of_object(self, bucket: str, key: str, version_id: str | None) -> str | None:
        """The KMS key of an object; None if it has none, or does not exist."""

    def of_bucket(self, bucket: str) -> str | None:
        """The KMS key with which a bucket encrypts what says nothing else; None if it has none."""


def key_permissions(operation: str, params: CallParams, place: Place, keys: ObjectKeys) -> Iterator[Permission]:
    """The permissions that a call of S3 needs on KMS keys."""
    bucket, name = params.get("Bucket"), params.get("Key")
    if bucket is None or name is None:
        return
    is_read = operation in _READS or (operation == "HeadObject" and params.get("ChecksumMode") == "ENABLED")
    read = keys.of_object(bucket, name, params.get("VersionId")) if is_read else _source_key(params, keys)
    written = _written_key(params, keys) if operation in _WRITES else None
    if read or (written and operation in _IN_PARTS):
        yield _on_key("Decrypt", read or written or "", place)
    if written:
        yield _on_key("GenerateDataKey", written, place)


def _source_key(params: CallParams, keys: ObjectKeys) -> str | None:
    source = params.get("CopySource")
    if not source:
        return None
    path, _, version = unquote(str(source)).lstrip("/").rpartition("?versionId=")
    bucket, _, name = (path or version).partition("/")
    return keys.of_object(bucket, name, version if path else None)


def _written_key(params: CallParams, keys: ObjectKeys) -> str | None:
    if params.get("ServerSideEncryption") == "aws:kms":
        return str(params.get("SSEKMSKeyId") or "alias/aws/s3")
    return None if params.get("ServerSideEncryption") else keys.of_bucket(str(params["Bucket"]))


def _on_key(action: str, key: str, place: Place) -> Permission:
    kind = "" if key.startswith("alias/") else "key/"
    context = {"kms:ViaService": f"s3.{place.region}.amazonaws.com"}
    return Permission(f"kms:{action}", as_arn(key, place.arn("kms", f"{kind}{key}")), context)
