"""How the text of one CSV cell becomes a value: the same when a model is trained and when it serves."""

from __future__ import annotations

import math

SHOWN_CHARACTERS = 40  # of a bad cell
MISSING_NUMBERS = frozenset({"", "na", "n/a", "nan", "null", "none"})


def number(cell: str) -> float:
    """The finite number that ``cell`` spells, NaN where it is missing; ValueError for any other text."""
    try:
        value = float(cell)
    except ValueError:
        if cell.strip().lower() in MISSING_NUMBERS:
            return math.nan
        value = math.inf
    if math.isinf(value) or "_" in cell:  # Python reads 5_0 as 50; in data it is more likely a slip
        shown = cell if len(cell) <= SHOWN_CHARACTERS else cell[:SHOWN_CHARACTERS] + "…"
        raise ValueError(f"{shown!r} is not a number")
    return value


def category(cell: str) -> str:
    """The category that ``cell`` names; empty where it is missing."""
    return cell.strip()
