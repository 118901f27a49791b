"""Raw CSV files, read column by column and held to the data contract."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cells import category, number
from job import JobError

GZIP_MAGIC = b"\x1f\x8b"


class DataError(JobError):
    """The data is not what the data contract says."""


@dataclass(frozen=True, slots=True)
class Column:
    """One feature. ``categories`` is None for numbers and for categories to be learned from the data."""

    name: str
    is_number: bool
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class DataContract:
    """What the files hold; ``columns`` are the features in the order in which live requests send them."""

    target: str
    columns: tuple[Column, ...]
    max_missing_share: float
    out_of_range: str  # "accept" or "reject"

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> DataContract:
        columns = tuple(
            Column(
                name=column["name"],
                is_number=column["type"] == "number",
                categories=tuple(column["categories"]) if column.get("categories") else None,
            )
            for column in raw["columns"]
        )
        return cls(raw["target"], columns, float(raw["max_missing_share"]), raw["out_of_range"])


Values = Any  # array("d") of numbers (NaN: missing) or list[str] of categories ("": missing)


@dataclass(slots=True)
class Table:
    """All usable rows. A row without a target teaches nothing: it is counted and left out."""

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
    """Every row of ``paths``. DataError names file, line and column of the first thing that is wrong."""
    table = Table({column.name: array("d") if column.is_number else [] for column in contract.columns})
    for path in paths:
        with _open_text(path) as text:
            _read_file(csv.reader(text), path.name, contract, table)
    if not len(table):
        raise DataError(f"no rows with a value in the target column {contract.target!r}")
    return table


@contextmanager
def _open_text(path: Path) -> Iterator[io.TextIOWrapper]:
    """``path`` as text, unpacked when it is gzip, its byte order mark dropped."""
    with path.open("rb") as raw:
        is_gzip = raw.peek(2)[:2] == GZIP_MAGIC
        try:
            with io.TextIOWrapper(
                gzip.GzipFile(fileobj=raw) if is_gzip else raw, encoding="utf-8-sig", newline=""
            ) as text:
                yield text
        except UnicodeDecodeError as error:
            raise DataError(f"{path.name}: not UTF-8 text ({error.reason})") from error
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"{path.name}: damaged gzip file ({error})") from error
        except csv.Error as error:
            raise DataError(f"{path.name}: not a CSV file ({error})") from error


def _read_file(reader: Any, file: str, contract: DataContract, table: Table) -> None:
    header = [name.strip() for name in next(reader, [])]
    _check_header(header, file, contract)
    target_at = header.index(contract.target)
    places = [(header.index(column.name), column, table.columns[column.name].append) for column in contract.columns]
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(
                f"{file}, line {reader.line_num}: {len(row)} values, but the header has {len(header)} columns"
            )
        target = _number(row[target_at], contract.target, file, reader.line_num)
        if math.isnan(target):
            table.rows_without_target += 1
            continue
        for place, column, append in places:
            cell = row[place]
            if column.is_number:
                append(_number(cell, column.name, file, reader.line_num))
            else:
                append(sys.intern(category(cell)))  # few different texts in many rows: keep one copy of each
        table.target.append(target)


def _check_header(header: list[str], file: str, contract: DataContract) -> None:
    if not header:
        raise DataError(f"{file}: the file is empty")
    expected = [column.name for column in contract.columns] + [contract.target]
    problems = [
        f"column {name!r} is missing" + (" (the target)" if name == contract.target else "")
        for name in expected
        if name not in header
    ]
    problems += [f"column {name!r} is not in the data contract" for name in header if name not in expected]
    problems += [f"column {name!r} occurs twice" for name in sorted(set(header)) if header.count(name) > 1]
    if problems:
        raise DataError(f"{file}: {'; '.join(problems)}")


def _number(cell: str, column: str, file: str, line: int) -> float:
    try:
        return number(cell)
    except ValueError as error:
        raise DataError(f"{file}, line {line}, column {column!r}: {error}") from None
