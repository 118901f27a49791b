"""Two versions' answers to the same rows, counted."""

from __future__ import annotations

import pytest
from sluice.rollout.batch.comparison import compare
from sluice.transform.files import count_lines, split_lines
from sluice.transform.row_count_check import FileRows, problem_of, total_rows


def test_numbers_agree_within_one_percent_and_words_when_they_are_the_same() -> None:
    found = compare(["100", "100", "a", "a", "0.2,b"], ["100.9", "102", "a", "b", "0.2,b"])
    assert (found.rows, found.equal, found.within_tolerance, found.failures) == (5, 2, 3, 0)
    assert found.mean_difference == pytest.approx((0.9 + 2 + 0) / 3)


def test_differences_that_cancel_out_are_seen_in_their_size() -> None:
    found = compare(["1", "1"], ["0", "2"])
    assert (found.mean_difference, found.mean_absolute_difference) == (0.0, 1.0)


@pytest.mark.parametrize("answer", ["", "nan", "NaN", "inf", "0.1,"])
def test_a_row_that_only_the_new_version_does_not_answer_is_a_failure(answer: str) -> None:
    assert compare(["0.1"], [answer]).failures == 1
    assert compare([answer], [answer]).failures == 0


def test_a_missing_line_is_one_without_an_answer() -> None:
    assert compare(["1", "2"], ["1"]).failures == 1


def test_nothing_compared_is_reported_as_nothing() -> None:
    told = compare([], []).to_json()
    assert (told["rows"], told["mean_difference"], told["share_equal"]) == (0, None, None)


def test_lines_with_different_numbers_of_cells_do_not_agree() -> None:
    found = compare(["1,2"], ["1"])
    assert (found.within_tolerance, found.mean_difference) == (0, None)


@pytest.mark.parametrize("text", [b"", b"a", b"a\n", b"a\nb", b"a\nb\n", b"a\n\nb\n", b"\n", b"a\r\nb\r\n"])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_lines_are_the_same_however_the_text_is_cut(text: bytes, size: int) -> None:
    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    assert count_lines(chunks) == len(text.splitlines())
    assert list(split_lines(chunks)) == text.decode().splitlines()


def test_only_what_is_proved_whole_is_whole() -> None:
    good = FileRows(name="a", rows_in=3, rows_out=3)
    assert problem_of([good]) == ""
    assert problem_of([]) != ""
    many = [FileRows(name=f"f{number}", rows_in=2, rows_out=1) for number in range(7)]
    assert problem_of([good, *many]).endswith("f4: 1 rows came out of 2; and 2 files more")
    assert (total_rows([1, 2]), total_rows([1, None])) == (3, None)
