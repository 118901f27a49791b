"""Numbers on the command line, refused in words when they are out of range."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from math import isfinite


def above_zero(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not isfinite(value) or value <= 0:
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def whole(least: int, most: int) -> Callable[[str], int]:
    """Reads whole numbers from ``least`` to ``most``; thousands may be set apart with , or _."""

    def read(text: str) -> int:
        digits = text.replace(",", "").replace("_", "")
        in_form = digits.isascii() and digits.isdigit() and len(digits) <= len(str(most))
        if not in_form or not least <= int(digits) <= most:
            raise ArgumentTypeError(f"{text!r} is not a whole number from {least:,} to {most:,}")
        return int(digits)

    return read
