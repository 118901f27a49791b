"""Small pictures made of characters, for terminals and logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log10

_LEVELS = " ▁▂▃▄▅▆▇█"
_BOTH = "*"


def sparkline(values: Sequence[float], width: int = 60, top: float | None = None) -> str:
    """One row of bars from zero to ``top`` (default: the highest value); each bar is the highest it stands for."""
    if not values:
        return ""
    highest = max(values) if top is None else top
    bars = min(width, len(values))
    edges = [index * len(values) // bars for index in range(bars + 1)]
    peaks = (max(values[start:end]) for start, end in pairwise(edges))
    return "".join(_LEVELS[_level(peak, highest)] for peak in peaks)


def _level(value: float, highest: float) -> int:
    if value <= 0 or highest <= 0:
        return 0
    return max(1, min(8, round(8 * value / highest)))  # what is there at all is visible


def log_plot(x: Sequence[float], lines: Mapping[str, Sequence[float]], height: int = 12) -> list[str]:
    """Lines over ``x``, one column per value, heights on a logarithmic scale; all values are above zero.

    A line is drawn with the first letter of its name, and with ``*`` where it hides another one.
    """
    low = log10(min(min(line) for line in lines.values()))
    high = log10(max(max(line) for line in lines.values()))
    span = (high - low) or 1.0
    grid = [[" "] * len(x) for _ in range(height)]
    for name, line in lines.items():
        for column, value in enumerate(line):
            row = height - 1 - round((log10(value) - low) / span * (height - 1))
            grid[row][column] = name[0] if grid[row][column] == " " else _BOTH
    labels = {0: f"{10**high:,.2f}", height - 1: f"{10**low:,.2f}"}
    margin = max(map(len, labels.values()))
    rows = [f"{labels.get(index, ''):>{margin}} |{''.join(row)}" for index, row in enumerate(grid)]
    left, right = short(x[0]), short(x[-1])
    axis = left + right.rjust(max(len(x) - len(left), len(right) + 1))
    return [*rows, " " * margin + " +" + "-" * len(x), " " * (margin + 2) + axis]


def short(number: float) -> str:
    """1500 as 1.5k."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"
