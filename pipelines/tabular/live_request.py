"""A live request as rows of cells: CSV without a header, or JSON; in the charset that it names, else in the model's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from csv_reader import BYTE_ORDER_MARK, read_rows
from file_text import encoding_of, other_format
from json_cells import read_instances

CSV = "text/csv"
JSON = "application/json"

_LOST = "\ufffd"  # what a decoder puts in the place of bytes that it cannot read
_CHARSET = re.compile(r'(?:^|;)\s*charset\s*=\s*"?([^";]*)', re.IGNORECASE)
_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "windows-1252",
    "cp1252": "windows-1252",
}


@dataclass(frozen=True, slots=True)
class Request:
    """The body of a request, what it holds (``CSV`` or ``JSON``) and its charset, empty if it names none."""

    body: str | bytes
    kind: str
    charset: str

    @classmethod
    def of(cls, body: str | bytes, content_type: str) -> Request:
        """Raises ValueError for a content type other than the two."""
        kind, _, parameters = content_type.partition(";")
        if (kind := kind.strip().lower()) not in (CSV, JSON):
            raise ValueError(f"content type {content_type!r} is not supported: send {CSV} or {JSON}")
        found = _CHARSET.search(parameters)
        return cls(body, kind, found[1].strip().lower() if found else "")

    def rows(self, encoding: str) -> list[list[str]]:
        """The cells of each row; ``encoding`` is that of CSV without a charset. ValueError names what is wrong."""
        if self.kind == JSON:
            rows = read_instances(decode(self.body, self.charset, "utf-8"))
        else:
            if not isinstance(self.body, str) and (other := other_format(bytes(self.body[:16]))):
                raise ValueError(f"the request is {other}, not CSV")
            rows = _without_line_end(read_rows(decode(self.body, self.charset, encoding)))
        if not rows:
            raise ValueError("the request holds no rows")
        return rows


def decode(body: str | bytes, charset: str, encoding: str) -> str:
    """The text of a body; ``encoding`` is that of bodies without a charset. Raises ValueError.

    A body that is text already was decoded as UTF-8 by whoever called, with ``\\ufffd`` for bytes that are not.
    """
    named = _CHARSETS.get(charset or encoding)
    if named is None:
        known = "utf-8, us-ascii, iso-8859-1 (latin-1), windows-1252"
        raise ValueError(f"charset {charset!r} is not supported: send one of {known}")
    if isinstance(body, str):
        if _LOST in body:
            raise ValueError(
                "the request was decoded as UTF-8, but is not: name its charset, as in text/csv; charset=…"
            )
        return body.removeprefix(BYTE_ORDER_MARK)
    start = bytes(body[:16])
    try:
        return bytes(body).decode(encoding_of(start, named))
    except UnicodeDecodeError as error:
        raise ValueError(f"the request is not {named} text ({error.reason})") from error


def _without_line_end(rows: list[list[str]]) -> list[list[str]]:
    """The rows without blank lines at the end; one between rows would make fewer answers than lines."""
    while rows and not rows[-1]:
        rows.pop()
    for line, row in enumerate(rows, start=1):
        if not row:
            raise ValueError(f"line {line} is blank: each line is a row")
    return rows
