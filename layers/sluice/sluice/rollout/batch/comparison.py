"""Two versions' answers to the same rows, line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import zip_longest
from math import fsum, isfinite
from typing import Any

TOLERANCE_PERCENT = 1.0
"""Numbers that differ by no more than this part of the larger one agree."""

_NO_ANSWER = ("", "nan", "inf", "-inf", "null", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerComparison:
    """The differences between the new version's answers and the current one's."""

    rows: int
    equal: int
    within_tolerance: int  # the equal ones with them
    failures: int  # rows that only the new version has no answer to
    mean_difference: float | None  # new minus current, over all numbers; None if there are none
    mean_absolute_difference: float | None

    def to_json(self) -> dict[str, Any]:
        """With the shares, which are 0..1 and None without any row."""
        shares = {
            "share_equal": round(self.equal / self.rows, 6) if self.rows else None,
            "share_within_tolerance": round(self.within_tolerance / self.rows, 6) if self.rows else None,
        }
        return {**asdict(self), **shares, "tolerance_percent": TOLERANCE_PERCENT}


def compare(current: Iterable[str], new: Iterable[str]) -> AnswerComparison:
    """Compare answers in the same order; a missing line counts as one without an answer."""
    rows = equal = close = failures = 0
    differences: list[float] = []
    for before, after in zip_longest(current, new, fillvalue=""):
        rows += 1
        equal += before == after
        close += _agree(before, after)
        failures += not _is_answer(after) and _is_answer(before)
        differences.extend(_differences(before, after))
    count = len(differences)
    return AnswerComparison(
        rows=rows,
        equal=equal,
        within_tolerance=close,
        failures=failures,
        mean_difference=fsum(differences) / count if count else None,
        mean_absolute_difference=fsum(map(abs, differences)) / count if count else None,
    )


def _agree(before: str, after: str) -> bool:
    if before == after:
        return True
    cells = list(_cells(before, after))
    return bool(cells) and all(_agree_within_tolerance(*pair) for pair in cells)


def _agree_within_tolerance(before: str, after: str) -> bool:
    one, other = _number(before), _number(after)
    if one is None or other is None:
        return before.strip() == after.strip()
    return abs(one - other) <= TOLERANCE_PERCENT / 100 * max(abs(one), abs(other))


def _differences(before: str, after: str) -> Iterator[float]:
    for one, other in ((_number(left), _number(right)) for left, right in _cells(before, after)):
        if one is not None and other is not None:
            yield other - one


def _cells(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Cell by cell; nothing if the lines have different numbers of cells."""
    left, right = before.split(","), after.split(",")
    return zip(left, right, strict=True) if len(left) == len(right) else iter(())


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _is_answer(line: str) -> bool:
    return all(cell.strip().casefold() not in _NO_ANSWER for cell in line.split(","))
