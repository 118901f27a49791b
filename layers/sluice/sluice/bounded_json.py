"""Reads JSON that others wrote, within bounds: what is beyond them breaks arithmetic, tables or logs later on. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

MAX_BYTES = 1 << 20
"""The largest message of SQS, and more than an event of EventBridge may have."""

MAX_DEPTH = 32
MAX_DIGITS = 38
"""Of a whole number, as many as DynamoDB keeps. ``math.isfinite`` fails from 310 digits on."""

_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)


class BoundsError(ValueError):
    """What was read is no JSON, or beyond a bound. The text quotes nothing of it, as errors are logged."""


def parse_json(text: str | bytes, max_bytes: int = MAX_BYTES) -> Any:
    """The value that ``text`` spells.

    Raises:
        BoundsError: it is no JSON, larger or nested deeper than allowed, or has a number or a character beyond what
            tables, logs and events can hold.
    """
    if len(text) > max_bytes:
        raise BoundsError(f"there are more than {max_bytes:,} bytes; allowed: fewer")
    try:
        found = json.loads(text, parse_int=_whole)
    except BoundsError:
        raise
    except (ValueError, RecursionError) as error:
        nested = "it is nested too deep" if isinstance(error, RecursionError) else "it is no JSON"
        raise BoundsError(nested) from None
    _check(found)
    return found


def parse_moment(text: Any) -> datetime:
    """An ISO 8601 time in UTC, without a zone taken as UTC.

    Raises:
        BoundsError: it is none, or lies so far away that adding to it or another zone overflows.
    """
    try:
        found = datetime.fromisoformat(text)
        aware = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise BoundsError("a time is not in the form of ISO 8601") from None
    if not _FIRST <= aware < _LAST:
        raise BoundsError(f"a time lies outside of the years {_FIRST.year} to {_LAST.year - 1}")
    return aware


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise BoundsError(f"a whole number has more than {MAX_DIGITS} digits")
    return int(digits)


def _check(found: Any) -> None:
    level = [found]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, str) and not _is_unicode(each):
                raise BoundsError("a text has half of a character (a lone surrogate)")
        if not below:
            return
        level = below
    raise BoundsError(f"it is nested deeper than {MAX_DEPTH} levels")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
