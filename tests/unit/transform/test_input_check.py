"""Which lines of batch input no transform job can score, however the bytes are cut into chunks."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.transform import input_check
from sluice.transform.input_check import BadLine, LineRules, UnreadableInputError, check_lines

RULES = LineRules(
    encoding="utf-8", names=("x", "shop", "y"), has_header=False, reads_cells=True, max_line_bytes=1 << 20
)


def checked(data: bytes, rules: LineRules = RULES, size: int = 5) -> tuple[bytes, list[BadLine]]:
    """The good lines and the bad ones; the rows told are those of the good lines."""
    parts = list(check_lines([data[at : at + size] for at in range(0, len(data), size)], rules))
    good = b"".join(part.good for part in parts)
    assert sum(part.rows for part in parts) == good.count(b"\n") + (good != b"" and not good.endswith(b"\n"))
    return good, [line for part in parts for line in part.bad]


def changed(**change: object) -> LineRules:
    return LineRules(
        **{
            "encoding": "utf-8",
            "names": ("x", "shop", "y"),
            "has_header": False,
            "reads_cells": True,
            "max_line_bytes": 1 << 20,
            **change,  # type: ignore[arg-type]
        }
    )


BAD = {
    "a blank line": (b"1,a\n\n2,b\n", [(2, input_check.BLANK, b"\n")]),
    "a blank line at the end": (b"1,a\r\n\r\n", [(2, input_check.BLANK, b"\r\n")]),
    "a bare quote": (b'1,pine "kernels"\n2,b\n', [(1, input_check.BARE_QUOTE, b'1,pine "kernels"\n')]),
    "a blank behind a quote": (b'1,"a" \n', [(1, input_check.BARE_QUOTE, b'1,"a" \n')]),
    "text behind a quote": (b'1,"a"b\n', [(1, input_check.BEHIND_QUOTE, b'1,"a"b\n')]),
    "a cell with a line end": (b'0,z\n1,"a\nb"\n2,c\n', [(2, input_check.NOT_A_ROW, b'1,"a\nb"\n')]),
    "a quote that is never closed": (b'1,"a\n2,b\n3,c\n', [(1, input_check.UNCLOSED, b'1,"a\n')]),
    "a quote that another row ends": (
        b'1,"a\n2,b"c\n3,c\n',
        [(1, input_check.UNCLOSED, b'1,"a\n'), (2, input_check.BARE_QUOTE, b'2,b"c\n')],
    ),
    "old Mac line ends": (b"1,a\r2,b\r", [(1, input_check.CARRIAGE_RETURN, b"1,a\r2,b\r")]),
    "a NUL byte": (b"1,a\n2,\0\n", [(2, input_check.NUL, b"2,\0\n")]),
    "a header": (b"X, shop \n1,a\n", [(1, input_check.HEADER, b"X, shop \n")]),
    "a header with a column of its own": (b"id,x,shop\n7,1,a\n", [(1, input_check.HEADER, b"id,x,shop\n")]),
    "a header in the middle": (b"1,a\nx,shop\n2,b\n", [(2, input_check.HEADER, b"x,shop\n")]),
    "other bytes": (b"1,a\n2,\xe4\n", [(2, "it is not utf-8 text", b"2,\xe4\n")]),
}


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize("case", BAD)
def test_a_line_that_no_job_can_score_is_named_and_the_others_are_kept(case: str, size: int) -> None:
    data, expected = BAD[case]
    good, bad = checked(data, size=size)
    assert [(line.number, line.reason, line.text) for line in bad] == expected
    assert sorted([*good.splitlines(True), *b"".join(line.text for line in bad).splitlines(True)]) == sorted(
        data.splitlines(True)
    )


def test_a_quote_within_a_cell_is_text_where_no_cell_is_read() -> None:
    data = b'1,pine "kernels"\n2,"b" \n'
    assert checked(data, changed(reads_cells=False)) == (data, [])


def test_a_line_longer_than_a_request_is_named() -> None:
    _, bad = checked(b"1\n" + b"2" * 1_048_577 + b"\n", size=1 << 19)
    assert [(line.number, line.reason) for line in bad] == [
        (2, "it is longer than a request may be: batch.max_payload_mb allows 1 MB")
    ]
    with pytest.raises(UnreadableInputError, match="line 1 is longer"):
        checked(b"2" * (3 << 20), size=1 << 19)


def test_a_value_that_is_also_the_name_of_a_column_makes_no_header() -> None:
    assert checked(b"7,shop\n8,web\n") == (b"7,shop\n8,web\n", [])


def test_titles_are_read_in_the_encoding_of_the_spec() -> None:
    rules = changed(names=("gr\u00f6\u00dfe", "y"), encoding="latin-1")
    assert [line.reason for line in checked("gr\u00f6\u00dfe\n1\n".encode("latin-1"), rules)[1]] == [input_check.HEADER]


def test_a_header_that_is_announced_is_left_out_of_each_file() -> None:
    rules = changed(has_header=True)
    assert checked(b'\xef\xbb\xbf"Number","the shop"\n1,a\n2,b', rules) == (b"1,a\n2,b", [])
    good, bad = checked(b"1,a\n2,b\n", rules)
    assert (good, bad[0].reason) == (b"2,b\n", input_check.NO_HEADER), "a row would be lost without a word"
    _, bad = checked(b"x,shop\n1,a\nx,shop\n2,b\n", rules)
    assert [line.number for line in bad] == [3], "files were put together with their headers"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PK\x03\x04\x14\0\0\0", "a zip (or Excel) file, not CSV"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "a gzip file: batch input is not unpacked"),
        (b"\xff\xfe1\0,\0", "UTF-16 text, not CSV"),
    ],
)
def test_a_file_that_is_no_text_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableInputError, match="this is") as found:
        checked(data, size=100)
    assert str(found.value).endswith(reason)


def test_a_mark_of_utf_8_must_fit_the_spec_because_later_requests_have_none() -> None:
    assert checked(b"\xef\xbb\xbf1,\xc3\xa4\n")[1] == []
    with pytest.raises(UnreadableInputError, match=r"data\.encoding is latin-1"):
        checked(b"\xef\xbb\xbf1,\xc3\xa4\n", changed(encoding="latin-1"))
    assert checked(b"1,\xe4\n", changed(encoding="latin-1"))[1] == []


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6), min_size=1),
    st.integers(1, 9),
)
def test_what_a_csv_writer_puts_on_one_line_is_good(cells: list[str], size: int) -> None:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(["7", *cells])
    data = line.getvalue().encode()
    good, bad = checked(data + b"8\n", size=size)
    if any("\n" in cell for cell in cells):
        assert (good, len(bad)) == (b"8\n", 1)
    else:
        assert (good, bad) == (data + b"8\n", [])
