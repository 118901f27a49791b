"""A request trace: how many requests came in each second or minute."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from cli.failures import BadInputError

_UNITS = {"second": 1, "minute": 60}
DURATION_MAX_SECONDS = 31 * 86_400
REQUESTS_MAX = 5_000_000
"""A simulated request takes about 50 bytes and some microseconds; the search replays them a dozen times."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests in each of a row of equal time spans, the first of which begins at 0."""

    span_seconds: int
    counts: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def minutes(self) -> int:
        """The trace's length, begun minutes counted whole."""
        return -(-len(self.counts) * self.span_seconds // 60)

    def arrivals(self, random: Random) -> Iterator[float]:
        """When each request comes, in seconds: anywhere in its span with equal chance, in order."""
        for index, count in enumerate(self.counts):
            begin = index * self.span_seconds
            yield from sorted(begin + random.random() * self.span_seconds for _ in range(count))


def read_trace(path: Path) -> Trace:
    """The trace in a CSV file with the columns ``second`` or ``minute``, and ``requests``.

    Times are whole, from 0 and rising; those that are left out had no requests. Raises ``BadInputError``.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path} cannot be read: {error}") from error
    head = [cell.strip() for cell in rows[0]] if rows else []
    if len(head) != 2 or head[0] not in _UNITS or head[1] != "requests":
        raise BadInputError(f"{path}:1: expected the columns second,requests or minute,requests, got {','.join(head)}")
    return Trace(_UNITS[head[0]], _counts(path, rows[1:], DURATION_MAX_SECONDS // _UNITS[head[0]]))


def _counts(path: Path, rows: Sequence[Sequence[str]], most: int) -> list[int]:
    counts: list[int] = []
    total = 0
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        try:
            time, requests = (_whole(cell) for cell in row)
        except ValueError as error:
            raise BadInputError(f"{path}:{line}: expected two whole numbers from 0, got {','.join(row)}") from error
        if time < len(counts):
            raise BadInputError(f"{path}:{line}: time {time} does not rise")
        if time >= most:
            raise BadInputError(f"{path}:{line}: a trace may last 31 days at most")
        total += requests
        if total > REQUESTS_MAX:
            raise BadInputError(f"{path}:{line}: a trace may have {REQUESTS_MAX:,} requests at most")
        counts.extend([0] * (time - len(counts)))
        counts.append(requests)
    if not total:
        raise BadInputError(f"{path} has no requests")
    return counts


def _whole(cell: str) -> int:
    text = cell.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ValueError(text)
    return int(text)
