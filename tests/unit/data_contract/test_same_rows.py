"""The same rows have the same values and the same verdict as an upload, in training and as a live request."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sluice.data_contract.contract import LARGEST_WHOLE, CellFormat
from sluice.spec.model import ModelSpec
from sluice.training.upload_validation import contract_document, validate_file

from tests.builders.row_verdicts import CONTRACT, live_rows, training_rows, upload_verdict
from tests.builders.spec_examples import spec_with

CELLS = st.sampled_from(
    (
        *("1", "2.5", "2,5", "-3e2", "007", "1_0", "nan", "-nan", "inf", "", " ", "-", "#N/A", "a", "é", '"', "a\nb"),
        *("\0", "9007199254740993", "1e300", "-999", "-999.0", "True", "\uff11", "\u0663", "\ufeff", " 7 ", "a\rb"),
    )
)
FORMATS = st.sampled_from(
    [{}, {"decimal": ","}, {"missing_values": ["#N/A", "-"]}, {"decimal": ",", "missing_values": ["-999", "a"]}]
)
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def lines_of(rows: list[tuple[str, str, str]]) -> str:
    return "".join(",".join(map(quoted, row)) + "\n" for row in rows)


@same_folder
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4), FORMATS)
def test_the_same_cells_mean_the_same_everywhere(
    tmp_path: Path, rows: list[tuple[str, str, str]], form: dict[str, Any]
) -> None:
    contract = {**CONTRACT, **form}
    content = lines_of(rows).encode()
    refused = upload_verdict(content, contract)
    trained, live = training_rows(content, contract, tmp_path), live_rows(content, contract)
    assert (refused == "") == isinstance(live, list), (refused, live)
    if refused:
        assert refused in trained["error"]
        return
    kept = [at for at, target in enumerate(live[2]) if target is not None]  # the others teach nothing
    expected = [[column[at] for at in kept] for column in live]
    assert trained == expected if kept else "no rows with a value in the target" in trained["error"]
    spec = ModelSpec.parse(
        spec_with(
            ("data.target", "y"),
            ("data.columns", CONTRACT["columns"]),
            ("data.header", False),
            ("data.max_missing_share", 1.0),
            *((f"data.{name}", value) for name, value in form.items()),
        )
    )
    assert validate_file("a.csv", io.BytesIO(content), spec).is_accepted is bool(kept)


@given(st.text(st.sampled_from('1a,,"\n\n\r \0é'), max_size=30))
def test_any_text_has_one_verdict(text: str) -> None:
    refused, live = upload_verdict(text.encode(), {**CONTRACT, "min_rows": 1}), live_rows(text, CONTRACT)
    if isinstance(live, list):
        assert refused == ""
    elif not refused:
        assert "is blank" in live["error"]  # an upload's blank lines are nothing, a request's would have no answer


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4), FORMATS)
def test_json_texts_are_cells(rows: list[tuple[str, str, str]], form: dict[str, Any]) -> None:
    contract = {**CONTRACT, **form}
    as_json = live_rows(json.dumps({"instances": rows}), contract, "application/json")
    as_csv = live_rows(lines_of(rows), contract)
    assert isinstance(as_json, list) == isinstance(as_csv, list)
    assert as_json == as_csv or "error" in as_csv


@given(st.floats(allow_infinity=False), st.sampled_from([".", ","]), st.sets(st.sampled_from(["1.0", "-1,0", "0.0"])))
def test_a_number_that_is_spelled_reads_back(value: float, decimal: str, missing: set[str]) -> None:
    cells = CellFormat(decimal, frozenset(missing))
    again = cells.number(cells.spell(value))
    assert again == value or (math.isnan(again) and math.isnan(value))


@given(st.lists(CELLS, min_size=1), FORMATS)
def test_the_quick_way_agrees_with_a_look_at_each_cell_in_every_format(cells: list[str], form: dict[str, Any]) -> None:
    chosen = CellFormat(form.get("decimal", "."), frozenset(form.get("missing_values", ())))
    quick = chosen.are_numbers(cells)
    if quick:
        assert quick == [chosen.number(cell) for cell in cells]


def shop_of(categories: list[str], literal: str, **form: Any) -> Any:
    """What a JSON literal in the category column is read as."""
    column = {"name": "shop", "type": "category", "categories": categories}
    contract = {**CONTRACT, **form, "columns": [CONTRACT["columns"][0], column]}
    read = live_rows(f'{{"instances": [[1, {literal}, 0]]}}', contract, "application/json")
    return read["error"] if isinstance(read, dict) else read[1][0]


@pytest.mark.parametrize(
    ("categories", "literal", "expected"),
    [
        (["1", "2"], "2.0", "2"),
        (["007", "008"], "7", "007"),
        (["True", "False"], "true", "True"),
        (["2.50"], "2.5", "2.50"),
        (["2.5", "2.50"], "2.50", "2.50"),
        (["12345678901234567890", "12345678901234567891"], "12345678901234567891", "12345678901234567891"),
        (["7", "007"], "7", "7"),
        (["07", "007"], "7", "7 may be any of 07, 007: send it as a text"),
        (["1", "2"], "3", "3"),  # unknown
        (["1", "2"], '"2.0"', "2.0"),  # a text is a cell
        (["a"], "null", ""),
        (["a"], "NaN", ""),
        (["a"], "[1]", "row 1: value 2 is a list, not a text, a number, true, false or null"),
    ],
)
def test_a_json_number_is_the_category_with_its_value(categories: list[str], literal: str, expected: str) -> None:
    assert shop_of(categories, literal) == expected


def test_a_json_number_is_the_missing_value_with_its_value_and_has_a_point_whatever_the_decimal_mark() -> None:
    contract = {**CONTRACT, "decimal": ",", "missing_values": ["-999"]}
    read = live_rows('{"instances": [[-999.0, "a", 1.5], ["2,5", "a", 1]]}', contract, "application/json")
    assert read == [[None, 2.5], ["a", "a"], [1.5, 1.0]]


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "expected"),
    [
        ("\ufeff1,é,2\n", "text/csv", "utf-8", "é"),
        ("1,é,2\n".encode("utf-8-sig"), "text/csv", "utf-8", "é"),
        ("1,é,2\n".encode("utf-8-sig"), "text/csv", "latin-1", "é"),
        ("1,é,2\n".encode("latin-1"), "text/csv", "latin-1", "é"),
        ("1,€,2\n".encode("cp1252"), "text/csv; header=absent; charset=Windows-1252", "utf-8", "€"),
        ("1,é,2\n".encode(), 'text/csv;charset="utf-8"', "latin-1", "é"),
        ("1,é,2\n".encode("latin-1"), "text/csv", "utf-8", "the request is not utf-8 text"),
        ("1,\ufffd,2\n", "text/csv", "latin-1", "the request was decoded as UTF-8, but is not: name its charset"),
        (b"1,a,2\n", "text/csv; charset=utf-16", "utf-8", "charset 'utf-16' is not supported: send one of utf-8"),
        (b"PK\x03\x04\x14\0", "text/csv", "utf-8", "the request is a zip (or Excel) file, not CSV"),
        ('\ufeff{"instances": [[1, "é", 2]]}', "application/json", "latin-1", "é"),
        ('{"instances": [[1, "é", 2]]}'.encode(), "application/json", "latin-1", "é"),
    ],
)
def test_a_request_is_decoded_as_it_says_else_as_the_files_are(
    body: str | bytes, content_type: str, encoding: str, expected: str
) -> None:
    read = live_rows(body, {**CONTRACT, "encoding": encoding}, content_type)
    assert (read["error"] if isinstance(read, dict) else read[1][0]).startswith(expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("5,web,1\n\n6,web,1\n", "line 2 is blank: each line is a row"),
        ("\n5,web,1\n", "line 1 is blank: each line is a row"),
        ("5,web,1\n\n\n", [[5.0], ["web"], [1.0]]),
        ("\n", "the request holds no rows"),
        ('5,"web,1\n', "row 1: value 2: a quote that opens here is never closed"),
        ("5,we\0b,1\n", "row 1: value 2: a NUL byte stands here, which no text has"),
    ],
)
def test_a_request_has_as_many_answers_as_lines_or_an_error(body: str, expected: Any) -> None:
    read = live_rows(body, CONTRACT)
    assert (read["error"] if isinstance(read, dict) else read) == expected


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            "12345678901234567890",
            f"digits: column 'age': expected a number up to {LARGEST_WHOLE:,}, as larger ones lose",
        ),
        ("9007199254740993", "digits: column 'age'"),
        ("#N/A", "expected a number; if such cells are gaps, list them in missing_values, found '#N/A'"),
        ("-", "if such cells are gaps, list them in missing_values"),
        ('"1.234,5"', 'expected a number; if a comma is the decimal mark, say decimal: ",", found'),
        ("a\x1b[2Jb", "expected a number, found 'a␛[2Jb'"),
    ],
)
def test_the_reason_says_what_may_be_meant(cell: str, said: str) -> None:
    content = f"age,shop,risk\n{cell},a,1\n"
    result = validate_file("a.csv", io.BytesIO(content.encode()), ModelSpec.parse(spec_with()))
    assert said in result.reason
    assert "\x1b" not in json.dumps(result.to_json(), ensure_ascii=False)


def test_a_header_in_the_middle_is_refused_with_its_row() -> None:
    content = "age,shop,risk\n" + "30,a,1\n" * 100 + "age,shop,risk\n" + "30,a,1\n" * 100
    result = validate_file("a.csv", io.BytesIO(content.encode()), ModelSpec.parse(spec_with()))
    assert [(each.column, each.rows) for each in result.breaches] == [("age", [102]), ("shop", [102]), ("risk", [102])]


def test_a_spreadsheets_gaps_and_decimal_commas_are_read_when_the_contract_says_so() -> None:
    spec = ModelSpec.parse(spec_with(("data.missing_values", ["#N/A", "-"]), ("data.decimal", ",")))
    content = 'age,shop,risk\n#N/A,a,"1,5"\n-,-,2\n"3,25",b,1\n-,a,-\n'
    result = validate_file("a.csv", io.BytesIO(content.encode()), spec)
    assert [(each.rule, each.column) for each in result.breaches] == [
        ("max_missing_share", "age"),
        ("max_missing_share", "shop"),
    ]
    document = contract_document(spec)
    assert (document["decimal"], list(document["missing_values"])) == (",", ["#N/A", "-"])
