"""Manifests: which versions of which files a run trains on; each is named by the digest of its content. Pure.

A manifest is kept twice under ``manifests/<model>/``: ``<digest>.json`` is complete; ``<digest>.manifest`` beside it is
in SageMaker's own format, which has keys and no versions, and is what ``InputData`` names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

PREFIX = "manifests/"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One version of one uploaded file."""

    bucket: str
    key: str
    version_id: str  # empty in a bucket without versions
    etag: str
    size: int  # bytes
    sequencer: str = ""  # orders the versions of one key
    rows: int | None = None  # of data, if they have been counted

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Self:
        bucket, _, key = raw.pop("uri").removeprefix("s3://").partition("/")
        return cls(bucket=bucket, key=key, **raw)

    def to_json(self) -> dict[str, Any]:
        """The item as ``parse`` reads it back."""
        fields = asdict(self)
        return {"uri": f"s3://{fields.pop('bucket')}/{fields.pop('key')}", **fields}

    def is_older_than(self, other: File) -> bool:
        """Whether ``other`` has replaced this version of the same key; what S3 does not order is not older."""
        width = max(len(self.sequencer), len(other.sequencer))
        return self.sequencer.zfill(width) < other.sequencer.zfill(width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of one run; the same files make the same manifest, in whatever order they come."""

    model: str
    files: tuple[File, ...]  # by key
    left_out: tuple[File, ...] = ()  # belong to the data, but the key holds a version now that was not accepted

    @classmethod
    def of(cls, model: str, files: Iterable[File], left_out: Iterable[File] = ()) -> Self:
        """The manifest of these files, at most one version of each key, all in one bucket."""
        return cls(model=model, files=_by_key(files), left_out=_by_key(left_out))

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        found = json.loads(text)
        return cls(
            model=found["model"],
            files=tuple(File.parse(each) for each in found["files"]),
            left_out=tuple(File.parse(each) for each in found["left_out"]),
        )

    @property
    def digest(self) -> str:
        """SHA-256 over bucket, keys, versions and etags."""
        identity: list[object] = [[each.bucket, each.key, each.version_id, each.etag] for each in self.files]
        if self.left_out:
            identity.append([[each.key, each.version_id] for each in self.left_out])
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    def complete(self) -> str:
        """The whole manifest as ``parse`` reads it back, with all that is known of each file."""
        document = {
            "model": self.model,
            "digest": self.digest,
            "files": [each.to_json() for each in self.files],
            "left_out": [each.to_json() for each in self.left_out],
        }
        return json.dumps(document, ensure_ascii=False)

    def native(self) -> str:
        """Format: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html (ManifestFile)."""
        prefix = f"data/{self.model}/"
        names = [each.key.removeprefix(prefix) for each in self.files]
        return json.dumps([{"prefix": f"s3://{self.files[0].bucket}/{prefix}"}, *names])


def _by_key(files: Iterable[File]) -> tuple[File, ...]:
    return tuple(sorted(files, key=lambda each: each.key))


def complete_key(model: str, digest: str) -> str:
    return f"{PREFIX}{model}/{digest}.json"


def native_key(model: str, digest: str) -> str:
    return f"{PREFIX}{model}/{digest}.manifest"


def added_files(files: Sequence[File], before: Sequence[File]) -> list[File]:
    """The files of a manifest that another did not have in this version."""
    known = {(each.key, each.version_id) for each in before}
    return [each for each in files if (each.key, each.version_id) not in known]
