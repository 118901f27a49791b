"""The one reader of rows: what counts as CSV, whatever the pieces in which it comes and whatever the Python."""

from __future__ import annotations

import base64
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sluice.data_contract.csv_reader import MAX_CELL, MAX_ROW, CsvError, CsvReader, read_rows, write_row
from sluice.data_contract.file_text import FileText

from tests.builders import row_verdicts

TEXT = st.text(st.sampled_from('ab1.,,,"""\n\n\r\t \0é;-\x0b\x1c\u2028'), max_size=60)


class RefusedError(Exception):
    """By the reference."""


def reference(text: str) -> list[list[str]]:
    """The same rules, a character at a time."""
    rows: list[list[str]] = []
    at = 0
    while at < len(text):
        row: list[str] = []
        begin, is_first = at, True
        while is_first or text[at : at + 1] == ",":
            cell, at = reference_cell(text, at if is_first else at + 1)
            row.append(cell)
            is_first = False
        rows.append([] if at == begin else row)
        at += 2 if text[at : at + 2] == "\r\n" else 1
        if any("\0" in cell for cell in row):
            raise RefusedError("NUL")
    return rows


def reference_cell(text: str, at: int) -> tuple[str, int]:
    is_quoted = text[at : at + 1] == '"'
    quoted, at = reference_quoted(text, at + 1) if is_quoted else ("", at)
    rest = ""
    while at < len(text) and text[at] not in ",\r\n":
        rest, at = rest + text[at], at + 1
    if is_quoted and rest.strip(" \t"):
        raise RefusedError("text behind a quote")
    return (quoted if is_quoted else rest), at


def reference_quoted(text: str, at: int) -> tuple[str, int]:
    cell = ""
    while at < len(text):
        if text[at] != '"':
            cell, at = cell + text[at], at + 1
        elif text[at + 1 : at + 2] == '"':
            cell, at = cell + '"', at + 2
        else:
            return cell, at + 1
    raise RefusedError("unclosed")


class InPieces:
    """A text source whose pieces end anywhere."""

    flaw: tuple[str, str] | None = None
    is_cut = False

    def __init__(self, text: str, size: int) -> None:
        self._text, self._size = text, size

    def pieces(self) -> Iterator[tuple[str, bool]]:
        for at in range(0, len(self._text), self._size):
            yield self._text[at : at + self._size], False
        yield "", True


@given(TEXT, st.integers(1, 20))
def test_rows_are_those_of_the_rules_whatever_the_pieces(text: str, size: int) -> None:
    reader = CsvReader(InPieces(text, size))
    found = [row for chunk in reader.chunks() for row in chunk]
    try:
        expected = reference(text)
    except RefusedError:
        assert reader.flaw is not None
        with pytest.raises(CsvError):
            read_rows(text)
    else:
        assert (found, reader.flaw) == (expected, None)
        assert read_rows(text) == expected


@given(st.lists(st.lists(st.text(st.sampled_from('a1,"\n\r \ufeff\u2028é'), max_size=5), min_size=1, max_size=4)))
def test_what_is_written_is_read_again(rows: list[list[str]]) -> None:
    assert read_rows("".join(map(write_row, rows))) == rows


def flaw_of(content: bytes, encoding: str = "utf-8") -> str:
    reader = CsvReader(FileText(io.BytesIO(content), encoding))
    for _ in reader.chunks():
        pass
    return "" if reader.flaw is None else str(reader.flaw)


HUNDRED = [f"{n},{n % 7},web" for n in range(100)]
UNCLOSED = "x,y,shop\n" + "\n".join([*HUNDRED[:50], '50,1,"web', *HUNDRED[51:]]) + "\n"
NUL = "x,y,shop\n" + "\n".join([*HUNDRED[:50], "50,1,we\0b", *HUNDRED[51:]]) + "\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (UNCLOSED, "row 52: value 3: a quote that opens here is never closed"),
        (UNCLOSED + '1,2,"web"\n', "row 52: value 3: text follows a closing quote"),
        (UNCLOSED + "".join(f"{n},1,web\n" for n in range(50_000)), "row 52: value 3: a quote that opens here is not"),
        ('1,"web"x,2\n', "row 1: value 2: text follows a closing quote"),
        (NUL, "row 52: value 3: a NUL byte stands here"),
        ('"a\0b",1\n', "row 1: value 1: a NUL byte stands here"),
        ("1," + "x" * (MAX_CELL + 1), "row 1: value 2: the file is not CSV (a cell is longer than 131,072 characters)"),
        ("1,2\n" + "12," * (MAX_ROW // 3 + 1), "row 2: the file is not CSV (a row is longer than 262,144 characters)"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(content: str, said: str) -> None:
    assert flaw_of(content.encode()).startswith(said)


def test_closed_quotes_with_line_ends_stay_one_cell() -> None:
    assert read_rows('1,"a\nb\r\nc"\r2,"d" ,\n') == [["1", "a\nb\r\nc"], ["2", "d", ""]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04\x14\0\x06\0\x01\x02,\n", "this is a zip (or Excel) file, not CSV"),
        (b"PAR1\x15\x04\x15\x10", "this is a Parquet file, not CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "this is an old Excel (or other Office) file, not CSV"),
        ("x,y\n".encode("utf-16"), "this is UTF-16 text, not CSV"),
        (b"<!DOCTYPE html><html>", "this is an HTML page, not CSV"),
        (b'{"x": 1, "y": 2}\n', "this is JSON, not CSV"),
        (b"PAR1,y\n1,2\n", ""),
        (b"ORC", ""),
    ],
)
def test_another_format_is_called_by_its_name(content: bytes, said: str) -> None:
    assert flaw_of(content) == said


def test_a_byte_order_mark_says_more_than_a_setting() -> None:
    reader = CsvReader(FileText(io.BytesIO("Zürich\n".encode("utf-8-sig")), "latin-1"))
    assert list(reader.chunks()) == [[["Zürich"]]]


def pythons() -> list[Path]:
    """One of each version from 3.10 on, the container's, that pyenv or the system has; not that of the tests."""
    places = [
        *(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions").glob("*/bin"),
        Path("/usr/bin"),
    ]
    versions = [f"python3.{minor}" for minor in range(10, 16) if minor != sys.version_info.minor]
    found = {name: place / name for place in places for name in versions if (place / name).exists()}
    return [found[name] for name in sorted(found)]


def nasty_contents() -> list[bytes]:
    """Rows whose reading has differed between versions of Python, or may: NUL, digits of later Unicode, quotes."""
    draw = random.Random(10)
    parts = ["1", "2.5", "-3e2", "\u0663", "\uff11", "\U00011f50", "1_0", "nan", "-nan", "inf", "0x1", "1\xa0", "\x1c1"]
    parts += ["", "a", "é", '"', '""', '"a\nb"', '"a', "\0", " ", "\r", "\u2028", "\x85", "1e400", "1" * 5000, "TRUE"]
    parts += ["9007199254740993"]
    made = [
        "\n".join(",".join(draw.choice(parts) for _ in range(3)) for _ in range(draw.randint(1, 3))) for _ in range(400)
    ]
    return [UNCLOSED.encode(), NUL.encode(), *(each.encode() for each in made)]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return json.loads(json.dumps(row_verdicts.verdicts(nasty_contents(), tmp_path_factory.mktemp("expected"))))


@pytest.mark.parametrize("python", pythons(), ids=lambda path: path.name)
def test_every_python_says_the_same_of_the_same_rows(python: Path, expected: Any, tmp_path: Path) -> None:
    contents = nasty_contents()
    sent = json.dumps([base64.b64encode(each).decode() for each in contents])
    done = subprocess.run(
        [python, row_verdicts.__file__, tmp_path], input=sent, capture_output=True, text=True, check=True
    )
    for content, here, there in zip(contents, expected, json.loads(done.stdout), strict=True):
        assert there == here, content


class Pieces:
    """Text that comes in these pieces."""

    flaw: tuple[str, str] | None = None
    is_cut = False

    def __init__(self, *pieces: str) -> None:
        self._pieces = pieces

    def pieces(self) -> Iterator[tuple[str, bool]]:
        for at, piece in enumerate(self._pieces, 1):
            yield piece, at == len(self._pieces)


def verdict_on(*pieces: str) -> list[list[str]] | int | None:
    """All rows, or the number of the one at which it is refused."""
    reader = CsvReader(Pieces(*pieces))
    rows = [row for chunk in reader.chunks() for row in chunk]
    return reader.flaw.row if reader.flaw else rows


@example(text=',"\tba\n""\n"\rba', cuts=[3, 4, 8, 11, 12])
@example(text='"a""\t"\t\r"""\nab\ra"\r"', cuts=[4, 17])
@given(text=TEXT, cuts=st.lists(st.integers(0, 60), max_size=4))
def test_limits_refuse_the_same_whatever_the_pieces(text: str, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    with pytest.MonkeyPatch.context() as limits:
        limits.setattr("sluice.data_contract.csv_reader.MAX_CELL", 6)
        limits.setattr("sluice.data_contract.csv_reader.MAX_ROW", 12)
        assert verdict_on(*(text[begin:end] for begin, end in pairwise(ends))) == verdict_on(text)


def test_a_cell_of_many_doubled_quotes_is_measured_by_its_value_in_any_piece() -> None:
    cell = '"' + '""\n' * 63_000 + '"'  # 189,002 characters for 126,000
    for before in (0, 10_000, 15_000):
        text = "x,y\n" * before + "a," + cell + "\nb,c\n"
        assert len(read_rows(text)) == before + 2
        reader = CsvReader(FileText(io.BytesIO(text.encode())))
        assert sum(map(len, reader.chunks())) == before + 2
        assert reader.flaw is None
