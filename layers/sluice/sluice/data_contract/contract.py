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
LARGEST_WHOLE = 2**53 - 1
"""Beyond, not every whole number has a float of its own: two identifiers would become one."""

SHOWN_CHARACTERS = 40  # of a bad cell or title

_LIKELY_GAPS = frozenset(
    (
        *("-", "--", "---", ".", "..", "?", "n.a.", "#n/a", "#na", "<na>", "(null)", "\\n", "missing", "unknown"),
        *("#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!"),
    )
)


_NOT_SHOWN: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20)},  # as a picture, such as ␀
    **dict.fromkeys([*range(0x7F, 0xA0), *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070)], "�"),
    **dict.fromkeys([0xFEFF, *range(0xD800, 0xE000)], "�"),
}


class LongNumberError(ValueError):
    """A whole number is too large for all of its digits to be kept."""


def shown(text: str) -> str:
    """The beginning of a text from a file, without control characters: it goes to logs, events and mail."""
    return printable(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")


def printable(text: str) -> str:
    """A text without control characters, such as the key of an object."""
    return text.translate(_NOT_SHOWN)


@dataclass(frozen=True, slots=True)
class CellFormat:
    """How the cells of a model's rows spell numbers and gaps; blanks around a cell mean nothing."""

    decimal: str = "."  # or a comma
    missing_values: frozenset[str] = frozenset()  # beside an empty cell, and for numbers MISSING_NUMBERS

    def number(self, cell: str) -> float:
        """The finite number that ``cell`` spells, NaN where it is missing.

        Raises:
            LongNumberError: it is a whole number beyond ``LARGEST_WHOLE``, written without an exponent.
            ValueError: it is any other text.
        """
        if self.decimal == "." and not self.missing_values:  # the quick way, which nearly every cell takes
            try:
                value = float(cell)
            except ValueError:
                return self._unusual_number(cell)
            if -LARGEST_WHOLE <= value <= LARGEST_WHOLE and "_" not in cell and cell.isascii():
                return value
        return self._unusual_number(cell)

    def category(self, cell: str) -> str:
        """The category that ``cell`` names; empty where it is missing."""
        text = cell.strip()
        return "" if text in self.missing_values else text

    def are_numbers(self, cells: Sequence[str]) -> Sequence[float]:
        """The numbers that ``cells`` spell if each is certainly one and none is missing, else nothing."""
        together = "".join(cells)
        if not together.isascii() or "_" in together or (self.decimal != "." and "." in together):
            return ()
        if self.missing_values and not self.missing_values.isdisjoint(map(str.strip, cells)):
            return ()
        try:
            values = list(map(float, cells if self.decimal == "." else [cell.replace(",", ".") for cell in cells]))
        except ValueError:
            return ()
        certain = math.isfinite(sum(values)) and min(values) >= -LARGEST_WHOLE and max(values) <= LARGEST_WHOLE
        return values if certain else ()

    def spell(self, value: float) -> str:
        """A cell that ``number`` reads as exactly ``value``."""
        if math.isnan(value):
            return ""
        texts = [repr(value), f"{value:.17e}", f"{value:+.17e}", f"{value:+.18e}"]
        texts = [text.replace(".", self.decimal) for text in (texts if abs(value) <= LARGEST_WHOLE else texts[1:])]
        return next((text for text in texts if text not in self.missing_values), texts[0])

    def _unusual_number(self, cell: str) -> float:
        text = cell.strip()
        if text in self.missing_values or text.lower() in MISSING_NUMBERS:
            return math.nan
        plain = text if self.decimal == "." else text.replace(".", "?").replace(self.decimal, ".")
        try:
            value = float(plain)
        except ValueError:
            value = math.inf
        # Python reads 5_0 as 50; in data it is more likely a slip. Which digits beyond ASCII it knows varies.
        if math.isinf(value) or "_" in text or not text.isascii():
            raise ValueError(f"'{shown(cell)}' is not a number")
        if abs(value) > LARGEST_WHOLE and "e" not in text.lower():
            raise LongNumberError(f"'{shown(cell)}' loses digits as a number: make the column a category")
        return value

    def advice(self, cell: str) -> str:
        """What in the data contract may be meant by a cell that is not valid; empty if there is nothing."""
        text = cell.strip()
        if text.lower() in _LIKELY_GAPS:
            return "; if such cells are gaps, list them in missing_values"
        digits = text.lstrip("+-").replace(".", "").replace(",", "", 1)
        if self.decimal == "." and "," in text and digits.isascii() and digits.isdigit():
            return '; if a comma is the decimal mark, say decimal: ","'
        return ""


PLAIN = CellFormat()


@dataclass(frozen=True, slots=True)
class ContractColumn:
    """One column and the values it may have; without ``categories``, a category may be any text."""

    name: str
    type: str = "number"  # number | integer | category
    categories: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    nullable: bool = True
    cells: CellFormat = PLAIN

    @property
    def is_number(self) -> bool:
        return self.type != "category"

    @classmethod
    def parse(cls, raw: Mapping[str, Any], name: str = "", cells: CellFormat = PLAIN) -> ContractColumn:
        return cls(
            name=name or raw["name"],
            type=raw.get("type", "number"),
            categories=tuple(raw.get("categories") or ()),
            low=-math.inf if raw.get("min") is None else float(raw["min"]),
            high=math.inf if raw.get("max") is None else float(raw["max"]),
            nullable=bool(raw.get("nullable", True)),
            cells=cells,
        )

    def broken_rule(self, cell: str) -> tuple[str, str] | None:
        """The rule that a cell breaks, and what was expected; None if the cell is valid."""
        if not self.is_number:
            value = self.cells.category(cell)
            if value and self.categories and value not in self.categories:
                return "categories", f"one of {', '.join(self.categories)[:200]}{self.cells.advice(cell)}"
            return None if value or self.nullable else ("nullable", "a value")
        kind = "a whole number" if self.type == "integer" else "a number"
        try:
            found = self.cells.number(cell)
        except LongNumberError:
            return "digits", f"{kind} up to {LARGEST_WHOLE:,}, as larger ones lose digits: make the column a category"
        except ValueError:
            return "type", kind + self.cells.advice(cell)
        if math.isnan(found):
            return None if self.nullable else ("nullable", "a value")
        if self.type == "integer" and not found.is_integer():
            return "type", kind
        if not self.low <= found <= self.high:
            return "range", f"{self.low:g} to {self.high:g}"
        return None

    def accepts_all(self, cells: Sequence[str]) -> bool:
        """Whether all cells are certainly valid and none is missing: the fast path, which nearly every chunk takes."""
        if not self.is_number:
            if self.cells.missing_values and not self.cells.missing_values.isdisjoint(map(str.strip, cells)):
                return False
            return set(cells).issubset(self.categories) if self.categories else all(map(str.strip, cells))
        values = self.cells.are_numbers(cells)
        if not values or (self.type == "integer" and not all(map(float.is_integer, values))):
            return False
        return self.low <= min(values) and max(values) <= self.high

    def is_missing(self, cell: str) -> bool:
        if not self.is_number:
            return not self.cells.category(cell)
        try:
            return math.isnan(self.cells.number(cell))
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class DataContract:
    """The columns of a model's files; ``columns`` are the features in the order in which live requests send them."""

    target_column: ContractColumn
    columns: tuple[ContractColumn, ...]
    max_missing_share: float  # of a feature's values
    out_of_range: str  # "accept" or "reject"
    positive: str = ""  # the category of the target that a classifier predicts the probability of
    min_rows: int = 1  # of one file, with a value in the target
    max_rows: int | None = None
    encoding: str = "utf-8"
    header: bool = True
    cells: CellFormat = PLAIN
    examples_in_reasons: bool = False  # whether a reason may quote cells

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> DataContract:
        """Read what ``sluice apply`` wrote; what an older one left out has its default."""
        target = raw.get("target_values") or {}
        cells = CellFormat(raw.get("decimal", "."), frozenset(raw.get("missing_values") or ()))
        return cls(
            target_column=ContractColumn.parse(target, raw["target"], cells),
            columns=tuple(ContractColumn.parse(each, cells=cells) for each in raw["columns"]),
            max_missing_share=float(raw["max_missing_share"]),
            out_of_range=raw["out_of_range"],
            positive=target.get("positive") or "",
            min_rows=int(raw.get("min_rows", 1)),
            max_rows=raw.get("max_rows"),
            encoding=raw.get("encoding", "utf-8"),
            header=bool(raw.get("header", True)),
            cells=cells,
            examples_in_reasons=bool(raw.get("examples_in_reasons", False)),
        )

    def shown(self, text: str) -> str:
        """As ``shown``: what is said about a file goes through here."""
        return shown(text)

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
