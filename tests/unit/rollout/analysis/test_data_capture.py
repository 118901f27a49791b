"""Which capture files are read: the same minutes of both versions, and no more than a look can read."""

from __future__ import annotations

import io
import json
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from sluice.errors import RetryableError, ThrottledError
from sluice.rollout.analysis.data_capture import CaptureFile, Captures, sample_of

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


def whole(answer: str) -> bytes:
    side = {"data": answer, "encoding": "CSV"}
    return json.dumps({"captureData": {"endpointInput": side, "endpointOutput": side}}).encode()


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


def test_lines_that_are_not_whole_are_left_out() -> None:
    captures = Captures(translating(FakeS3({"k": whole("1") + b"\n{\n" + whole("2")[:-4]})), "bucket")
    assert [each.answer for each in captures.read([CaptureFile("k", 1, "m")])] == ["1"]


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

    found = Captures(translating(Failing({})), "bucket").read([CaptureFile("k", 1, "m")])
    with pytest.raises(raised) if raised else nullcontext():
        assert list(found) == []


sizes = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 50)), max_size=40)


@given(sizes, sizes, st.integers(100, 500), st.integers(2, 80))
def test_both_sides_come_from_the_same_minutes(
    live: list[tuple[int, int]], shadow: list[tuple[int, int]], most: int, most_files: int
) -> None:
    def files(side: list[tuple[int, int]]) -> list[CaptureFile]:
        return [CaptureFile(f"{index}", size, f"{minute:02d}") for index, (minute, size) in enumerate(side)]

    ours, theirs = files(live), files(shadow)
    found = sample_of(ours, theirs, most, most_files)
    read = [each for side in found for each in side]
    minutes = {each.minute for each in read}
    assert len(read) <= most_files
    assert sum(each.size for each in read) <= most
    for side, of_side in zip(found, (ours, theirs), strict=True):
        there = [each for each in of_side if each.minute in minutes]
        taken = sorted(side, key=of_side.index)
        assert taken == (there if len(minutes) > 1 else there[: len(taken)])
        assert bool(taken) == bool(there), "a side that has files is never left out"
    if sum(each.size for each in (*ours, *theirs)) <= most and len(ours) + len(theirs) <= most_files:
        assert len(read) == len(ours) + len(theirs)


def test_a_busy_minute_is_read_in_part_from_both_sides() -> None:
    live, shadow = ([CaptureFile(f"{side}-{index}", 10, "00") for index in range(9)] for side in "ab")
    assert [[each.key for each in side] for side in sample_of(live, shadow, 60)] == [
        ["a-0", "a-1", "a-2"],
        ["b-0", "b-1", "b-2"],
    ]
