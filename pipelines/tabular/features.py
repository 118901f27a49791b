"""What a fitted model does to raw values before XGBoost sees them: fill in, encode, scale.

Preprocessing fits this and encodes the training data with it; the fitted state travels inside the model, so
serving encodes live rows with the very same code and numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from contract import parse_category, parse_number


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

    def parse(self, cells: Sequence[str]) -> np.ndarray:
        try:
            return np.array([parse_number(cell) for cell in cells])
        except ValueError as error:
            raise ValueError(f"column {self.name!r}: {error}") from None

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

    def parse(self, cells: Sequence[str]) -> list[str]:
        return [parse_category(cell) for cell in cells]

    def check_range(self, values: Sequence[str]) -> None:
        """Categories have no range: an unknown one is encoded as such."""

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
        return cls(tuple(columns), state["target"], state["out_of_range"] == "reject", tuple(state["labels"]))

    def to_state(self) -> dict[str, Any]:
        """As JSON: everything that was fitted."""
        return {
            "target": self.target,
            "labels": list(self.labels),
            "out_of_range": "reject" if self.rejects_out_of_range else "accept",
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

    def encode_rows(self, rows: Sequence[Sequence[str]]) -> np.ndarray:
        """Encode live rows of raw cells; ValueError names the column and value that a model cannot accept."""
        for at, row in enumerate(rows, start=1):
            if len(row) != len(self.columns):
                names = ", ".join(column.name for column in self.columns)
                raise ValueError(f"row {at} has {len(row)} values, expected {len(self.columns)}: {names}")
        values = [column.parse(cells) for column, cells in zip(self.columns, zip(*rows, strict=True), strict=True)]
        if self.rejects_out_of_range:
            for column, column_values in zip(self.columns, values, strict=True):
                column.check_range(column_values)
        return self.encode(values)
