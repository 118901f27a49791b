"""Reads CSV as rows of text: the one reader of uploads, of training data and of the rows that a model scores.

A file, plain or gzip, is read once, in little memory, up to a budget (``CsvReader``); a request at once
(``read_rows``). What counts as CSV is decided here and not by the csv module, whose mind differs between versions of
Python: it only speeds up what both read alike.

- Cells end at a comma, rows at ``\\n``, ``\\r`` or ``\\r\\n``. A blank line is a row without cells.
- A cell that begins with a quote ends at the next one that is not doubled, and may hold all of these. Behind it only
  blanks may follow. A quote anywhere else is text.
- NUL characters, cells and rows without end, and quotes that are never closed are refused.

Standard library only and for Python 3.10 on: ``pipelines/tabular`` links to this file, and its jobs run it too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

BLOCK = 1 << 16  # characters that are read at once
ROWS_AT_ONCE = 1_000
MAX_CELL = 1 << 17  # characters of its value: a doubled quote is one
MAX_ROW = 1 << 18  # characters as they stand in the file, without the line end: a row without end would fill the memory
BYTE_ORDER_MARK = "\ufeff"

_CELL_END = re.compile(r"[,\r\n]")
_TO_BE_QUOTED = re.compile(r'[",\r\n\ufeff]')


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why something cannot be read as CSV, and where: ``row`` counts from 1, ``column`` from 0."""

    rule: str
    reason: str
    row: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.told(())

    def told(self, names: Sequence[str]) -> str:
        """For people; ``names`` are those of the columns."""
        at = self.column
        column = "" if at is None else f"column '{names[at]}': " if at < len(names) else f"value {at + 1}: "
        return ("" if self.row is None else f"row {self.row}: ") + column + self.reason


class CsvError(ValueError):
    """A request is not CSV; the text says why and where."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(str(flaw))
        self.flaw = flaw


class TextSource(Protocol):
    """Where text comes from in pieces, such as ``FileText``; ``flaw`` says by which rule and why it ended early."""

    flaw: tuple[str, str] | None

    @property
    def is_cut(self) -> bool: ...

    def pieces(self) -> Iterator[tuple[str, bool]]: ...


class CsvReader:
    """The rows of one file. Afterwards ``flaw`` says why it ended early, ``is_cut`` whether a budget did that."""

    def __init__(self, text: TextSource) -> None:
        self.flaw: Flaw | None = None
        self._text = text

    @property
    def is_cut(self) -> bool:
        """There is more in the file than the budget allowed to read."""
        return self._text.is_cut

    def chunks(self) -> Iterator[list[list[str]]]:
        """All complete rows in order, some at a time; a blank line is a row without cells."""
        parser = _Parser()
        for text, is_last in self._text.pieces():
            rows = parser.take(text, is_last=is_last)
            for at in range(0, len(rows), ROWS_AT_ONCE):
                yield rows[at : at + ROWS_AT_ONCE]
            if parser.flaw is not None:
                break
        self.flaw = parser.flaw or (Flaw(*self._text.flaw) if self._text.flaw else None)


def read_rows(text: str) -> list[list[str]]:
    """All rows of a request. Raises CsvError."""
    parser = _Parser()
    text = text.removeprefix(BYTE_ORDER_MARK)
    rows: list[list[str]] = []
    for at in range(0, len(text), BLOCK):
        rows += parser.take(text[at : at + BLOCK], is_last=at + BLOCK >= len(text))
        if parser.flaw is not None:
            raise CsvError(parser.flaw)
    return rows


def write_row(cells: Sequence[str]) -> str:
    """A line that reads back as ``cells``, with its end."""
    if len(cells) == 1 and not cells[0]:
        return '""\n'  # else it would be a blank line
    return ",".join(_quoted(cell) if _TO_BE_QUOTED.search(cell) else cell for cell in cells) + "\n"


class _Parser:
    """Makes rows of text that comes in pieces. Once ``flaw`` is there, nothing more can be read."""

    def __init__(self) -> None:
        self.flaw: Flaw | None = None
        self._before = 0  # rows that were read
        self._held = ""  # what may be the beginning of a row

    def take(self, text: str, *, is_last: bool) -> list[list[str]]:
        """The rows that ``text`` completes."""
        text = self._held + text
        # A carriage return at the very end may be half of a line end.
        end = len(text) if is_last else max(text.rfind("\n"), text.rfind("\r", 0, max(len(text) - 1, 0))) + 1
        text, self._held = text[:end], text[end:]
        rows = self._plain(text) if '"' not in text and "\0" not in text else self._any(text, is_last)
        self._before += len(rows)
        if self.flaw is None and len(self._held) > MAX_ROW + 1:
            self._note(self._before + 1, None, _too_long("row", MAX_ROW))
        return rows

    def _note(self, row: int, column: int | None, reason: str, rule: str = "csv") -> None:
        self.flaw = Flaw(rule, reason, row, column)

    def _plain(self, text: str) -> list[list[str]]:
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        rows = [line.split(",") if line else [] for line in lines]
        if len(text) > MAX_CELL and max(map(len, lines)) > MAX_CELL:
            for at, row in enumerate(rows):
                self._check(row, self._before + at + 1, len(lines[at]))
                if self.flaw is not None:
                    return rows[:at]
        return rows

    def _any(self, text: str, is_last: bool) -> list[list[str]]:
        rows: list[list[str]] = []
        rest = text
        if "\0" not in text and len(text) <= MAX_CELL:  # nothing that the csv module might see in another way
            lines = list(io.StringIO(text, newline=""))
            reader, read = csv.reader(lines, strict=True), 0
            try:
                for row in reader:
                    rows.append(row)
                    read = reader.line_num
            except csv.Error:
                pass  # what it was is found out below
            rest = "".join(lines[read:])
        self._read_slowly(rest, is_last, rows)
        return rows

    def _read_slowly(self, text: str, is_last: bool, rows: list[list[str]]) -> None:
        at = 0
        while at < len(text) and self.flaw is None:
            number = self._before + len(rows) + 1
            try:
                row, end = _record(text, at)
            except _UnclosedError as error:
                if is_last:
                    self._note(number, error.column, "a quote that opens here is never closed")
                elif len(_unescaped(text[error.at + 1 :])) > MAX_CELL:
                    self._note(
                        number, error.column, f"a quote that opens here is not closed within {MAX_CELL:,} characters"
                    )
                elif len(text) - at > MAX_ROW:
                    self._note(number, None, _too_long("row", MAX_ROW))
                else:
                    self._held = text[at:] + self._held
                return
            except _TextBehindQuoteError as error:
                self._note(number, error.column, "text follows a closing quote: one may be missing or not doubled")
                return
            self._check(row, number, len(_without_line_end(text[at:end])))
            if self.flaw is None:
                rows.append(row)
                at = end

    def _check(self, row: list[str], number: int, length: int) -> None:
        for column, cell in enumerate(row):
            if "\0" in cell:
                self._note(number, column, "a NUL byte stands here, which no text has", "nul")
                return
            if len(cell) > MAX_CELL:
                self._note(number, column, _too_long("cell", MAX_CELL))
                return
        if length > MAX_ROW:
            self._note(number, None, _too_long("row", MAX_ROW))


class _UnclosedError(Exception):
    """A quoted cell does not end in the text at hand; it opens at ``at``."""

    def __init__(self, column: int, at: int) -> None:
        self.column = column
        self.at = at


class _TextBehindQuoteError(Exception):
    """Something else than a blank follows a closing quote."""

    def __init__(self, column: int) -> None:
        self.column = column


def _record(text: str, at: int) -> tuple[list[str], int]:
    """The row that begins at ``at``, and where the next one does."""
    start = at
    row: list[str] = []
    while True:
        is_quoted = text.startswith('"', at)
        cell, at = _quoted_cell(text, at, len(row)) if is_quoted else ("", at)
        found = _CELL_END.search(text, at)
        end = found.start() if found else len(text)
        if is_quoted and text[at:end].strip(" \t"):
            raise _TextBehindQuoteError(len(row))
        row.append(cell if is_quoted else text[at:end])
        at = end + 1
        if not text.startswith(",", end):
            break
    if end == start:
        row = []
    return row, min(at + text.startswith("\r\n", end), len(text))


def _quoted_cell(text: str, start: int, column: int) -> tuple[str, int]:
    end = text.find('"', start + 1)
    while text.startswith('"', end + 1) and end >= 0:
        end = text.find('"', end + 2)
    if end < 0:
        raise _UnclosedError(column, start)
    return _unescaped(text[start + 1 : end]), end + 1


def _unescaped(quoted: str) -> str:
    return quoted.replace('""', '"')


def _without_line_end(line: str) -> str:
    return line[:-2] if line.endswith("\r\n") else line[:-1] if line.endswith(("\r", "\n")) else line


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def _too_long(what: str, limit: int) -> str:
    return f"the file is not CSV (a {what} is longer than {limit:,} characters)"
