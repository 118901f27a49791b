"""Reads data capture files in S3: the requests to an endpoint's variants and their responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sluice.aws.concurrency import call_each
from sluice.aws.paging import OBJECTS, pages
from sluice.errors import AwsRefusedError

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """One object; ``minute`` is when its first request came, to the minute."""

    key: str
    size: int
    minute: str


class Captures:
    """What Sluice asks of the bucket that an endpoint captures to."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def files(self, folder: str, since: datetime, until: datetime) -> list[CaptureFile]:
        """The files of one variant between two times, oldest first.

        Data capture writes ``<folder>/yyyy/mm/dd/hh/MM-SS-mmm-<uuid>.jsonl`` in UTC.
        """
        first = since.replace(minute=0, second=0, microsecond=0)
        hours = (first + timedelta(hours=hour) for hour in range(int((until - first) // timedelta(hours=1)) + 1))
        return [
            each for found in _all(self._of_hour, [f"{folder}/{hour:%Y/%m/%d/%H}/" for hour in hours]) for each in found
        ]

    def lines(self, files: Sequence[CaptureFile]) -> Iterator[str]:
        """The lines of these files, one captured exchange each; files that are gone are left out."""
        for body in _all(self._body, [each.key for each in files]):
            yield from body.decode(errors="replace").splitlines()

    def _body(self, key: str) -> bytes:
        """Empty if the object is gone."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()  # type: ignore[no-any-return]
        except AwsRefusedError as error:
            if error.code == "NoSuchKey":
                return b""
            raise

    def _of_hour(self, prefix: str) -> list[CaptureFile]:
        found: list[CaptureFile] = []
        for page in pages(self._client.list_objects_v2, OBJECTS, Bucket=self._bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                name = each["Key"].removeprefix(prefix)
                found.append(CaptureFile(each["Key"], each["Size"], f"{prefix[-14:]}{name[:2]}"))
        return found


def _all(call: Callable[[str], _Found], names: Sequence[str]) -> Iterator[_Found]:
    """What the calls give, several at a time; raises what the first of them that fails does."""
    for found in call_each(call, names):
        if isinstance(found, Exception):
            raise found
        yield found
