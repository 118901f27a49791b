"""Which capture files are read, the same minutes of both versions, and what their lines say."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.aws.data_capture import CaptureFile
from sluice.rollout.analysis.data_capture import Captured, captured_from, captured_in, sample_of


def line(data: str, answer: str, encoding: str = "CSV", **metadata: str) -> str:
    return json.dumps(
        {
            "captureData": {
                "endpointInput": {"mode": "INPUT", "data": data, "encoding": encoding},
                "endpointOutput": {"mode": "OUTPUT", "data": answer, "encoding": encoding},
            },
            "eventMetadata": metadata,
            "eventVersion": "0",
        }
    )


def test_a_captured_line_is_read_with_whatever_ids_it_has() -> None:
    found = captured_from(line("25,1", "0.5", eventId="e", inferenceId="i"))
    assert found == Captured(ids=("i", "e"), request="25,1", answer="0.5")


def test_text_captured_as_base64_is_text_again() -> None:
    encoded = base64.b64encode(b"0.5").decode()
    found = captured_from(line(base64.b64encode(b"x").decode(), encoded, "BASE64"))
    assert found is not None
    assert (found.request, found.answer) == ("x", "0.5")


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", "null", '{"captureData": {}}', '{"captureData": {"endpointInput": 3}}']
)
def test_a_line_that_is_not_whole_is_none(broken: str) -> None:
    assert captured_from(broken) is None


def test_lines_that_are_not_whole_are_left_out() -> None:
    assert [each.answer for each in captured_in([line("a", "1"), "{", line("a", "2")[:-4]])] == ["1"]


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
