"""Rows of a JSON request as a file would spell them, so that CSV and JSON mean the same to a model.

A text is a cell. ``null`` is a gap. A number or a boolean has no spelling of its own: it stands for the one category,
or the one missing value, with the same value: 2.0 for ``2``, 7 for ``007``, true for ``True``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from contract import CellFormat

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?\s*", re.ASCII)


class JsonLiteral(str):
    """A number or a boolean as the request has it; as a text it would be a cell."""

    __slots__ = ()


def read_instances(text: str) -> list[list[str]]:
    """The rows of ``{"instances": [[...], ...]}``. Raises ValueError."""
    # Digits are kept as they are: a float would round a long identifier to its neighbour.
    request = json.loads(text, parse_int=JsonLiteral, parse_float=JsonLiteral, parse_constant=_constant)
    instances = request.get("instances") if isinstance(request, dict) else None
    if not isinstance(instances, list) or not all(isinstance(row, list) for row in instances):
        raise ValueError('expected {"instances": [[...], ...]}')
    return [[_cell(value, row, at) for at, value in enumerate(values, 1)] for row, values in enumerate(instances, 1)]


def as_a_file_spells(cells: Sequence[str], cell_format: CellFormat, categories: Iterable[str] | None) -> Sequence[str]:
    """Cells of one column, in which numbers and booleans have become what a file has for them.

    ``categories`` are those of a category, None for a number. ValueError for one that could be either of two.
    """
    if JsonLiteral not in set(map(type, cells)):  # as in every request of CSV
        return cells
    spellings = [*(categories or ()), *sorted(cell_format.missing_values)]
    known: dict[Any, list[str]] = {}
    for spelling in spellings:
        known.setdefault(_value(spelling, cell_format.decimal), []).append(spelling)
    known.pop(None, None)
    exactly = set(spellings)

    def spelled(literal: JsonLiteral) -> str:
        if literal in exactly:
            return str(literal)
        found = known.get(_value(literal, "."), [])
        if len(found) > 1:
            raise ValueError(f"{literal!s} may be any of {', '.join(found)}: send it as a text")
        if found:
            return found[0]
        return literal.replace(".", cell_format.decimal) if categories is None else str(literal)

    return [spelled(cell) if isinstance(cell, JsonLiteral) else cell for cell in cells]


def _value(spelling: str, decimal: str) -> Any:
    """What two spellings of the same have in common: exact, since floats make neighbours of long numbers equal."""
    plain = spelling if decimal == "." else spelling.replace(".", "?").replace(decimal, ".")
    if _NUMBER.fullmatch(plain):
        return Decimal(plain.strip())
    return spelling.lower() if spelling.lower() in ("true", "false") else None


def _cell(value: Any, row: int, column: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return JsonLiteral(str(value).lower())
    if not isinstance(value, str):
        kind = "a list" if isinstance(value, list) else "an object"
        raise ValueError(f"row {row}: value {column} is {kind}, not a text, a number, true, false or null")
    if "\0" in value:
        raise ValueError(f"row {row}: value {column}: a NUL byte stands here, which no text has")
    return value


def _constant(name: str) -> str | None:
    return None if name == "NaN" else JsonLiteral(name)  # NaN is what Python writes for a gap
