"""Copies in parts are cut so that each call is answered in time, and S3 takes the number of parts."""

from __future__ import annotations

import pytest
from sluice.aws.s3_copy import part_length

MB = 1 << 20


@pytest.mark.parametrize(("size", "length"), [(65 * MB, 64 * MB), (32 << 30, 64 * MB), (640_000 * MB, 64 * MB)])
def test_a_part_is_copied_well_within_the_time_that_an_answer_is_waited_for(size: int, length: int) -> None:
    assert part_length(size) == length


def test_the_largest_object_has_no_more_parts_than_s3_takes() -> None:
    largest = 5 << 40
    assert largest / part_length(largest) <= 10_000
    assert part_length(largest) < 5 << 30
