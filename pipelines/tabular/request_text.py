"""The text of a request: decoded as its content type says, else as the model's files are."""

from __future__ import annotations

import re

from file_text import encoding_of, other_format

_BYTE_ORDER_MARK = "\ufeff"
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


def media_type(content_type: str) -> tuple[str, str]:
    """``text/csv; charset=latin-1`` as ``("text/csv", "latin-1")``; the second is empty if no charset is named."""
    kind, _, parameters = content_type.partition(";")
    found = _CHARSET.search(parameters)
    return kind.strip().lower(), found[1].strip().lower() if found else ""


def decode(body: str | bytes, charset: str, encoding: str) -> str:
    """The text of a body; ``encoding`` is that of bodies without a charset. Raises ValueError.

    A body that is text already was decoded as UTF-8 by whoever called, with ``\\ufffd`` for bytes that are not.
    """
    named = _CHARSETS.get(charset or encoding)
    if named is None:
        known = "utf-8, us-ascii, iso-8859-1 (latin-1), windows-1252"
        raise ValueError(f"charset {charset!r} is not supported: send one of {known}")
    if isinstance(body, str):
        if named != "utf-8" and _LOST in body:
            raise ValueError(
                f"the request was decoded as UTF-8, but is {named}: name it, as in text/csv; charset={named}"
            )
        return body.removeprefix(_BYTE_ORDER_MARK)
    start = bytes(body[:16])
    if other := other_format(start):
        raise ValueError(f"the request is {other}, not text")
    try:
        return bytes(body).decode(encoding_of(start, named))
    except UnicodeDecodeError as error:
        raise ValueError(f"the request is not {named} text ({error.reason})") from error
