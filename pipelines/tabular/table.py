"""Raw CSV files, held to the data contract and read column by column."""

from __future__ import annotations

import json
import math
import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contract import ContractColumn, DataContract
from csv_reader import CsvReader
from file_text import FileText
from job import JobError
from validation import validate

TOLD_FILES = 3

Place = tuple[int, Callable[[Sequence[str]], Iterable[Any]], Callable[[Iterable[Any]], None]]
"""Where a column stands in a row, how its cells are read, and where their values go."""

Values = Any  # array("d") of numbers (NaN: missing) or list[str] of categories ("": missing)


class DataError(JobError):
    """The data is not what the data contract says."""


@dataclass(slots=True)
class Table:
    """All usable rows. A row without a target teaches nothing: it is counted and left out.

    The target of a classifier is 1 for the positive category and 0 for the other.
    """

    columns: dict[str, Values]
    target: array[float] = field(default_factory=lambda: array("d"))
    rows_without_target: int = 0

    def __len__(self) -> int:
        return len(self.target)


def load_contract(directory: Path) -> DataContract:
    """The contract in the one JSON file of ``directory``."""
    (path,) = directory.glob("*.json")
    return DataContract.parse(json.loads(path.read_text(encoding="utf-8")))


def find_files(directory: Path) -> list[Path]:
    """All CSV files below ``directory``, in path order so that every run sees the rows in the same order."""
    found = sorted(path for path in directory.rglob("*") if path.name.lower().endswith((".csv", ".csv.gz")))
    if not found:
        raise DataError("no .csv or .csv.gz file in the input data")
    return found


def read_table(paths: Sequence[Path], contract: DataContract) -> Table:
    """Every row of ``paths``. DataError names rule, column and rows of all that breaks the contract."""
    check(paths, contract)
    table = Table({column.name: array("d") if column.is_number else [] for column in contract.columns})
    for path in paths:
        with path.open("rb") as source:
            _read(CsvReader(FileText(source, contract.encoding)).chunks(), contract, table)
    if not len(table):
        raise DataError(f"no rows with a value in the target column {contract.target!r}")
    return table


def check(paths: Sequence[Path], contract: DataContract) -> None:
    """Hold every file to the contract, to its end: what looked at an upload may have read only its start."""
    broken = []
    for path in paths:
        with path.open("rb") as source:
            result = validate(CsvReader(FileText(source, contract.encoding)), contract)
        if not result.is_accepted:
            # The reason becomes the job's ExitMessage, and goes to tables, events and mail.
            told = result if contract.examples_in_reasons else result.without_cells(contract.order)
            broken.append(f"{path.name}: {told.reason}")
    if broken:
        more = [f"and {len(broken) - TOLD_FILES} more files"] if len(broken) > TOLD_FILES else []
        raise DataError("\n".join(broken[:TOLD_FILES] + more))


def _read(chunks: Iterable[list[list[str]]], contract: DataContract, table: Table) -> None:
    """Add the rows of a file that keeps to the contract."""
    header = None if contract.header else list(contract.order)
    target_at = 0
    places: list[Place] = []
    target_of = _target_reader(contract)
    for chunk in chunks:
        rows = chunk
        if header is None:
            header, rows = [name.strip() for name in chunk[0]], chunk[1:]
        if not places:
            target_at = header.index(contract.target)
            places = [_place(header, column, table.columns[column.name].extend) for column in contract.columns]
        known = [(row, target) for row in filter(None, rows) if not math.isnan(target := target_of(row[target_at]))]
        table.rows_without_target += sum(1 for row in rows if row) - len(known)
        table.target.extend(target for _, target in known)
        columns = list(zip(*(row for row, _ in known), strict=True))
        for at, read, extend in places if known else ():
            extend(read(columns[at]))


def _place(header: list[str], column: ContractColumn, extend: Callable[[Iterable[Any]], None]) -> Place:
    cells = column.cells

    def numbers(texts: Sequence[str]) -> Iterable[float]:
        return cells.are_numbers(texts) or map(cells.number, texts)

    def categories(texts: Sequence[str]) -> Iterable[str]:
        # Few different texts in many rows: interning keeps one copy of each.
        return (sys.intern(cells.category(text)) for text in texts)

    return header.index(column.name), numbers if column.is_number else categories, extend


def _target_reader(contract: DataContract) -> Callable[[str], float]:
    cells = contract.cells
    if contract.target_column.is_number:
        return cells.number
    values = {name: float(name == contract.positive) for name in contract.target_column.categories}
    return lambda cell: values.get(cells.category(cell), math.nan)
