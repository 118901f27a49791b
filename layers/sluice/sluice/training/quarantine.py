"""Moves files that break their data contract out of the data, with the reason beside them.

data/fraud/2026/may.csv  →  quarantine/fraud/2026/may.csv
                            quarantine/fraud/2026/may.csv.reason.json

A file that is too large to be copied within a function's time is only hidden: it stays a version of its key, behind a
delete marker, and the reason names that version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sluice.aws.s3 import MAX_KEY_BYTES, PREFIX
from sluice.aws.s3_copy import PART_BYTES, copy_object
from sluice.errors import AwsRefusedError
from sluice.events import ObjectCreated
from sluice.training.unreadable_upload import UnreadableUploadError

QUARANTINE = "quarantine/"
REASON = ".reason.json"
MAX_COPIED_BYTES = 32 << 30
"""Copied in parts, ten at a time, this takes about half of the function's 120 seconds."""

_GONE = ("NoSuchKey", "NoSuchVersion", "404")
_CHANGED = ("PreconditionFailed", "412")
_NOT_READABLE = ("InvalidObjectState", "InvalidRequest")
"""GetObject's answer for an archived object, and for one under a customer-provided key (SSE-C) that was not sent:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html."""

_OF_KEY = ("kms:", "ciphertext refers to a customer master key", "kms key")
"""What S3 says when it denies access because of the object's key. The second is older, and KMS's own text:
https://repost.aws/knowledge-center/s3-download-object-ciphertext-error"""


def quarantine_key(key: str) -> str:
    """Where a file below ``data/`` is kept once it is rejected; its reason names its own key.

    It is the same path where S3 has room for it, and for its reason, and it is not where another file's reason lies.
    """
    path = key.removeprefix(PREFIX)
    kept = QUARANTINE + path
    if len((kept + REASON).encode()) <= MAX_KEY_BYTES and not path.endswith(REASON):
        return kept
    unique = "~" + hashlib.sha256(key.encode()).hexdigest()[:16]
    room = MAX_KEY_BYTES - len((QUARANTINE + unique + REASON).encode())
    return QUARANTINE + path.encode()[:room].decode(errors="ignore") + unique


class Quarantine:
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def __init__(self, client: Any, part_bytes: int = PART_BYTES, max_copied_bytes: int = MAX_COPIED_BYTES) -> None:
        self._client = client
        self._part_bytes = part_bytes
        self._max_copied_bytes = max_copied_bytes

    def open(self, upload: ObjectCreated) -> Any | None:
        """The content of exactly the uploaded version, to be read and closed; None if it is gone.

        Raises:
            UnreadableUploadError: its KMS key cannot be used, or it is archived, or under a key of its uploader's.
        """
        try:
            return self._client.get_object(Bucket=upload.bucket, Key=upload.key, **_version(upload))["Body"]
        except AwsRefusedError as error:
            if error.code in _GONE:
                return None
            if _is_of_key(error):
                raise UnreadableUploadError(
                    "it is encrypted with a KMS key that cannot be used: deploy the stack with that key as "
                    f"DataKmsKeyArn, then upload it again ({error.message})",
                    may_pass=error.code == "AccessDenied",
                ) from error
            if error.code in _NOT_READABLE:
                raise UnreadableUploadError(
                    "S3 does not hand it out: it is archived, or encrypted with a key that only its uploader has; "
                    f"upload it in another storage class, without a key of the request's own ({error.message})",
                    may_pass=False,
                ) from error
            raise

    def keep(self, upload: ObjectCreated, reason: Mapping[str, Any]) -> str:
        """Copy the uploaded version and write the reason beside it; returns the copy's key.

        A version that is gone, because another delivery of its event was quicker, changes nothing. Of one that is too
        large to be copied only the reason is written, with the version that holds it, and the reason's key is returned.
        """
        key = quarantine_key(upload.key)
        is_copied = self._is_copied(upload)
        place = {} if is_copied else {"kept_as": {"key": upload.key, "version_id": upload.version_id}}
        body = json.dumps({**reason, **place}, indent=2, ensure_ascii=False).encode()
        try:
            if is_copied:
                source = {"Bucket": upload.bucket, "Key": upload.key, **_version(upload)}
                copy_object(self._client, source, upload.size, upload.bucket, key, part_bytes=self._part_bytes)
            self._client.put_object(Bucket=upload.bucket, Key=key + REASON, Body=body, ContentType="application/json")
        except AwsRefusedError as error:
            if error.code not in _GONE:
                raise
        return key if is_copied else key + REASON

    def remove(self, upload: ObjectCreated) -> None:
        """Delete that version for good. A good file of the same name, replaced by it, is current again.

        One that was not copied is hidden by a delete marker, if no newer upload has hidden it already.
        """
        if self._is_copied(upload):
            self._client.delete_object(Bucket=upload.bucket, Key=upload.key, **_version(upload))
        elif upload.version_id and self._is_current(upload):
            try:
                self._client.delete_object(Bucket=upload.bucket, Key=upload.key, **_if_unchanged(upload))
            except AwsRefusedError as error:
                if error.code not in (*_GONE, *_CHANGED):
                    raise  # else a newer upload has hidden it, or another delivery has

    def _is_copied(self, upload: ObjectCreated) -> bool:
        return upload.size <= self._max_copied_bytes

    def _is_current(self, upload: ObjectCreated) -> bool:
        try:
            found = self._client.head_object(Bucket=upload.bucket, Key=upload.key)
        except AwsRefusedError as error:
            if error.code in _GONE:
                return False
            raise
        return bool(found.get("VersionId") == upload.version_id)


def _is_of_key(error: AwsRefusedError) -> bool:
    """Whether S3 refused because of the object's key: as denied, or with an error such as KMS.DisabledException."""
    if error.code == "AccessDenied":
        return any(map(error.message_contains, _OF_KEY))
    return error.code.startswith("KMS.")


def _if_unchanged(upload: ObjectCreated) -> dict[str, str]:
    """The condition that the key still holds what was uploaded: a newer upload may come after it was looked at."""
    return {"IfMatch": f'"{upload.etag}"'} if upload.etag else {}


def _version(upload: ObjectCreated) -> dict[str, str]:
    return {"VersionId": upload.version_id} if upload.version_id else {}
