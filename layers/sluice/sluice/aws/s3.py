"""The data bucket: small objects, versions of uploads, and which model an upload is for."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from os.path import commonprefix
from typing import Any

from sluice.aws.paging import OBJECT_VERSIONS, pages
from sluice.errors import AwsRefusedError

PREFIX = "data/"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What HeadObject reports of an object; ``size`` is in bytes."""

    size: int
    written_at: datetime
    etag: str = ""
    version_id: str = ""  # empty in a bucket without versions


class DataBucket:
    """Reads and writes small objects of the data bucket."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def read(self, uri: str, most_bytes: int | None = None) -> bytes | None:
        """An object by its ``s3://`` URI, or its first ``most_bytes``; None if it is not there.

        Without ``most_bytes`` only for what Sluice wrote itself: what a model wrote may be larger than the memory.
        """
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            found = self._client.get_object(Bucket=bucket, Key=key)
        except AwsRefusedError as error:
            if error.code in ("NoSuchKey", "NoSuchBucket"):
                return None
            raise
        with closing(found["Body"]) as content:
            body: bytes = content.read() if most_bytes is None else content.read(most_bytes)
        return body

    def head(self, uri: str) -> StoredObject | None:
        """An object's size and age by its ``s3://`` URI, in any bucket; None if it is not there."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            found = self._client.head_object(Bucket=bucket, Key=key)
        except AwsRefusedError as error:
            if error.code in ("404", "NoSuchKey", "NoSuchBucket"):
                return None
            raise
        return StoredObject(
            size=int(found["ContentLength"]),
            written_at=found["LastModified"],
            etag=found.get("ETag", "").strip('"'),
            version_id=found.get("VersionId", ""),
        )

    def current_versions(self, keys: Iterable[str]) -> dict[str, str]:
        """The current version id by key, empty in a bucket without versioning; deleted keys are left out."""
        wanted = set(keys)
        if not wanted:
            return {}
        prefix = commonprefix(list(wanted))  # noqa: RUF071 - S3's prefixes are of characters, too
        found: dict[str, str] = {}
        for page in pages(self._client.list_object_versions, OBJECT_VERSIONS, Bucket=self.name, Prefix=prefix):
            latest = (each for each in page.get("Versions", []) if each["IsLatest"] and each["Key"] in wanted)
            found |= {each["Key"]: "" if each["VersionId"] == "null" else each["VersionId"] for each in latest}
        return found

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def write(self, key: str, body: str) -> None:
        """Write a small JSON object. Idempotent."""
        self._client.put_object(Bucket=self.name, Key=key, Body=body.encode(), ContentType="application/json")


MAX_KEY_BYTES = 1024
"""Of UTF-8: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html."""

MAX_NAME_BYTES = 255
"""Of a file in a job's container, which is a Linux file system (NAME_MAX)."""


def path_problem(path: str) -> str:
    """Why no SageMaker job can take an object of this path below its input's folder; empty if one can.

    A job's objects become files. Two keys that differ only in what a file system does not keep apart would be one.
    """
    for part in path.split("/"):
        if part in ("", ".", ".."):
            shown = f"the part {part!r}" if part else "an empty part (//)"
            return f"the key has {shown}, which no file of a job can have: upload it under another name"
        if (length := len(part.encode(errors="surrogatepass"))) > MAX_NAME_BYTES:
            return f"a part of the key has {length} bytes; a job's files have names of up to {MAX_NAME_BYTES}"
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in path):
        return "the key has a control character: upload it under another name"
    return ""


def model_of(key: str) -> str | None:
    """``fraud`` for ``data/fraud/2026/may.csv``; None for a folder marker or anything else."""
    parts = key.removeprefix(PREFIX).split("/") if key.startswith(PREFIX) else []
    return parts[0] if len(parts) > 1 and parts[0] and parts[-1] else None
