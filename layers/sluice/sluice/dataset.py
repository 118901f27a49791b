"""Uploaded data: whose it is, whether it can be read at all, and the manifest a pipeline starts from."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws import code, understood
from sluice.events import ObjectCreated
from sluice.spec import Data

PREFIX = "data/"
PEEK_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of one run in SageMaker's own manifest format, named by what is in them."""

    key: str
    digest: str  # sha256 over bucket, keys, versions and etags: the same files are the same run
    body: str


class Bucket:
    """What Sluice asks of the data bucket."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def peek(self, upload: ObjectCreated) -> bytes | None:
        """The first bytes of exactly the uploaded version; None if it has been deleted since."""
        version = {"VersionId": upload.version_id} if upload.version_id else {}
        try:
            found = self._client.get_object(
                Bucket=upload.bucket, Key=upload.key, Range=f"bytes=0-{PEEK_BYTES - 1}", **version
            )
        except ClientError as error:
            if code(error) in ("NoSuchKey", "NoSuchVersion", "404"):
                return None
            raise understood(error) from error
        body: bytes = found["Body"].read()
        return body

    def read(self, uri: str) -> bytes | None:
        """A small object by its ``s3://`` URI; None if it is not there."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            found = self._client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code(error) in ("NoSuchKey", "NoSuchBucket"):
                return None
            raise understood(error) from error
        body: bytes = found["Body"].read()
        return body

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def write(self, key: str, body: str) -> None:
        """Write a small JSON object; writing the same again changes nothing."""
        try:
            self._client.put_object(Bucket=self.name, Key=key, Body=body.encode(), ContentType="application/json")
        except ClientError as error:
            raise understood(error) from error


def model_of(key: str) -> str | None:
    """``fraud`` for ``data/fraud/2026/may.csv``; None for a folder marker or anything else."""
    parts = key.removeprefix(PREFIX).split("/") if key.startswith(PREFIX) else []
    return parts[0] if len(parts) > 1 and parts[0] and parts[-1] else None


def flaw(key: str, size: int, start: bytes, data: Data) -> str | None:
    """Why a file cannot be training data, as far as its first bytes tell; None if nothing speaks against it."""
    if size == 0:
        return "the file is empty"
    try:
        text = _inflate(start) if key.endswith(".gz") else start
        header = _header(text)
    except zlib.error:
        return "the name ends in .gz but the content is not gzip"
    except UnicodeDecodeError as error:
        return f"the file is not UTF-8 text (byte {error.start})"
    except csv.Error as error:
        return f"the first line is not CSV: {error}"
    if not header:
        return "the first line, which should name the columns, is blank"
    wanted = [column.name for column in data.columns] + [data.target]
    missing = [name for name in wanted if name not in header]
    if missing:
        return f"columns {', '.join(missing)} are missing; the first line names {', '.join(header)[:300]}"
    return None


def manifest_for(model: str, uploads: Iterable[ObjectCreated]) -> Manifest:
    """The manifest of these uploads, whatever their order and however often each is named. All lie in one bucket.

    Format: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html (ManifestFile).
    """
    ordered = sorted(set(uploads), key=lambda each: (each.key, each.version_id))
    prefix = f"s3://{ordered[0].bucket}/{PREFIX}{model}/"
    identity = [[each.bucket, each.key, each.version_id, each.etag] for each in ordered]
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    names = _unique(each.key.removeprefix(f"{PREFIX}{model}/") for each in ordered)
    body = json.dumps([{"prefix": prefix}, *names])
    return Manifest(key=manifest_key(model, digest), digest=digest, body=body)


def manifest_key(model: str, digest: str) -> str:
    return f"manifests/{model}/{digest}.manifest"


def _unique(names: Iterable[str]) -> Sequence[str]:
    return list(dict.fromkeys(names))


def _inflate(start: bytes) -> bytes:
    return zlib.decompressobj(wbits=31).decompress(start, PEEK_BYTES)


def _header(start: bytes) -> list[str]:
    line = start.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    fields = next(csv.reader(io.StringIO(line.decode())), [])
    return [name.strip() for name in fields if name.strip()]
