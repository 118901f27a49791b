"""What is said of the same rows as an upload, in training and as a live request; runs in any Python from 3.10 on.

As a script it reads a JSON list of contents (base64) from stdin and writes what is said of each.
"""

from __future__ import annotations

import base64
import io
import json
import math
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines" / "tabular"))

from contract import DataContract
from csv_reader import CsvReader
from file_text import FileText
from json_cells import as_a_file_spells
from live_request import Request
from table import DataError, read_table
from validation import validate

CONTRACT: dict[str, Any] = {
    "target": "y",
    "columns": [{"name": "x", "type": "number"}, {"name": "shop", "type": "category"}],
    "max_missing_share": 1.0,
    "out_of_range": "accept",
    "header": False,
    "examples_in_reasons": True,
}


def upload_verdict(content: bytes, contract: dict[str, Any]) -> str:
    """Why the file is refused; empty if it is accepted."""
    parsed = DataContract.parse(contract)
    return validate(CsvReader(FileText(io.BytesIO(content), parsed.encoding)), parsed).reason


def training_rows(content: bytes, contract: dict[str, Any], folder: Path) -> Any:
    """The values of each column, the target last, or ``{"error": text}``."""
    path = folder / "a.csv"
    path.write_bytes(content)
    try:
        table = read_table([path], DataContract.parse(contract))
    except DataError as error:
        return {"error": str(error)}
    return _plain([*table.columns.values(), table.target])


def live_rows(body: bytes | str, contract: dict[str, Any], content_type: str = "text/csv") -> Any:
    """The values of each column of a request that sends the target, too, or ``{"error": text}``."""
    parsed = DataContract.parse(contract)
    try:
        rows = Request.of(body, content_type).rows(parsed.encoding)
        if any(len(row) != len(parsed.order) for row in rows):
            return {"error": "width"}
        columns = []
        for column, cells in zip(parsed.every_column, zip(*rows)):  # noqa: B905  # of one width: checked above
            spelled = as_a_file_spells(cells, parsed.cells, None if column.is_number else column.categories)
            read = parsed.cells.number if column.is_number else parsed.cells.category
            columns.append([read(cell) for cell in spelled])
    except ValueError as error:
        return {"error": str(error)}
    return _plain(columns)


def _plain(columns: Any) -> list[list[Any]]:
    """As JSON can hold it: NaN as None."""
    return [
        [None if isinstance(value, float) and math.isnan(value) else value for value in column] for column in columns
    ]


def verdicts(contents: list[bytes], folder: Path) -> list[Any]:
    """All three of each content."""
    return [
        [upload_verdict(each, CONTRACT), training_rows(each, CONTRACT, folder), live_rows(each, CONTRACT)]
        for each in contents
    ]


if __name__ == "__main__":
    given = [base64.b64decode(each) for each in json.load(sys.stdin)]
    json.dump(verdicts(given, Path(sys.argv[1])), sys.stdout)
