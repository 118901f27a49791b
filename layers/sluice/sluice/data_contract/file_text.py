"""Reads the bytes of a file, plain or gzip, as text: once, in little memory, up to a budget.

Standard library only and for Python 3.10 on: ``pipelines/tabular`` links to this file, and its jobs run it too.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

GZIP_MAGIC = b"\x1f\x8b"
BLOCK = 1 << 16  # bytes that are read at once
GZIP_BLOCK = 1 << 14  # of a gzip file: what stands behind a member is copied, and members may be small

PACKED_SLACK = 1 << 18
PACKED_SHARE = 4
"""A gzip file has at most so many packed bytes for one of text, and the slack: more is padding, or headers and members
without content, which take time and give nothing. Deflate itself adds 5 bytes to 65,535, and a member has 18."""

MEMBERS_SLACK = 10_000
MEMBER_BYTES = 128
"""A gzip file has at most one member for so many bytes of text, and the slack."""

_LONGEST_MARK = 16
_OTHER_FORMATS = (
    (b"PK\x03\x04", "a zip (or Excel) file"),
    (b"PK\x05\x06", "a zip file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel (or other Office) file"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"FEA1", "a Feather file"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"%PDF-", "a PDF file"),
    (b"<!DOCTYPE html", "an HTML page"),
    (b"<!doctype html", "an HTML page"),
    (b"<?xml ", "an XML file"),
    (b'{"', "JSON"),
    (b'[{"', "JSON"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z file"),
    (GZIP_MAGIC, "a gzip file within a gzip file"),
    (codecs.BOM_UTF32_LE, "UTF-32 text"),
    (codecs.BOM_UTF16_LE, "UTF-16 text"),
    (codecs.BOM_UTF16_BE, "UTF-16 text"),
)


class Source(Protocol):
    """Where bytes come from: an open file, or the body of an S3 object."""

    def read(self, size: int, /) -> bytes: ...


class FileText:
    """The text of one file. Afterwards ``flaw`` says by which rule and why it ended early.

    ``is_late`` is asked between blocks: once it is true, no more is read, as if the budget were used up. The first
    block is read in any case: nothing is known of a file without its titles.
    """

    def __init__(
        self,
        source: Source,
        encoding: str = "utf-8",
        budget_bytes: int | None = None,
        is_late: Callable[[], bool] = lambda: False,
    ) -> None:
        self.flaw: tuple[str, str] | None = None
        self._source = source
        self._encoding = encoding
        self._budget = budget_bytes
        self._is_late = is_late
        self._unpacked: _Unpacked | None = None

    @property
    def is_cut(self) -> bool:
        """There is more in the file than the budget allowed to read."""
        return self._unpacked is not None and self._unpacked.is_cut

    def pieces(self) -> Iterator[tuple[str, bool]]:
        """The text in pieces without a byte order mark, and whether it is the last one; none is if it ends early."""
        try:
            yield from self._decoded()
        except UnicodeDecodeError as error:
            self.flaw = ("encoding", f"the file is not {_named(self._encoding)} text ({error.reason})")
        except zlib.error as error:
            self.flaw = ("gzip", f"the gzip file is damaged ({error})")
        except _NoGzipError as error:
            self.flaw = ("gzip", str(error))

    def _decoded(self) -> Iterator[tuple[str, bool]]:
        unpacked = self._unpacked = _Unpacked(self._source, self._budget, self._is_late)
        block = unpacked.read(_LONGEST_MARK)
        while len(block) < _LONGEST_MARK and (more := unpacked.read(_LONGEST_MARK - len(block))):
            block += more  # a source may give less than it is asked for
        if other := other_format(block):
            self.flaw = ("csv", f"this is {other}, not CSV")
            return
        self._encoding = encoding_of(block, self._encoding)
        decoder = codecs.getincrementaldecoder(self._encoding)()
        while block:
            yield decoder.decode(block), False
            block = unpacked.read(BLOCK)
        if not unpacked.is_cut:  # else the budget may have ended inside a character or a row
            yield decoder.decode(b"", True), True


def encoding_of(start: bytes, encoding: str) -> str:
    """The encoding of text that begins with ``start``: a byte order mark says it more surely than a setting."""
    return "utf-8-sig" if encoding == "utf-8" or start.startswith(codecs.BOM_UTF8) else encoding


def other_format(start: bytes) -> str:
    """What the first 16 bytes show to be no CSV, such as ``a Parquet file``; empty for all else."""
    for mark, name in _OTHER_FORMATS:
        if start.startswith(mark):
            following = start[len(mark) :].lstrip(b"\r\n\t")
            if mark.isalnum() and (not following or 0x20 <= following[0] < 0x7F):
                return ""  # a title or a value that begins like that
            return name
    return ""


class _Unpacked:
    """The bytes of a source, unpacked if they are gzip, up to a budget of unpacked bytes."""

    def __init__(self, source: Source, budget_bytes: int | None, is_late: Callable[[], bool]) -> None:
        start = source.read(BLOCK)  # at once: each read may take its time
        while len(start) < len(GZIP_MAGIC) and (more := source.read(BLOCK)):
            start += more
        whole = _Joined(start, source)
        self._bytes: Source = _Gzip(whole) if start.startswith(GZIP_MAGIC) else whole
        self._left = budget_bytes
        self._is_late = is_late
        self._read = 0
        self.is_cut = False

    def read(self, size: int) -> bytes:
        if self._is_late() and self._read > _LONGEST_MARK:
            self.is_cut = True  # whether more would have come takes another read to know
            return b""
        if self._left == 0:
            self.is_cut = self.is_cut or bool(self._bytes.read(1))
            return b""
        found = self._bytes.read(size if self._left is None else min(size, self._left))
        self._read += len(found)
        if self._left is not None:
            self._left -= len(found)
        return found


class _NoGzipError(Exception):
    """It is no gzip file that is worth its time; the text says why."""


class _Gzip:
    """The content of a gzip file, of one member or several, behind each of which NUL bytes may stand.

    Unlike the standard library's, it reads no more than ``PACKED_SHARE`` allows for what it gives: that reads
    padding byte by byte, and headers and empty members without end.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._held = b""  # packed bytes that were read and not used yet
        self._member: Any = None  # type of zlib.decompressobj, which has no name
        self._members = 0
        self._packed = 0
        self._text = 0

    def read(self, size: int) -> bytes:
        """``size`` bytes of content; fewer at its end."""
        found = b""
        while len(found) < size and (more := self._some(size - len(found))):
            found += more
        return found

    def _some(self, size: int) -> bytes:
        while self._member is not None or self._begin_member():
            packed, self._held = self._held or self._take(), b""
            found: bytes = self._member.decompress(packed, size)
            self._text += len(found)
            if self._member.eof:
                self._held, self._member = self._member.unused_data, None
            elif found or packed:
                self._held = self._member.unconsumed_tail
            else:
                raise _NoGzipError("the gzip file is damaged (it ends within its content)")
            self._check()
            if found:
                return found
        return b""

    def _begin_member(self) -> bool:
        """Whether another member follows."""
        self._skip_padding()
        if not self._held:
            return False
        if not self._held.startswith(GZIP_MAGIC):
            raise _NoGzipError("the gzip file is damaged (other bytes stand behind its content)")
        self._member = zlib.decompressobj(wbits=31)  # with the header and the checksum of gzip
        self._members += 1
        return True

    def _skip_padding(self) -> None:
        """Read until a member can begin, or to the end."""
        while True:
            if self._members:
                self._held = self._held.lstrip(b"\0")
            if len(self._held) >= len(GZIP_MAGIC):
                return
            packed = self._take()
            if not packed:
                return
            self._held += packed
            self._check()

    def _take(self) -> bytes:
        packed = self._source.read(GZIP_BLOCK)
        self._packed += len(packed)
        return packed

    def _check(self) -> None:
        if self._packed > PACKED_SHARE * self._text + PACKED_SLACK:
            raise _NoGzipError(
                f"the gzip file has more than {PACKED_SHARE} packed bytes for one of text, such as padding, headers or "
                "empty members: pack the text again"
            )
        if self._members > MEMBERS_SLACK + self._text // MEMBER_BYTES:
            raise _NoGzipError(
                f"the gzip file has more than {MEMBERS_SLACK:,} members of less than {MEMBER_BYTES} bytes of text: "
                "pack the text again"
            )


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


def _named(encoding: str) -> str:
    return "UTF-8" if encoding == "utf-8-sig" else encoding
