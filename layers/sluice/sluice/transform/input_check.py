"""Finds the lines of a batch input that a transform job would fail on, or answer with another number of rows. Pure.

A transform job knows nothing of CSV when it splits its input: a line, up to its ``\\n``, is a record. So each line has
to be one row. A job that filters or joins reads the cells of each record, too, by a stricter rule than the model's own
reader: a quote stands at the beginning and at the end of a cell only, or doubled between
(https://github.com/aws/amazon-sagemaker-examples/issues/898).

Text comes in chunks of bytes and is looked at line by line only where a chunk has something unusual.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sluice.data_contract.contract import printable
from sluice.data_contract.csv_reader import MAX_CELL
from sluice.data_contract.file_text import GZIP_MAGIC, other_format

BLANK = "it is blank"
NOT_A_ROW = "a cell holds a line end: in batch input a row is one line"
UNCLOSED = "a quote that opens here is never closed"
BEHIND_QUOTE = "text follows a closing quote: one may be missing or not doubled"
BARE_QUOTE = (
    "a quote stands inside of a cell, or a blank behind one: SageMaker refuses that where it filters or joins; "
    "put the cell into quotes and double those in it"
)
CARRIAGE_RETURN = "a carriage return stands inside of it: a transform job splits rows at line feeds only"
NUL = "a NUL byte stands here, which no text has"
HEADER = "it looks like a header; batch.header: true leaves the first line of each file out"
NO_HEADER = "it has no titles, but numbers: batch.header: true would leave a row out"

_PLAIN = rb'[^",]*'
_TEXT = rb'(?:[^",][^,]*)?'
_QUOTED = rb'"[^"]*(?:""[^"]*)*"'
_STRICT = re.compile(rb"(?:%b|%b)(?:,(?:%b|%b))*" % (_PLAIN, _QUOTED, _PLAIN, _QUOTED))
_LENIENT = re.compile(rb"(?:%b|%b[ \t]*)(?:,(?:%b|%b[ \t]*))*" % (_TEXT, _QUOTED, _TEXT, _QUOTED))
_OPEN = re.compile(rb'(?:(?:%b|%b[ \t]*),)*"[^"]*(?:""[^"]*)*' % (_TEXT, _QUOTED))
_LONE_RETURN = re.compile(rb"\r(?!\n)")
_NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*")


class UnreadableInputError(ValueError):
    """A file as a whole can be no input of a transform job; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRules:
    """What the lines of a model's batch input have to be."""

    encoding: str  # as a data contract names it
    names: tuple[str, ...]  # of the columns
    has_header: bool  # the first line of each file holds titles
    reads_cells: bool  # the job filters or joins
    joins: bool = False  # the answer is written behind its row
    max_line_bytes: int


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line, or several that are one row, which cannot be scored; ``number`` counts the file's lines from 1."""

    number: int
    reason: str
    text: bytes  # with line ends


@dataclass(frozen=True, slots=True)
class CheckedLines:
    """A part of a file: its good lines, how many they are, and its bad lines."""

    good: bytes  # as they are to be scored
    rows: int
    bad: tuple[BadLine, ...]
    is_changed: bool = False  # the good lines are not as they were


def check_lines(chunks: Iterable[bytes], rules: LineRules) -> Iterator[CheckedLines]:
    """The lines of one file, in order, without its header; what is held at a time is a chunk and a line.

    Raises:
        UnreadableInputError: the file is no text, or a line has no end.
    """
    check = _Check(rules)
    held = b""
    for chunk in chunks:
        held += chunk
        end = held.rfind(b"\n") + 1
        whole, held = held[:end], held[end:]
        # A gzip file of few bytes may have no line end at all: it is seen below.
        if whole:
            yield _with_line_feeds(check.take(whole, is_last=False), rules)
        if len(held) > rules.max_line_bytes + MAX_CELL:
            raise UnreadableInputError(f"line {check.number} is longer than a request may be: {_allowed(rules)}")
    if held or check.held:
        yield _with_line_feeds(check.take(held, is_last=True), rules)


def _with_line_feeds(part: CheckedLines, rules: LineRules) -> CheckedLines:
    """Without the carriage returns of line ends, if the answer is to stand behind its row.

    Nothing says whether a transform job takes them for a part of the record. Then the answer would stand behind a
    carriage return, where many a reader of CSV begins another row.
    """
    if not rules.joins or b"\r" not in part.good:
        return part
    good = part.good.removesuffix(b"\r").replace(b"\r\n", b"\n")
    return CheckedLines(good, part.rows, part.bad, is_changed=True)


def _allowed(rules: LineRules) -> str:
    return f"batch.max_payload_mb allows {rules.max_line_bytes >> 20} MB"


@dataclass(slots=True)
class _Check:
    """The state of one file's check."""

    rules: LineRules
    number: int = 1  # of the next line
    held: list[bytes] = field(default_factory=list)  # lines since a quote that is open
    _held_bytes: int = 0
    _titles: tuple[bytes, ...] = ()

    def take(self, text: bytes, *, is_last: bool) -> CheckedLines:
        """Whole lines, the last one of the file with or without its end."""
        good: list[bytes] = []
        bad: list[BadLine] = []
        if self.number == 1 and not self.held:
            text = self._begin(text, bad)
        if text and not self.held and self._is_plain(text):
            rows = text.count(b"\n") + (not text.endswith(b"\n"))
            self.number += rows
            return CheckedLines(text, rows, tuple(bad))
        lines = deque(_lines(text))
        while lines or (is_last and self.held):
            if lines:
                self._take_line(lines.popleft(), lines, good, bad)
            else:
                self._give_up(lines, bad)
        return CheckedLines(b"".join(good), len(good), tuple(bad))

    def _begin(self, text: bytes, bad: list[BadLine]) -> bytes:
        """Look at the first line; returns what is to be scored of the text."""
        start = text[:16]
        if start.startswith(GZIP_MAGIC):
            raise UnreadableInputError("this is a gzip file: batch input is not unpacked")
        if other := other_format(start):
            raise UnreadableInputError(f"this is {other}, not CSV")
        mark = codecs.BOM_UTF8 if start.startswith(codecs.BOM_UTF8) else b""
        if mark and self.rules.encoding != "utf-8":
            raise UnreadableInputError(
                f"it begins with the mark of UTF-8, but data.encoding is {self.rules.encoding}, in which all requests "
                "but the first would be read"
            )
        first, end, rest = text.partition(b"\n")
        # A title may be quoted, or wrong in other ways: it is not scored.
        titles = first.removeprefix(mark).rstrip(b"\r")
        cells = [cell.strip(' "') for cell in titles.decode(self.rules.encoding, errors="replace").split(",")]
        is_header = _looks_like_header(cells, self.rules.names)
        if self.rules.has_header:
            if not is_header and any(_NUMBER.fullmatch(cell) for cell in cells):
                bad.append(BadLine(1, NO_HEADER, first + end))
            self.number = 2
            self._titles = (titles,)
            return rest
        if is_header:
            self.number = 2
            bad.append(BadLine(1, HEADER, first + end))
            self._titles = (titles,)
            return rest
        features = ",".join(self.rules.names[:-1])
        self._titles = tuple(
            each.encode(self.rules.encoding, errors="replace") for each in (features, ",".join(self.rules.names))
        )
        return text

    def _is_plain(self, text: bytes) -> bool:
        """Whether no line can be bad; False says nothing."""
        if b'"' in text or b"\0" in text or text.startswith((b"\n", b"\r\n")) or b"\n\n" in text:
            return False
        if b"\r" in text and (b"\n\r\n" in text or _LONE_RETURN.search(text)):
            return False
        if any(title in text for title in self._titles if title):
            return False
        if len(text) > self.rules.max_line_bytes:
            return False
        return text.isascii() or self._is_text(text)

    def _is_text(self, text: bytes) -> bool:
        try:
            text.decode(self.rules.encoding)
        except UnicodeDecodeError:
            return False
        return True

    def _take_line(self, line: bytes, lines: deque[bytes], good: list[bytes], bad: list[BadLine]) -> None:
        """Judge a line, or hold it while a quote is open; ``lines`` are those behind it."""
        if self.held:
            self._take_next_of_row(line, lines, bad)
            return
        reason = self._reason(_bare(line))
        if reason == UNCLOSED:
            self.held, self._held_bytes = [line], len(line)
            return
        if reason:
            bad.append(BadLine(self.number, reason, line))
        else:
            good.append(line)
        self.number += 1

    def _take_next_of_row(self, line: bytes, lines: deque[bytes], bad: list[BadLine]) -> None:
        """A line behind one whose quote is open: the last of the row if it closes the quote."""
        self.held.append(line)
        self._held_bytes += len(line)
        if b'"' in line:
            text = b"".join(self.held)
            if _LENIENT.fullmatch(_bare(text)):
                bad.append(BadLine(self.number, NOT_A_ROW, text))
                self.number += len(self.held)
                self.held = []
            elif not _OPEN.fullmatch(_bare(text)):
                self._give_up(lines, bad)
        if self.held and self._held_bytes > MAX_CELL:
            self._give_up(lines, bad)

    def _give_up(self, lines: deque[bytes], bad: list[BadLine]) -> None:
        """The quote that is open is never closed: its line is bad, and those behind it stand for themselves."""
        first, *others = self.held
        self.held = []
        bad.append(BadLine(self.number, UNCLOSED, first))
        self.number += 1
        lines.extendleft(reversed(others))

    def _reason(self, line: bytes) -> str:
        """Why a line cannot be scored; empty if it can."""
        if not line.strip():
            return BLANK
        if b"\0" in line:
            return NUL
        if b"\r" in line:
            return CARRIAGE_RETURN
        if line in self._titles:
            return HEADER if not self.rules.has_header else "the header stands here again"
        if len(line) > self.rules.max_line_bytes:
            return f"it is longer than a request may be: {_allowed(self.rules)}"
        if not line.isascii() and not self._is_text(line):
            return f"it is not {self.rules.encoding} text"
        if b'"' not in line or _STRICT.fullmatch(line):
            return ""
        if _LENIENT.fullmatch(line):
            return BARE_QUOTE if self.rules.reads_cells else ""
        return UNCLOSED if _OPEN.fullmatch(line) else BEHIND_QUOTE


def _lines(text: bytes) -> list[bytes]:
    """Split at line feeds alone, with them."""
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _bare(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _looks_like_header(cells: list[str], names: tuple[str, ...]) -> bool:
    """Whether all cells are names of different columns, or half of them and none is a number."""
    found = {cell.casefold() for cell in cells} & {name.casefold() for name in names}
    if not found or 2 * len(found) < len(cells):
        return False
    return len(found) == len(cells) or not any(_NUMBER.fullmatch(cell) for cell in cells)


def told(key: str, line: BadLine) -> str:
    """A bad line for people: ``<key>, line 3: …``."""
    return f"{printable(key)}, line {line.number}: {line.reason}"
