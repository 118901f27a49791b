"""Reads the bytes of a CSV file, plain or gzip, as rows of text: once, in little memory, up to a budget.

Standard library only and for Python 3.10 on: ``pipelines/tabular`` links to this file, and its jobs run it too.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import Any, Protocol

GZIP_MAGIC = b"\x1f\x8b"
ROWS_AT_ONCE = 250
CELLS_AT_ONCE = 1 << 16  # of which each takes some 60 bytes: wide rows come fewer at a time
MAX_ROW = 1 << 18  # characters: a row without end would fill the memory


class Source(Protocol):
    """Where bytes come from: an open file, or the body of an S3 object."""

    def read(self, size: int, /) -> bytes: ...


class CsvReader:
    """The rows of one file. Afterwards ``flaw`` says why it ended early, ``is_cut`` whether the budget did that."""

    def __init__(self, source: Source, encoding: str = "utf-8", budget_bytes: int | None = None) -> None:
        self.flaw: tuple[str, str] | None = None  # rule and reason
        self._source = source
        self._encoding = "utf-8-sig" if encoding == "utf-8" else encoding
        self._budget = budget_bytes
        self._unpacked: _Unpacked | None = None

    @property
    def is_cut(self) -> bool:
        """There is more in the file than the budget allowed to read."""
        return self._unpacked is not None and self._unpacked.is_cut

    def chunks(self) -> Iterator[list[list[str]]]:
        """All complete rows in order, a few hundred at a time; a blank line is a row without cells."""
        chunk: list[list[str]] = []
        cells = 0
        for row in self._rows():
            chunk.append(row)
            cells += len(row)
            if len(chunk) == ROWS_AT_ONCE or cells >= CELLS_AT_ONCE:
                yield chunk
                chunk, cells = [], 0
        if chunk:
            yield chunk

    def _rows(self) -> Iterator[list[str]]:
        held: list[str] | None = None
        for row in self._records():
            if held is not None:
                yield held
            held = row
        if held is not None and not self.is_cut and self.flaw is None:
            yield held  # else it may have been cut in the middle

    def _records(self) -> Iterator[list[str]]:
        try:
            self._unpacked = _Unpacked(self._source, self._budget)
            with io.TextIOWrapper(
                io.BufferedReader(self._unpacked, 1 << 16), encoding=self._encoding, newline=""
            ) as text:
                lines = _Lines(text)
                for row in csv.reader(lines):
                    lines.row_ends()
                    yield row
        except UnicodeDecodeError as error:
            if not self.is_cut:  # else the budget ended inside a character
                self.flaw = ("encoding", f"the file is not {_named(self._encoding)} text ({error.reason})")
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            self.flaw = ("gzip", f"the gzip file is damaged ({error})")
        except csv.Error as error:
            self.flaw = ("csv", f"the file is not CSV ({error})")


class _Unpacked(io.RawIOBase):
    """The bytes of a source, unpacked if they are gzip, up to a budget of unpacked bytes."""

    def __init__(self, source: Source, budget_bytes: int | None) -> None:
        start = source.read(2)
        whole = _Joined(start, source)
        self._bytes: Any = gzip.GzipFile(fileobj=whole) if start == GZIP_MAGIC else whole  # type: ignore[call-overload]  # needs no more than read
        self._left = budget_bytes
        self.is_cut = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left == 0:
            self.is_cut = self.is_cut or bool(self._bytes.read(1))
            return 0
        found = self._bytes.read(len(buffer) if self._left is None else min(len(buffer), self._left))
        buffer[: len(found)] = found
        if self._left is not None:
            self._left -= len(found)
        return len(found)


class _Joined:
    """A source with the bytes in front again that were read to see what it is."""

    def __init__(self, start: bytes, rest: Source) -> None:
        self._start = start
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        if not self._start:
            return self._rest.read(size)
        end = len(self._start) if size < 0 else size
        taken, self._start = self._start[:end], self._start[end:]
        return taken


class _Lines:
    """The lines as the file has them; raises ``csv.Error`` for a row without end, which quotes spread over lines."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._left = MAX_ROW

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(MAX_ROW + 1):
            self._left -= len(line)
            if self._left < 0:
                raise csv.Error(f"a row is longer than {MAX_ROW:,} characters")
            yield line

    def row_ends(self) -> None:
        self._left = MAX_ROW


def _named(encoding: str) -> str:
    return "UTF-8" if encoding == "utf-8-sig" else encoding
