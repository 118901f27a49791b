"""Data capture files in S3: all hours and pages are found, and what cannot be read now is tried again."""

from __future__ import annotations

import io
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from sluice.aws.data_capture import CaptureFile, Captures
from sluice.errors import RetryableError, ThrottledError

from tests.builders.aws_clients import client_error, translating

AT = datetime(2026, 3, 4, 23, 58, tzinfo=UTC)
UNTIL = datetime(2026, 3, 5, 0, 3, tzinfo=UTC)


class FakeS3:
    """Pages of two objects each."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def list_objects_v2(self, *, Bucket: str, Prefix: str, ContinuationToken: str = "") -> dict[str, Any]:
        keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > ContinuationToken)
        page: dict[str, Any] = {"Contents": [{"Key": key, "Size": len(self.objects[key])} for key in keys[:2]]}
        return page | ({"IsTruncated": True, "NextContinuationToken": keys[1]} if len(keys) > 2 else {})

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[Key])}


def test_files_of_all_hours_are_found_over_all_pages() -> None:
    keys = [
        "capture/e/v1/2026/03/04/22/59-00-000-a.jsonl",
        "capture/e/v1/2026/03/04/23/58-00-000-a.jsonl",
        "capture/e/v1/2026/03/04/23/58-30-000-b.jsonl",
        "capture/e/v1/2026/03/04/23/59-00-000-c.jsonl",
        "capture/e/v1/2026/03/05/00/01-00-000-d.jsonl",
        "capture/e/v2/2026/03/05/00/01-00-000-e.jsonl",
    ]
    captures = Captures(translating(FakeS3(dict.fromkeys(keys, b""))), "bucket")
    found = captures.files("capture/e/v1", AT, UNTIL)
    assert [each.key for each in found] == keys[1:5]
    assert len({each.minute for each in found}) == 3


def test_the_lines_of_all_files_are_read() -> None:
    captures = Captures(translating(FakeS3({"k": b"1\n2", "l": b"3\n"})), "bucket")
    assert list(captures.lines([CaptureFile("k", 1, "m"), CaptureFile("l", 1, "m")])) == ["1", "2", "3"]


class Broken(io.BytesIO):
    """A connection that breaks while a file is read."""

    def read(self, *_: Any) -> bytes:
        raise ReadTimeoutError(endpoint_url="https://s3")


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (client_error("GetObject", "NoSuchKey"), None),
        (client_error("GetObject", "SlowDown"), ThrottledError),
        (Broken(), RetryableError),
    ],
    ids=["gone", "throttled", "broken off"],
)
def test_a_file_that_cannot_be_read_now_is_no_reason_to_give_up(
    failure: Exception | Broken, raised: type[Exception] | None
) -> None:
    class Failing(FakeS3):
        def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
            if isinstance(failure, Exception):
                raise failure
            return {"Body": failure}

    found = Captures(translating(Failing({})), "bucket").lines([CaptureFile("k", 1, "m")])
    with pytest.raises(raised) if raised else nullcontext():
        assert list(found) == []
