"""Moves data between S3 and a container's directories under the job's role."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

NAME_MAX_BYTES = 255


class TransferError(Exception):
    """Data could not be downloaded or uploaded; the text is the job's failure reason."""


@dataclass(frozen=True, slots=True)
class S3Uri:
    """``s3://bucket/key``; the key may be empty."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        scheme, separator, rest = text.partition("://")
        bucket, _, key = rest.partition("/")
        if (scheme, separator) != ("s3", "://") or not bucket:
            raise TransferError(f"ClientError: {text!r} is not an S3 URI")
        return cls(bucket, key)

    def child(self, path: str) -> S3Uri:
        return S3Uri(self.bucket, f"{self.key.rstrip('/')}/{path}".lstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Source:
    """One object to download and where it goes, relative to the input's directory."""

    uri: S3Uri
    path: str


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of an input one instance gets, as ShardedByS3Key deals it."""

    index: int
    count: int

    def of(self, sources: Sequence[Source]) -> list[Source]:
        return list(sources)[self.index :: self.count]


WHOLE = Shard(0, 1)


def path_under(prefix: str, key: str) -> str:
    """Where an object found by prefix goes, e.g. ``x.csv`` for ``data/x.csv`` under ``data`` or ``data/``.

    A prefix that ends amid a name (``data/part-``) stands for the folder around it.
    """
    if key == prefix:
        return key.rsplit("/", 1)[-1]
    if key.startswith(prefix.rstrip("/") + "/"):
        return key[len(prefix.rstrip("/")) + 1 :]
    return key[prefix.rfind("/") + 1 :]


def parse_manifest(text: bytes | str) -> list[Source]:
    """The objects a manifest names: ``[{"prefix": "s3://bucket/folder/"}, "a.csv", "sub/b.csv"]``."""
    try:
        head, *names = json.loads(text)
        prefix = head["prefix"]
        if not isinstance(prefix, str) or not all(isinstance(name, str) for name in names):
            raise TypeError("prefix and names must be strings")
    except (ValueError, TypeError, KeyError) as error:
        raise TransferError(f"ClientError: the manifest is not valid: {error}") from error
    return [Source(S3Uri.parse(prefix + name), name) for name in names]


def find_sources(s3: Any, uri: S3Uri, data_type: str) -> list[Source]:
    """The objects an S3 data source stands for, sorted by key; raises TransferError when there are none."""
    try:
        if data_type == "ManifestFile":
            body = s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read()
            sources = parse_manifest(body)
        else:
            keys = _list_keys(s3, uri)
            sources = [Source(S3Uri(uri.bucket, key), path_under(uri.key, key)) for key in keys]
    except ClientError as error:
        raise _download_error(uri, error) from error
    if not sources:
        raise TransferError(
            f'ClientError: Data download failed: No S3 objects found under S3 URL "{uri}" given in input '
            "data source. Please ensure that the bucket exists in the selected region, that objects exist "
            "under that S3 prefix, and that the role has s3:ListBucket permission on the bucket."
        )
    return sorted(sources, key=lambda source: source.uri.key)


def download(s3: Any, sources: Sequence[Source], directory: Path) -> None:
    """Fetch each object to its place below ``directory``; TransferError for a key that has no place of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    for source in sources:
        _check_path(source.path)
        target = directory / source.path.lstrip("/")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(fetch(s3, source.uri))
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise TransferError(
                f"ClientError: Data download failed: {source.path!r} is there already, or a folder"
            ) from error


def _check_path(path: str) -> None:
    """Raise TransferError for a key that cannot be a file of its own below ``/opt/ml``.

    A job's input is a Linux file system: a name has up to 255 bytes (NAME_MAX, limits.h) and no NUL byte, and empty
    parts of a path and ``.`` mean nothing (path_resolution(7)), so that keys which differ only in them are one file.
    """
    for part in path.split("/"):
        if part == "..":
            raise TransferError(f"ClientError: {path!r} leaves the input's directory")
        if len(part.encode()) > NAME_MAX_BYTES or "\0" in part:
            raise TransferError(f"ClientError: Data download failed: {part[:40]!r}…: File name too long")


def fetch(s3: Any, uri: S3Uri) -> bytes:
    """The content of one object."""
    try:
        return bytes(s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read())
    except ClientError as error:
        raise _download_error(uri, error) from error


def upload_directory(s3: Any, directory: Path, uri: S3Uri) -> None:
    """Put every file below ``directory`` under ``uri``."""
    for path in _files(directory):
        store(s3, path.read_bytes(), uri.child(path.relative_to(directory).as_posix()))


def store(s3: Any, content: bytes, uri: S3Uri) -> None:
    """Put one object."""
    try:
        s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=content)
    except ClientError as error:
        raise TransferError(f"ClientError: Failed to upload data to {uri}: {_reason(error)}") from error


def pack(directory: Path) -> bytes:
    """A ``tar.gz`` of everything below ``directory``: same files, same bytes."""
    archive = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=archive, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as tar,
    ):
        for path in _files(directory):
            entry = tarfile.TarInfo(path.relative_to(directory).as_posix())
            entry.size = path.stat().st_size
            entry.mode = 0o644
            with path.open("rb") as content:
                tar.addfile(entry, content)
    return archive.getvalue()


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _list_keys(s3: Any, uri: S3Uri) -> Iterator[str]:
    """Keys under a prefix; the empty objects that stand for folders are no data."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=uri.bucket, Prefix=uri.key):
        for entry in page.get("Contents", []):
            if not entry["Key"].endswith("/"):
                yield entry["Key"]


def _download_error(uri: S3Uri, error: ClientError) -> TransferError:
    return TransferError(f"ClientError: Data download failed: Failed to download {uri}: {_reason(error)}")


def _reason(error: ClientError) -> str:
    details = error.response["Error"]
    return f"{details.get('Code')}: {details.get('Message')}"
