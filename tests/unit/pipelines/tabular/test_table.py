"""Reading raw CSV files: what is accepted, and what is refused with which words."""

from __future__ import annotations

import gzip
import math
from dataclasses import replace
from pathlib import Path

import pytest
from contract import ContractColumn, DataContract
from table import DataError, find_files, read_table

CONTRACT = DataContract(
    target_column=ContractColumn("price"),
    columns=(
        ContractColumn("area"),
        ContractColumn("class", "category", ("A", "B")),
        ContractColumn("district", "category"),
    ),
    max_missing_share=1.0,
    out_of_range="accept",
    examples_in_reasons=True,
)
HEADER = "area,class,district,price\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path


def write(directory: Path, content: str | bytes, name: str = "data.csv") -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_columns_are_found_by_name_whatever_their_order(data: Path) -> None:
    path = write(data, " price ,district,area,class\n100,North,50,A\n200,South,75.5,B\n")
    table = read_table([path], CONTRACT)
    assert list(table.target) == [100, 200]
    assert list(table.columns["area"]) == [50, 75.5]
    assert table.columns["class"] == ["A", "B"]
    assert table.columns["district"] == ["North", "South"]


@pytest.mark.parametrize("cell", ["", " ", "NA", "n/a", "nan", "NULL", "None"])
def test_a_missing_number_is_nan_and_a_missing_target_drops_the_row(data: Path, cell: str) -> None:
    path = write(data, f"{HEADER}{cell},A,North,1\n50,A,North,{cell}\n")
    table = read_table([path], CONTRACT)
    assert len(table) == 1
    assert math.isnan(table.columns["area"][0])
    assert table.rows_without_target == 1


def test_a_category_is_missing_only_when_empty(data: Path) -> None:
    path = write(data, f"{HEADER}50, ,NA,1\n")
    table = read_table([path], CONTRACT)
    assert (table.columns["class"], table.columns["district"]) == ([""], ["NA"])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"{HEADER}50,A,Zürich,1\n".encode("utf-8-sig"), id="byte order mark"),
        pytest.param(f"{HEADER}50,A,Zürich,1\n".replace("\n", "\r\n").encode(), id="Windows line ends"),
        pytest.param(gzip.compress(f"{HEADER}50,A,Zürich,1\n".encode()), id="gzip under any name"),
        pytest.param(f"{HEADER}50,A,Zürich,1".encode(), id="no line end at the end"),
        pytest.param(f'{HEADER}"50","A","Zürich","1"\n\n'.encode(), id="quotes and a blank line"),
    ],
)
def test_common_ways_to_write_csv_are_read(data: Path, content: bytes) -> None:
    table = read_table([write(data, content)], CONTRACT)
    assert (list(table.target), table.columns["district"]) == ([1], ["Zürich"])


def test_files_are_found_at_any_depth_and_read_in_order_of_path(data: Path) -> None:
    write(data, f"{HEADER}2,A,North,2\n", "data/fraud/b.csv")
    write(data, gzip.compress(f"{HEADER}1,A,North,1\n".encode()), "data/fraud/a.CSV.GZ")
    write(data, f"{HEADER}3,A,North,3\n", "data/räume und mehr.csv")
    write(data, "[]", "input.manifest")
    assert list(read_table(find_files(data), CONTRACT).target) == [1, 2, 3]


def test_a_directory_without_csv_is_refused(data: Path) -> None:
    write(data, "{}", "data.json")
    with pytest.raises(DataError, match=r"no \.csv or \.csv\.gz file"):
        find_files(data)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "data.csv: min_rows: the file is empty", id="empty"),
        pytest.param(HEADER, "min_rows: there are 0 rows; at least 1 are needed", id="header only"),
        pytest.param(f"{HEADER}1,A,North,\n", "no rows with a value in the target", id="targets all missing"),
        pytest.param("area,class,district\n1,A,N\n", "column 'price' is missing (the target)", id="no target"),
        pytest.param("price,class,district\n1,A,N\n", "column 'area' is missing", id="missing column"),
        pytest.param("area,class,district,price,x\n", "column 'x' is not in the data contract", id="extra column"),
        pytest.param("area,area,class,district,price\n", "column 'area' occurs twice", id="double column"),
        pytest.param("area;class;district;price\n1;A;N;2\n", "column 'price' is missing", id="semicolons"),
        pytest.param("area;class;district;price\n1;A;N;2\n", "save the file with commas", id="semicolons are named"),
        pytest.param(
            f"{HEADER}1,A,N,2\n5O,A,N,2\n",
            "data.csv: type: column 'area': expected a number, found '5O' (row 3)",
            id="letter O",
        ),
        pytest.param(f"{HEADER}5_0,A,N,2\n", "column 'area': expected a number, found '5_0'", id="underscore"),
        pytest.param(f"{HEADER}1,A,N,inf\n", "column 'price': expected a number, found 'inf' (row 2)", id="infinite"),
        pytest.param(f"{HEADER}{'9' * 99}x,A,N,2\n", f"found '{'9' * 40}…' (row 2)", id="long cell cut"),
        pytest.param(f"{HEADER}1,A,2\n", "width: expected 4 values, found '3 values' (row 2)", id="short row"),
        pytest.param(
            f"{HEADER}50,A,Zürich,1\n".encode("latin-1"), "data.csv: encoding: the file is not UTF-8 text", id="Latin-1"
        ),
        pytest.param(
            gzip.compress((HEADER + "1,A,N,2\n" * 99).encode())[:-20],
            "data.csv: gzip: the gzip file is damaged",
            id="cut gzip",
        ),
        pytest.param(
            f"{HEADER}{'x' * 200_000},A,N,2\n",
            "data.csv: csv: column 'area': the file is not CSV (a cell is longer",
            id="endless cell",
        ),
    ],
)
def test_bad_data_is_refused_with_its_place(data: Path, content: str | bytes, words: str) -> None:
    path = write(data, content)
    with pytest.raises(DataError) as refused:
        read_table([path], CONTRACT)
    assert words in str(refused.value)


def test_a_reason_quotes_no_cell_unless_the_spec_allows_it(data: Path) -> None:
    """It becomes the job's ExitMessage, and goes to SageMaker, the table of runs, an event and mail."""
    cells = write(data, HEADER + "secret,A,N,2\n", "cells.csv")
    titles = write(data, "secret,1\n2,3\n", "titles.csv")
    with pytest.raises(DataError) as refused:
        read_table([cells, titles], replace(CONTRACT, examples_in_reasons=False))
    assert "secret" not in str(refused.value)
    assert "cells.csv: type: column 'area': expected a number (row 2)" in str(refused.value)
    assert "titles.csv: columns: column 'price' is missing (the target)" in str(refused.value)
    assert "a title is not in the data contract" in str(refused.value)


def test_all_wrong_columns_are_named_at_once(data: Path) -> None:
    path = write(data, "area,klass,district\n")
    with pytest.raises(DataError, match=r"'price' is missing .*'class' is missing; .*'klass' is not in"):
        read_table([path], CONTRACT)
