"""Processing job PreprocessData: raw CSV in; encoded train and validation splits, and a raw test split, out.

The test split stays raw so that evaluation sends it through the very code that will serve live requests.

Everything is deterministic: the same rows give the same bytes, on each instance if the job has several.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from contract import DataContract
from csv_reader import write_row
from features import CategoryFeature, Features
from fitting import fit
from job import run
from table import DataError, Table, find_files, load_contract, read_table

SEED = 20  # any constant will do
TRAIN_SHARE = 0.70
VALIDATION_SHARE = 0.15
MIN_ROWS = 20  # below, a split of 15 % says nothing
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Splits:
    """Row indices of each split, in the order of the data."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def preprocess(root: Path) -> None:
    """Read, check, split, fit and write. Raises DataError with a reason that names file, rule, column and rows."""
    inputs = root / "processing" / "input"
    contract = load_contract(inputs / "contract")
    paths = find_files(inputs / "data")
    table = read_table(paths, contract)
    check_completeness(table, contract)
    splits = split(len(table))
    features = fit(table, contract, splits.train)
    write(root / "processing" / "output", table, features, splits)
    files = [path.relative_to(inputs / "data").as_posix() for path in paths]
    report = {"files": files, **profile(table, features, splits)}
    _write_json(root / "processing" / "output" / "profile" / "profile.json", report)
    print(f"{len(table)} rows from {len(paths)} files; left out {table.rows_without_target} without a target")


def check_completeness(table: Table, contract: DataContract) -> None:
    """Raise DataError if too few rows are left, or a column misses more than the contract allows."""
    if len(table) < MIN_ROWS:
        raise DataError(f"only {len(table)} usable rows; at least {MIN_ROWS} are needed to split them")
    for column in contract.columns:
        share = _missing(table.columns[column.name]) / len(table)
        if share > contract.max_missing_share:
            raise DataError(
                f"column {column.name!r} has no value in {share:.1%} of the rows; "
                f"the data contract allows {contract.max_missing_share:.1%}"
            )


def split(rows: int) -> Splits:
    """A seeded shuffle, cut 70/15/15. RandomState: its sequence is frozen across versions of NumPy."""
    order = np.random.RandomState(SEED).permutation(rows)
    train_end = round(rows * TRAIN_SHARE)
    validation_end = train_end + round(rows * VALIDATION_SHARE)
    train, validation, test = np.split(order, [train_end, validation_end])
    return Splits(np.sort(train), np.sort(validation), np.sort(test))


def write(output: Path, table: Table, features: Features, splits: Splits) -> None:
    """Train and validation: no header, label first, as XGBoost reads CSV. Test: raw, with a header."""
    for name, rows in (("train", splits.train), ("validation", splits.validation)):
        _write_csv(output / name / f"{name}.csv", _encoded(table, features, rows))
    _write_text(output / "test" / "test.csv", map(write_row, _raw(table, features, splits.test)))
    _write_json(output / "preprocessing" / "preprocessing.json", features.to_state())


def profile(table: Table, features: Features, splits: Splits) -> dict[str, Any]:
    """What was in the data, for people and for comparing one data set with the next."""
    target = np.frombuffer(table.target)
    columns: dict[str, Any] = {}
    for column in features.columns:
        values = table.columns[column.name]
        about: dict[str, Any] = {"missing": _missing(values)}
        if isinstance(column, CategoryFeature):
            counts = Counter(value for value in values if value)
            about["counts"] = {text: counts[text] for text in column.categories}
            about["unknown"] = counts.total() - sum(about["counts"].values())
        else:
            about |= {"min": column.low, "max": column.high, "mean": float(np.nanmean(np.frombuffer(values)))}
        columns[column.name] = about
    return {
        "rows": len(table),
        "rows_without_target": table.rows_without_target,
        "splits": {name: len(getattr(splits, name)) for name in ("train", "validation", "test")},
        "target": {
            "min": float(target.min()),
            "max": float(target.max()),
            "mean": float(target.mean()),
            "standard_deviation": float(target.std()),
        },
        "columns": columns,
    }


def _encoded(table: Table, features: Features, rows: np.ndarray) -> Iterable[list[float]]:
    target = np.frombuffer(table.target)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        values = [_take(table.columns[column.name], some) for column in features.columns]
        yield from np.column_stack([target[some], features.encode(values)]).tolist()


def _raw(table: Table, features: Features, rows: np.ndarray) -> Iterable[list[str]]:
    """Cells as the data contract spells them, behind them the target as a plain number."""
    spell = features.cells.spell
    columns = [(isinstance(column, CategoryFeature), table.columns[column.name]) for column in features.columns]
    yield [*(column.name for column in features.columns), features.target]
    for at in rows.tolist():
        cells = [values[at] if is_category else spell(values[at]) for is_category, values in columns]
        yield [*cells, repr(table.target[at])]


def _take(values: Any, rows: np.ndarray) -> Any:
    if isinstance(values, list):
        return [values[at] for at in rows.tolist()]
    return np.frombuffer(values)[rows]


def _missing(values: Any) -> int:
    return values.count("") if isinstance(values, list) else int(np.isnan(np.frombuffer(values)).sum())


def _write_csv(path: Path, rows: Iterable[list[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, lineterminator="\n").writerows(rows)  # writes floats so that they read back exactly


def _write_text(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as out:
        out.writelines(lines)


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run(preprocess, sys.argv[1:]))
