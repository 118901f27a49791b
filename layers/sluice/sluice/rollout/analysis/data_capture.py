"""Data capture files in S3: what an endpoint's variants were asked and answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, TypeVar

from sluice.aws.concurrency import call_each
from sluice.aws.paging import OBJECTS, pages
from sluice.errors import AwsRefusedError
from sluice.rollout.analysis.shadow_agreement import Captured, captured_from

Given = TypeVar("Given")

MAX_BYTES = 32 * 2**20
MAX_FILES = 2_000
"""Read at one look: what a function reads and compares in some seconds. A day of few requests is many small files."""


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

    def read(self, files: Sequence[CaptureFile]) -> Iterator[Captured]:
        """The exchanges in these files; lines that are not whole are left out, as are files that are gone."""
        for body in _all(self._body, [each.key for each in files]):
            for line in body.decode(errors="replace").splitlines():
                found = captured_from(line)
                if found is not None:
                    yield found

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


def _all(call: Callable[[str], Given], names: Sequence[str]) -> Iterator[Given]:
    """What the calls give, several at a time; raises what the first of them that fails does."""
    for found in call_each(call, names):
        if isinstance(found, Exception):
            raise found
        yield found


def sample_of(
    live: Sequence[CaptureFile],
    shadow: Sequence[CaptureFile],
    most_bytes: int = MAX_BYTES,
    most_files: int = MAX_FILES,
) -> tuple[list[CaptureFile], list[CaptureFile]]:
    """Files of both variants from the same minutes, no more than can be read: every minute, or every 2nd, 4th, ….

    Which minutes is a matter of their order alone, so a later look reads the same and more. Where a single minute has
    too much, its oldest files are taken.
    """
    by_minute: Mapping[str, tuple[list[CaptureFile], list[CaptureFile]]] = _by_minute(live, shadow)
    minutes = sorted(by_minute)
    stride = 1
    while True:
        chosen = minutes[::stride]
        sizes = [each.size for minute in chosen for side in by_minute[minute] for each in side]
        if len(chosen) <= 1 or (sum(sizes) <= most_bytes and len(sizes) <= most_files):
            break
        stride *= 2
    ours, theirs = ([each for minute in chosen for each in by_minute[minute][side]] for side in (0, 1))
    if sum(sizes) <= most_bytes and len(sizes) <= most_files:
        return ours, theirs
    return _oldest(ours, most_bytes // 2, most_files // 2), _oldest(theirs, most_bytes // 2, most_files // 2)


def _oldest(files: Sequence[CaptureFile], most_bytes: int, most_files: int) -> list[CaptureFile]:
    """As many as may be read, and one in any case."""
    sizes = accumulate(each.size for each in files)
    return [
        each for each, size in zip(files[:most_files], sizes, strict=False) if size <= most_bytes or each is files[0]
    ]


def _by_minute(
    live: Sequence[CaptureFile], shadow: Sequence[CaptureFile]
) -> Mapping[str, tuple[list[CaptureFile], list[CaptureFile]]]:
    found: dict[str, tuple[list[CaptureFile], list[CaptureFile]]] = defaultdict(lambda: ([], []))
    for index, files in enumerate((live, shadow)):
        for each in files:
            found[each.minute][index].append(each)
    return found
