"""The input of one batch run: the files that were there when it began. Pure.

SageMaker gets a manifest of exactly these files, so that a file which arrives later belongs to the next run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Self

from sluice.stored import known_fields
from sluice.transform.output_listing import match_outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One object as it was when the run began."""

    key: str
    size: int  # bytes
    etag: str  # tells whether it has been overwritten since


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchInput:
    """Files below one folder of the bucket; the same files are the same input."""

    folder: str  # ends with a slash
    files: tuple[InputFile, ...]  # by key, none empty

    @classmethod
    def of(cls, folder: str, found: Iterable[InputFile]) -> Self:
        """The files that hold rows: empty objects, among them markers of folders, hold none."""
        files = (each for each in found if each.size and not each.key.endswith("/"))
        return cls(folder=folder, files=tuple(sorted(files, key=lambda each: each.key)))

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        found = json.loads(text)
        return cls(
            folder=found["folder"], files=tuple(InputFile(**known_fields(InputFile, each)) for each in found["files"])
        )

    @property
    def size(self) -> int:
        return sum(each.size for each in self.files)

    @property
    def digest(self) -> str:
        """SHA-256 over everything: the name of its manifest."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    def text(self) -> str:
        """The item as ``parse`` reads it back."""
        return json.dumps({"folder": self.folder, "files": [asdict(each) for each in self.files]}, ensure_ascii=False)

    def native(self, bucket: str) -> str:
        """Format: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformS3DataSource.html."""
        names = [each.key.removeprefix(self.folder) for each in self.files]
        return json.dumps([{"prefix": f"s3://{bucket}/{self.folder}"}, *names], ensure_ascii=False)

    def outputs(self, output: str, found: Iterable[str]) -> dict[str, str]:
        """The key of the output by input key, among the keys ``found`` below the ``output`` folder."""
        matched = match_outputs([each.key.removeprefix(self.folder) for each in self.files], output, found)
        return {self.folder + path: key for path, key in matched.items()}
