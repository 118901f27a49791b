"""What is learned from the training rows about each column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from contract import ContractColumn, DataContract
from features import CategoryFeature, Feature, Features, NumberFeature
from table import DataError, Table

MAX_LEARNED_CATEGORIES = 100


def fit(table: Table, contract: DataContract, train: np.ndarray) -> Features:
    """Fit every column on the rows ``train`` (indices) alone, so that the other splits stay unseen.

    The range of a number is that of all rows: it says what the data set covers, not what was learned from it,
    and a policy of rejecting what lies outside must not reject rows of the very same data set.
    """
    columns: list[Feature] = []
    for column in contract.columns:
        values = table.columns[column.name]
        if column.is_number:
            numbers = np.frombuffer(values)
            columns.append(_fit_number(column.name, numbers, numbers[train]))
        else:
            columns.append(_fit_category(column, values, [values[at] for at in train.tolist()]))
    labels = sorted(contract.target_column.categories, key=lambda name: name == contract.positive)
    return Features(
        columns=tuple(columns),
        target=contract.target,
        rejects_out_of_range=contract.out_of_range == "reject",
        labels=tuple(labels),
        cells=contract.cells,
        encoding=contract.encoding,
    )


def _fit_number(name: str, everything: np.ndarray, train: np.ndarray) -> NumberFeature:
    seen = train[~np.isnan(train)]
    if not seen.size:
        raise DataError(f"column {name!r} has no values to learn from")
    median = float(np.median(seen))
    filled = np.where(np.isnan(train), median, train)
    scale = float(filled.std())
    return NumberFeature(
        name=name,
        median=median,
        mean=float(filled.mean()),
        scale=scale if scale > 0 else 1.0,  # a constant column becomes zero, not an error
        low=float(np.nanmin(everything)),
        high=float(np.nanmax(everything)),
    )


def _fit_category(column: ContractColumn, everything: Sequence[str], train: Sequence[str]) -> CategoryFeature:
    counts = Counter(text for text in train if text)
    if not counts:
        raise DataError(f"column {column.name!r} has no values to learn from")
    learned = not column.categories
    if learned and len(counts) > MAX_LEARNED_CATEGORIES:
        raise DataError(
            f"column {column.name!r} has {len(set(everything)):,} different values, more than "
            f"{MAX_LEARNED_CATEGORIES}: list the categories that matter in the spec, or leave the column out"
        )
    categories = column.categories or tuple(sorted(counts))
    known = [text for text in categories if text in counts]
    if not known:
        raise DataError(f"column {column.name!r} has none of its categories {', '.join(categories)}")
    # The first in order among equally frequent ones, so that equal data gives an equal model.
    return CategoryFeature(column.name, categories, max(known, key=lambda text: counts[text]))
