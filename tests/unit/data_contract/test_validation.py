"""The data contract: what a file may hold, and what is said of one that breaks it."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.data_contract.contract import ContractColumn, DataContract
from sluice.data_contract.csv_reader import CsvReader
from sluice.data_contract.file_text import FileText
from sluice.data_contract.validation import BREACH_LIMIT, MAX_BREACHES, SHOWN_ROWS, ValidationResult, validate
from sluice.spec.model import ModelSpec
from sluice.training.upload_validation import contract_document, validate_file

from tests.builders.spec_examples import spec_with

ROOT = Path(__file__).parents[3]
HEADER = "age,shop,visits,risk\n"
RULES: list[tuple[str, object]] = [
    (
        "data.columns",
        [
            {"name": "age", "type": "number", "min": 0, "max": 120, "nullable": False},
            {"name": "shop", "type": "category", "categories": ["a", "b", "Zürich"]},
            {"name": "visits", "type": "integer"},
        ],
    ),
    ("data.target_values", {"type": "number", "min": 0}),
    ("data.max_missing_share", 0.5),
    ("data.min_rows", 2),
    ("data.max_rows", 4),
]


def result_of(content: str | bytes, *changes: tuple[str, object], budget: int | None = None) -> ValidationResult:
    raw = content if isinstance(content, bytes) else content.encode()
    return validate_file("a.csv", io.BytesIO(raw), ModelSpec.parse(spec_with(*RULES, *changes)), budget)


GOOD = HEADER + "30,a,1,0.5\n31.5,b,2,1\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(GOOD, id="plain"),
        pytest.param(GOOD.replace("\n", "\r\n"), id="Windows line ends"),
        pytest.param(GOOD.encode("utf-8-sig"), id="byte order mark"),
        pytest.param(gzip.compress(GOOD.encode()), id="gzip"),
        pytest.param(gzip.compress(HEADER.encode()) + gzip.compress(b"1,a,1,1\n2,b,2,2"), id="two gzips in one"),
        pytest.param('"risk","visits","shop","age"\n"1","2","Zürich","3"\n\n1,2,,3\n', id="quotes, order, blank"),
        pytest.param(HEADER + "30,,,\n31,a,1,null\n30,b,NA,1\n30,b,1,1\n", id="gaps"),
    ],
)
def test_a_file_that_keeps_to_the_contract(content: str | bytes) -> None:
    result = result_of(content)
    assert result.reason == ""
    assert result.is_accepted
    assert result.is_whole


BREACHES: dict[str, tuple[str | bytes, str, str, list[int], list[str]]] = {
    # content, rule, column, rows, examples
    "no number": (HEADER + "3O,a,1,1\n31,a,1,1\n", "type", "age", [2], ["3O"]),
    "infinite": (HEADER + "1,a,1,1\n31,a,inf,1\n", "type", "visits", [3], ["inf"]),
    "underscore": (HEADER + "1_0,a,1,1\n31,a,1,1\n", "type", "age", [2], ["1_0"]),
    "not whole": (HEADER + "1,a,1.5,1\n31,a,1.0,1\n", "type", "visits", [2], ["1.5"]),
    "too large": (HEADER + "121,a,1,1\n31,a,1,1\n130,a,1,1\n", "range", "age", [2, 4], ["121", "130"]),
    "target too small": (HEADER + "1,a,1,-1\n31,a,1,1\n", "range", "risk", [2], ["-1"]),
    "unlisted": (HEADER + "1,c,1,1\n31,a,1,1\n", "categories", "shop", [2], ["c"]),
    "missing": (HEADER + "1,a,1,1\n,a,1,1\n", "nullable", "age", [3], [""]),
    "short row": (HEADER + "1,a,1,1\n1,a\n1,a,1,1\n", "width", "", [3], ["2 values"]),
    "too much missing": (HEADER + "1,,1,1\n2,a,1,1\n3,,1,1\n", "max_missing_share", "shop", [], []),
    "too few": (HEADER + "1,a,1,1\n", "min_rows", "", [], []),
    "too many": (HEADER + "1,a,1,1\n" * 5, "max_rows", "", [], []),
    "no rows": (HEADER, "min_rows", "", [], []),
    "empty": (b"", "min_rows", "", [], []),
    "no such column": ("age,shop,visits\n1,a,1\n", "columns", "risk", [], []),
    "strange column": (HEADER.replace("risk", "risk,id") + "1,a,1,1,7\n", "columns", "id", [], []),
    "column twice": (HEADER.replace("risk", "risk,age") + "1,a,1,1,7\n", "columns", "age", [], []),
    "other encoding": (GOOD.replace("a", "ü").encode("latin-1"), "encoding", "", [], []),
    "cut gzip": (gzip.compress(GOOD.encode() * 50)[:-12], "gzip", "", [], []),
    "no gzip": (b"\x1f\x8b is its magic", "gzip", "", [], []),
    "line without end": (b"x" * 300_000, "csv", "", [1], []),
    "quote without end": (HEADER + '1,"a\n' + "x\n" * 200_000, "csv", "shop", [2], []),
}


@pytest.mark.parametrize(("content", "rule", "column", "rows", "examples"), BREACHES.values(), ids=BREACHES)
def test_a_breach_names_rule_column_rows_and_examples(
    content: str | bytes, rule: str, column: str, rows: list[int], examples: list[str]
) -> None:
    result = result_of(content)
    (found,) = result.breaches
    assert (found.rule, found.column, found.rows, found.examples) == (rule, column, rows, examples)
    assert rule in result.reason
    assert column in result.reason
    assert result.to_json()["breaches"][0]["count"] == len(rows)


def test_every_breach_is_named_at_once_and_the_lists_end() -> None:
    lines = [f"x{n},c,1,1" for n in range(40)]
    result = result_of(HEADER + "\n".join(lines), ("data.max_rows", None))
    age, shop = result.breaches
    assert (age.rule, age.count, len(age.rows), age.examples) == ("type", 40, SHOWN_ROWS, ["x0", "x1", "x2"])
    assert (shop.rule, shop.count, shop.examples) == ("categories", 40, ["c"])
    assert "rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …" in result.reason


def test_a_wide_mess_is_reported_shortly() -> None:
    header = ",".join(f"c{n}" for n in range(30_000))
    result = result_of(header + "\n1\n")
    assert len(result.breaches) == MAX_BREACHES
    assert len(result.reason) < 1000


def test_a_file_without_a_header_has_the_columns_in_the_order_of_the_spec() -> None:
    result = result_of("1,a,1,1\n2,b,x,1\n", ("data.header", False))
    assert [(each.rule, each.column, each.rows) for each in result.breaches] == [("type", "visits", [2])]


@pytest.mark.parametrize("encoding", ["latin-1", "windows-1252"])
def test_another_encoding_is_one_the_spec_names(encoding: str) -> None:
    assert result_of((HEADER + "1,Zürich,1,1\n" * 2).encode(encoding), ("data.encoding", encoding)).is_accepted


def test_a_classifiers_target_is_one_of_two_categories() -> None:
    target = ("data.target_values", {"type": "category", "categories": ["no", "yes"], "positive": "yes"})
    assert result_of(HEADER + "1,a,1,no\n2,a,1,yes\n", target).is_accepted
    (breach,) = result_of(HEADER + "1,a,1,no\n2,a,1,maybe\n", target).breaches
    assert (breach.rule, breach.column, breach.rows) == ("categories", "risk", [3])


@given(budget=st.integers(0, 400))
def test_a_file_read_in_part_is_never_refused_for_what_was_not_read(budget: int) -> None:
    content = HEADER + "30,Zürich,1,0.5\n" * 4
    size = len(content.encode())
    result = result_of(content, budget=budget)
    assert result.is_accepted
    assert result.is_whole == (budget >= size)
    assert result.rows <= budget // 10 if budget < size else result.rows == 4


def test_a_breach_in_the_part_that_was_read_is_found() -> None:
    content = HEADER + "300,a,1,0.5\n" + "30,a,1,1\n" * 1000
    for raw in (content.encode(), gzip.compress(content.encode())):
        result = result_of(raw, ("data.max_rows", None), budget=len(HEADER) + 100)
        assert [each.rule for each in result.breaches] == ["range"]
        assert not result.is_whole


def test_too_many_rows_are_proved_by_a_part() -> None:
    result = result_of(HEADER + "30,a,1,1\n" * 1000, budget=len(HEADER) + 100)
    assert [each.rule for each in result.breaches] == ["max_rows"]


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.zip", "a"])
def test_another_kind_of_file_is_refused_by_its_name(name: str) -> None:
    assert [each.rule for each in validate_file(name, io.BytesIO(b""), ModelSpec.parse(spec_with())).breaches] == [
        "name"
    ]


@given(
    st.lists(st.sampled_from(["1", "-3.5", "1e3", "", "NA", " 7 ", "x", "nan", "inf", "5_0", "2.5", "99"]), min_size=1),
    st.sampled_from(["number", "integer"]),
)
def test_the_quick_way_agrees_with_a_look_at_each_cell(cells: list[str], kind: str) -> None:
    column = ContractColumn("age", kind, low=-10, high=50)
    if column.accepts_all(cells):
        assert not any(column.broken_rule(cell) or column.is_missing(cell) for cell in cells)


@given(st.lists(st.sampled_from(["a", "b", " a", "", " ", "c"]), min_size=1), st.booleans())
def test_so_it_does_for_categories(cells: list[str], listed: bool) -> None:
    column = ContractColumn("shop", "category", ("a", "b") if listed else ())
    if column.accepts_all(cells):
        assert not any(column.broken_rule(cell) or column.is_missing(cell) for cell in cells)


def test_a_contract_of_an_older_release_is_read() -> None:
    old = {"target": "risk", "columns": [{"name": "age", "type": "number"}], "max_missing_share": 0.2}
    contract = DataContract.parse({**old, "out_of_range": "accept"})
    assert (contract.target, contract.order, contract.header, contract.min_rows) == ("risk", ("age", "risk"), True, 1)


def test_the_contract_says_all_that_the_spec_does() -> None:
    contract: dict[str, Any] = contract_document(ModelSpec.parse(spec_with(*RULES)))
    parsed = DataContract.parse(contract)
    assert [(each.low, each.high, each.nullable) for each in parsed.columns[:1]] == [(0, 120, False)]
    assert (parsed.target_column.low, parsed.min_rows, parsed.max_rows) == (0, 2, 4)


MEASURED = """
import io, json, resource, sys
from sluice.data_contract.validation import validate
from sluice.data_contract.contract import DataContract
from sluice.data_contract.csv_reader import CsvReader
from sluice.data_contract.file_text import FileText

class Endless:  # a file that is made while it is read
    def __init__(self, lines):
        self.left, self.block = lines, b"".join(b"%d,a,%d,0.5\\n" % (n % 90, n) for n in range(1000))
        self.held = b"age,shop,visits,risk\\n"
    def read(self, size):
        while len(self.held) < size and self.left > 0:
            self.held, self.left = self.held + self.block, self.left - 1000
        found, self.held = self.held[:size], self.held[size:]
        return found

contract = DataContract.parse(json.loads(sys.argv[2]))
result = validate(CsvReader(FileText(Endless(int(sys.argv[1])))), contract)
print(result.rows, len(result.breaches), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_file() -> None:
    """Peak memory of a process that reads 10 MB of rows, against one that reads half a MB."""
    contract = json.dumps(
        contract_document(ModelSpec.parse(spec_with(*RULES, ("data.max_rows", None)))) | {"min_rows": 1}
    )
    contract = contract.replace("120.0", "88.0")  # so that a row in 90 is bad, some in each chunk

    def peak(lines: int) -> int:
        command = [sys.executable, "-c", MEASURED, str(lines), contract]
        path = {"PYTHONPATH": str(ROOT / "layers" / "sluice")}
        done = subprocess.run(command, env=path, capture_output=True, text=True, check=True)
        rows, breaches, kilobytes = map(int, done.stdout.split())
        assert (rows, breaches) == (lines, 1)
        return kilobytes

    assert peak(600_000) < 1.1 * peak(30_000)


def test_a_file_of_very_wide_rows_takes_little_memory() -> None:
    wide = io.BytesIO(HEADER.encode() + (b"ab," * 80_000 + b"\n") * 30)
    spec = ModelSpec.parse(spec_with(*RULES))
    tracemalloc.start()
    try:
        result = validate_file("a.csv", wide, spec)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [breach.rule for breach in result.breaches] == ["width", "min_rows"]
    assert peak < 64 << 20, "a function that runs out of memory takes every file of its batch with it"


def test_a_row_that_quotes_spread_over_lines_has_an_end() -> None:
    result = result_of(HEADER + '"\n",' * 100_000)
    assert [str(breach) for breach in result.breaches] == [
        "csv: the file is not CSV (a row is longer than 262,144 characters) (row 2)"
    ]


def test_enough_bad_cells_are_not_counted_to_the_end() -> None:
    """The worst file that a function may read must not take longer than the function has."""
    content = HEADER + "x,a,1,y\n" * (10 * BREACH_LIMIT)
    result = result_of(content, ("data.max_rows", None))
    assert not result.is_whole
    assert [(breach.column, breach.rows[0]) for breach in result.breaches] == [("age", 2), ("risk", 2)]
    assert BREACH_LIMIT <= sum(breach.count for breach in result.breaches) < 2 * BREACH_LIMIT


def test_gaps_cost_no_look_at_each_cell() -> None:
    looked_at: list[str] = []

    class Watched(ContractColumn):
        def broken_rule(self, cell: str) -> tuple[str, str] | None:
            looked_at.append(cell)
            return super().broken_rule(cell)

    contract = DataContract(
        target_column=Watched("risk"), columns=(Watched("age"),), max_missing_share=1.0, out_of_range="accept"
    )
    result = validate(CsvReader(FileText(io.BytesIO(b"age,risk\n" + b",\n" * 5_000))), contract)
    assert (result.rows, result.breaches) == (5_000, ())
    assert len(looked_at) < 100
