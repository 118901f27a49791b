"""Moves files that break their data contract out of the data, with the reason beside them.

data/fraud/2026/may.csv  →  quarantine/fraud/2026/may.csv
                            quarantine/fraud/2026/may.csv.reason.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sluice.aws.s3 import PREFIX
from sluice.errors import AwsRefusedError
from sluice.events import ObjectCreated

QUARANTINE = "quarantine/"
REASON = ".reason.json"
_GONE = ("NoSuchKey", "NoSuchVersion", "404")


def quarantine_key(key: str) -> str:
    """Where a file below ``data/`` is kept once it is rejected."""
    return QUARANTINE + key.removeprefix(PREFIX)


class Quarantine:
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def open(self, upload: ObjectCreated) -> Any | None:
        """The content of exactly the uploaded version, to be read and closed; None if it is gone."""
        try:
            return self._client.get_object(Bucket=upload.bucket, Key=upload.key, **_version(upload))["Body"]
        except AwsRefusedError as error:
            if error.code in _GONE:
                return None
            raise

    def keep(self, upload: ObjectCreated, reason: Mapping[str, Any]) -> str:
        """Copy the uploaded version and write the reason beside it; returns the copy's key.

        A version that is gone, because another delivery of its event was quicker, changes nothing.
        """
        key = quarantine_key(upload.key)
        body = json.dumps(reason, indent=2, ensure_ascii=False).encode()
        try:
            self._client.copy_object(
                Bucket=upload.bucket,
                Key=key,
                CopySource={"Bucket": upload.bucket, "Key": upload.key, **_version(upload)},
                TaggingDirective="REPLACE",  # reading the tags of the original would need one permission more
            )
            self._client.put_object(Bucket=upload.bucket, Key=key + REASON, Body=body, ContentType="application/json")
        except AwsRefusedError as error:
            if error.code not in _GONE:
                raise
        return key

    def remove(self, upload: ObjectCreated) -> None:
        """Delete that version for good. A good file of the same name, replaced by it, is current again."""
        self._client.delete_object(Bucket=upload.bucket, Key=upload.key, **_version(upload))


def _version(upload: ObjectCreated) -> dict[str, str]:
    return {"VersionId": upload.version_id} if upload.version_id else {}
