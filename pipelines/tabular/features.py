"""What a fitted model does to raw values before XGBoost sees them: fill in, encode, scale.

Preprocessing fits this and encodes the training data with it; the fitted state travels inside the model, so
serving encodes live rows with the very same code and numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from contract import PLAIN, CellFormat
from json_cells import as_a_file_spells


@dataclass(frozen=True, slots=True)
class NumberFeature:
    """A number: the median where it is missing, then standardised; training saw ``low`` to ``high``."""

    name: str
    median: float
    mean: float
    scale: float
    low: float
    high: float

    @property
    def width(self) -> int:
        return 1

    def parse(self, cells: Sequence[str], cell_format: CellFormat) -> np.ndarray:
        return np.array([cell_format.number(cell) for cell in as_a_file_spells(cells, cell_format, None)])

    def check_range(self, values: np.ndarray) -> None:
        """Raise ValueError for the first value outside the range seen in training."""
        outside = values[(values < self.low) | (values > self.high)]
        if outside.size:
            raise ValueError(
                f"column {self.name!r}: {outside[0]:g} is outside {self.low:g} to {self.high:g}, "
                "the range seen in training"
            )

    def encode_into(self, values: np.ndarray, place: np.ndarray) -> None:
        filled = np.where(np.isnan(values), self.median, values)
        place[:, 0] = (filled - self.mean) / self.scale


@dataclass(frozen=True, slots=True)
class CategoryFeature:
    """A category, one-hot: the most frequent one where it is missing, all zeros where it is unknown."""

    name: str
    categories: tuple[str, ...]
    most_frequent: str

    @property
    def width(self) -> int:
        return len(self.categories)

    def parse(self, cells: Sequence[str], cell_format: CellFormat) -> list[str]:
        return [cell_format.category(cell) for cell in as_a_file_spells(cells, cell_format, self.categories)]

    def check_range(self, values: Sequence[str]) -> None:
        """Categories have no range: an unknown one is encoded as such."""

    def unknown(self, values: Sequence[str]) -> Counter[str]:
        """How often each value occurs that training did not know."""
        return Counter(value for value in values if value and value not in self.categories)

    def encode_into(self, values: Sequence[str], place: np.ndarray) -> None:
        index = {text: at for at, text in enumerate(self.categories)}
        index[""] = index[self.most_frequent]
        at = np.array([index.get(value, -1) for value in values])
        known = np.flatnonzero(at >= 0)
        place[known, at[known]] = 1.0


Feature = NumberFeature | CategoryFeature


@dataclass(frozen=True, slots=True)
class Features:
    """All features of a model, in the order in which live requests send them."""

    columns: tuple[Feature, ...]
    target: str
    rejects_out_of_range: bool
    labels: tuple[str, ...] = ()  # of a classifier: the negative category, then the positive one
    cells: CellFormat = PLAIN
    encoding: str = "utf-8"  # of requests that do not name theirs

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Features:
        kinds = {"number": NumberFeature, "category": CategoryFeature}
        columns = []
        for column in state["columns"]:
            fields = dict(column)
            kind = kinds[fields.pop("type")]
            if "categories" in fields:
                fields["categories"] = tuple(fields["categories"])
            columns.append(kind(**fields))
        return cls(
            columns=tuple(columns),
            target=state["target"],
            rejects_out_of_range=state["out_of_range"] == "reject",
            labels=tuple(state["labels"]),
            cells=CellFormat(state["decimal"], frozenset(state["missing_values"])),
            encoding=state["encoding"],
        )

    def to_state(self) -> dict[str, Any]:
        """As JSON: everything that was fitted."""
        return {
            "target": self.target,
            "labels": list(self.labels),
            "out_of_range": "reject" if self.rejects_out_of_range else "accept",
            "encoding": self.encoding,
            "decimal": self.cells.decimal,
            "missing_values": sorted(self.cells.missing_values),
            "columns": [
                {"type": "number" if isinstance(column, NumberFeature) else "category", **asdict(column)}
                for column in self.columns
            ],
        }

    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """One matrix row per data row, from one sequence of values per column."""
        matrix = np.zeros((len(values[0]), sum(column.width for column in self.columns)))
        start = 0
        for column, column_values in zip(self.columns, values, strict=True):
            column.encode_into(column_values, matrix[:, start : start + column.width])
            start += column.width
        return matrix

    def parse(self, rows: Sequence[Sequence[str]]) -> list[Any]:
        """The values of live rows, a sequence for each column.

        ValueError names the row, or the column and the value, that a model cannot accept.
        """
        for at, row in enumerate(rows, start=1):
            if len(row) != len(self.columns):
                names = ", ".join(column.name for column in self.columns)
                raise ValueError(f"row {at} has {len(row)} values, expected {len(self.columns)}: {names}")
        values = [self._parsed(*pair) for pair in zip(self.columns, zip(*rows, strict=True), strict=True)]
        if self.rejects_out_of_range:
            for column, column_values in zip(self.columns, values, strict=True):
                column.check_range(column_values)
        return values

    def unknown(self, values: Sequence[Any]) -> dict[str, Counter[str]]:
        """The categories that training did not know and how often each occurs, by column; no column without any."""
        found = {
            column.name: column.unknown(column_values)
            for column, column_values in zip(self.columns, values, strict=True)
            if isinstance(column, CategoryFeature)
        }
        return {name: counts for name, counts in found.items() if counts}

    def _parsed(self, column: Feature, cells: Sequence[str]) -> Any:
        try:
            return column.parse(cells, self.cells)
        except ValueError as error:
            raise ValueError(f"column {column.name!r}: {error}") from None
