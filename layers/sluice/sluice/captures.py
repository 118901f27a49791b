"""Data capture files in S3: what an endpoint's variants were asked and answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from sluice.agreement import Captured, captured_from
from sluice.aws import code, understood
from sluice.errors import RetryableError

MAX_BYTES = 32 * 2**20
"""Read at one look: what a function reads and compares in some seconds."""


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
        hours = int((until - first) // timedelta(hours=1)) + 1
        return [
            each
            for hour in range(hours)
            for each in self._of_hour(f"{folder}/{first + timedelta(hours=hour):%Y/%m/%d/%H}/")
        ]

    def read(self, files: Sequence[CaptureFile]) -> Iterator[Captured]:
        """The exchanges in these files; lines that are not whole are left out, as are files that are gone."""
        for each in files:
            for line in self._body(each.key).decode(errors="replace").splitlines():
                found = captured_from(line)
                if found is not None:
                    yield found

    def _body(self, key: str) -> bytes:
        """Empty if the object is gone."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()  # type: ignore[no-any-return]
        except ClientError as error:
            if code(error) == "NoSuchKey":
                return b""
            raise understood(error) from error
        except (HTTPClientError, IncompleteReadError) as error:
            raise RetryableError(f"{key} could not be read to its end: {error}") from error

    def _of_hour(self, prefix: str) -> Iterator[CaptureFile]:
        more: dict[str, str] = {}
        while True:
            try:
                page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **more)
            except ClientError as error:
                raise understood(error) from error
            for each in page.get("Contents", []):
                name = each["Key"].removeprefix(prefix)
                yield CaptureFile(each["Key"], each["Size"], f"{prefix[-14:]}{name[:2]}")
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}


def sample_of(
    live: Sequence[CaptureFile], shadow: Sequence[CaptureFile], most_bytes: int = MAX_BYTES
) -> tuple[list[CaptureFile], list[CaptureFile]]:
    """Files of both variants from the same minutes, no more than can be read: every minute, or every 2nd, 4th, ….

    Which minutes is a matter of their order alone, so a later look reads the same and more.
    """
    by_minute: Mapping[str, tuple[list[CaptureFile], list[CaptureFile]]] = _by_minute(live, shadow)
    minutes = sorted(by_minute)
    stride = 1
    while True:
        chosen = minutes[::stride]
        total = sum(each.size for minute in chosen for side in by_minute[minute] for each in side)
        if total <= most_bytes or len(chosen) <= 1:
            break
        stride *= 2
    return (
        [each for minute in chosen for each in by_minute[minute][0]],
        [each for minute in chosen for each in by_minute[minute][1]],
    )


def _by_minute(
    live: Sequence[CaptureFile], shadow: Sequence[CaptureFile]
) -> Mapping[str, tuple[list[CaptureFile], list[CaptureFile]]]:
    found: dict[str, tuple[list[CaptureFile], list[CaptureFile]]] = defaultdict(lambda: ([], []))
    for index, files in enumerate((live, shadow)):
        for each in files:
            found[each.minute][index].append(each)
    return found
