"""The data contract: which columns a file has, and which values their cells may have.

Standard library only, nothing of this package, and for Python 3.10 on: ``pipelines/tabular`` links to this file,
so that a cell means the same when it is validated, trained on and served.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MISSING_NUMBERS = frozenset({"", "na", "n/a", "nan", "null", "none"})
SHOWN_CHARACTERS = 40  # of a bad cell


def parse_number(cell: str) -> float:
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


def parse_category(cell: str) -> str:
    """The category that ``cell`` names; empty where it is missing."""
    return cell.strip()


@dataclass(frozen=True, slots=True)
class ContractColumn:
    """One column and the values it may have; without ``categories``, a category may be any text."""

    name: str
    type: str = "number"  # number | integer | category
    categories: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    nullable: bool = True

    @property
    def is_number(self) -> bool:
        return self.type != "category"

    @classmethod
    def parse(cls, raw: Mapping[str, Any], name: str = "") -> ContractColumn:
        return cls(
            name=name or raw["name"],
            type=raw.get("type", "number"),
            categories=tuple(raw.get("categories") or ()),
            low=-math.inf if raw.get("min") is None else float(raw["min"]),
            high=math.inf if raw.get("max") is None else float(raw["max"]),
            nullable=bool(raw.get("nullable", True)),
        )

    def broken_rule(self, cell: str) -> tuple[str, str] | None:
        """The rule that a cell breaks, and what was expected; None if the cell is valid."""
        if not self.is_number:
            value = parse_category(cell)
            if value and self.categories and value not in self.categories:
                return "categories", f"one of {', '.join(self.categories)[:200]}"
            return None if value or self.nullable else ("nullable", "a value")
        try:
            found = parse_number(cell)
        except ValueError:
            return "type", "a whole number" if self.type == "integer" else "a number"
        if math.isnan(found):
            return None if self.nullable else ("nullable", "a value")
        if self.type == "integer" and not found.is_integer():
            return "type", "a whole number"
        if not self.low <= found <= self.high:
            return "range", f"{self.low:g} to {self.high:g}"
        return None

    def accepts_all(self, cells: Sequence[str]) -> bool:
        """Whether all cells are certainly valid and none is missing: the fast path, which nearly every chunk takes."""
        if not self.is_number:
            return set(cells).issubset(self.categories) if self.categories else all(map(str.strip, cells))
        try:
            values = list(map(float, cells))
        except ValueError:
            return False
        if not math.isfinite(sum(values)) or "_" in "".join(cells):
            return False
        if self.type == "integer" and not all(map(float.is_integer, values)):
            return False
        return self.low <= min(values) and max(values) <= self.high

    def is_missing(self, cell: str) -> bool:
        return cell.strip().lower() in MISSING_NUMBERS if self.is_number else not parse_category(cell)


@dataclass(frozen=True, slots=True)
class DataContract:
    """The columns of a model's files; ``columns`` are the features in the order in which live requests send them."""

    target_column: ContractColumn
    columns: tuple[ContractColumn, ...]
    max_missing_share: float  # of a feature's values
    out_of_range: str  # "accept" or "reject"
    positive: str = ""  # the category of the target that a classifier predicts the probability of
    min_rows: int = 1  # of one file
    max_rows: int | None = None
    encoding: str = "utf-8"
    header: bool = True

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> DataContract:
        """Read what ``sluice apply`` wrote; what an older one left out has its default."""
        target = raw.get("target_values") or {}
        return cls(
            target_column=ContractColumn.parse(target, raw["target"]),
            columns=tuple(ContractColumn.parse(each) for each in raw["columns"]),
            max_missing_share=float(raw["max_missing_share"]),
            out_of_range=raw["out_of_range"],
            positive=target.get("positive") or "",
            min_rows=int(raw.get("min_rows", 1)),
            max_rows=raw.get("max_rows"),
            encoding=raw.get("encoding", "utf-8"),
            header=bool(raw.get("header", True)),
        )

    @property
    def target(self) -> str:
        return self.target_column.name

    @property
    def order(self) -> tuple[str, ...]:
        """The columns of a file without a header: the features, then the target."""
        return tuple(column.name for column in self.every_column)

    @property
    def every_column(self) -> tuple[ContractColumn, ...]:
        """The features and the target."""
        return (*self.columns, self.target_column)
