"""Payloads of asynchronous requests: checks files and S3 objects, and uploads them to where the model may read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sluice.aws.s3_copy import copy_object
from sluice.errors import AwsRefusedError
from sluice.spec.serving_modes import ASYNC_PAYLOAD_MB

from cli.failures import BadInputError, CommandError, NotFoundError
from cli.session import CliSession

MB = 2**20
PART_BYTES = 32 * MB
"""Larger payloads go up in parts of this size, so that none is ever held in memory as a whole."""

_S3 = re.compile(r"s3://([^/]+)/(.+)")
_TYPES = {".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines", ".txt": "text/plain"}
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(\s*;.*)?", re.ASCII)
_UNUSUAL = re.compile(r"[^\w.-]", re.ASCII)
_NAME_CHARACTERS = 100
_FORBIDDEN = frozenset({"403", "AccessDenied", "Forbidden"})
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The payload of one request, checked but not uploaded; ``size`` is in bytes."""

    given: str
    name: str
    size: int
    content_type: str


def payload_of(session: CliSession, given: str, content_type: str | None) -> Payload:
    """Check a file or an ``s3://`` URI.

    Raises:
        BadInputError: it is too large, empty or no file, or its content type is unknown.
        NotFoundError, CommandError: the object is not there, or may not be read.
    """
    name = given.rstrip("/").rpartition("/")[2]
    size = _object_size(session, given) if given.startswith("s3://") else _file_size(Path(given))
    if size == 0:
        raise BadInputError(f"{given}: it is empty")
    if size > ASYNC_PAYLOAD_MB * MB:
        raise BadInputError(
            f"{given}: has {size:,} bytes; a request to an asynchronous endpoint has up to {ASYNC_PAYLOAD_MB} MB"
        )
    return Payload(given=given, name=_plain(name), size=size, content_type=content_type or _guessed(given))


def _plain(name: str) -> str:
    """A name for the object that is sent: its URI has no character that a reader of URIs might take for something else.

    How SageMaker reads a blank, ``#``, ``?`` or ``%2B`` in an InputLocation is not documented. Each request has a
    folder of its own, so that names which become the same stay apart.
    """
    return _UNUSUAL.sub("_", name)[-_NAME_CHARACTERS:].lstrip(".") or "payload"


def check_type(content_type: str, accepted: Sequence[str]) -> None:
    """Check a content type against those that the model accepts; any is fine if the model declares none."""
    if not _TYPE.fullmatch(content_type) or len(content_type) > 1024:
        raise BadInputError(f"--content-type {content_type!r} is none; one looks like text/csv")
    kind = content_type.partition(";")[0].strip().lower()
    if accepted and kind not in {each.lower() for each in accepted}:
        raise BadInputError(f"content type {kind}: the model takes {', '.join(accepted)}")


def upload(session: CliSession, payload: Payload, bucket: str, key: str) -> str:
    """Upload a file or copy an object to ``key``, where the model's role may read it; returns its URI."""
    s3 = session.clients("s3")
    try:
        if payload.given.startswith("s3://"):
            source_bucket, source_key = _located(payload.given)
            copy_object(s3, {"Bucket": source_bucket, "Key": source_key}, payload.size, bucket, key)
        else:
            with Path(payload.given).open("rb") as content:
                _upload_file(s3, content, payload, bucket, key)
    except OSError as error:
        raise BadInputError(f"{payload.given}: {error.strerror}") from error
    return f"s3://{bucket}/{key}"


def _upload_file(s3: Any, content: BinaryIO, payload: Payload, bucket: str, key: str) -> None:
    place = {"Bucket": bucket, "Key": key}
    if payload.size <= PART_BYTES:
        s3.put_object(**place, Body=content, ContentType=payload.content_type)
        return
    upload = {
        **place,
        "UploadId": s3.create_multipart_upload(**place, ContentType=payload.content_type)["UploadId"],
    }
    try:
        parts: list[dict[str, Any]] = []
        while part := content.read(PART_BYTES):
            number = len(parts) + 1
            parts.append({"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=part)["ETag"]})
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    except BaseException:
        s3.abort_multipart_upload(**upload)
        raise


def _file_size(file: Path) -> int:
    if not file.is_file():
        raise BadInputError(f"{file}: there is no such file")
    return file.stat().st_size


def _object_size(session: CliSession, uri: str) -> int:
    bucket, key = _located(uri)
    try:
        return int(session.clients("s3").head_object(Bucket=bucket, Key=key)["ContentLength"])
    except AwsRefusedError as error:
        if error.code in _MISSING:
            raise NotFoundError(f"{uri}: there is no such object") from error
        if error.code in _FORBIDDEN:
            raise CommandError(
                f"{uri}: you may not read it (s3:GetObject), or it is not there and you may not list it (s3:ListBucket)"
            ) from error
        raise


def _located(uri: str) -> tuple[str, str]:
    found = _S3.fullmatch(uri)
    if found is None:
        raise BadInputError(f"{uri}: is no S3 object; one looks like s3://bucket/key")
    return found[1], found[2]


def _guessed(given: str) -> str:
    ending = Path(given).suffix.lower()
    if ending not in _TYPES:
        raise BadInputError(f"{given}: say what it holds with --content-type, such as text/csv")
    return _TYPES[ending]
