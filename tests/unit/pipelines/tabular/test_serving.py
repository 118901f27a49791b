"""The serving code of a trained tabular model: what live requests may hold, and how they are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders.house_prices import ROW, done
from tests.builders.tabular_jobs import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return done(tmp_path_factory.mktemp("houses"))


def serve_one(run: Run, body: str, content_type: str = "text/csv", accept: str = "text/csv") -> Any:
    (answer,) = run.serve([(body, content_type, accept)])
    return answer


def test_serving_answers_one_line_per_row_whatever_the_batch(run: Run) -> None:
    other = '120,4,2001,9,A,"The ""Hill"", west"'
    both, first, second = run.serve([(body, "text/csv", "") for body in (f"{ROW}\r\n{other}\r\n", ROW, other)])
    assert both == first + second
    assert all(float(line) > 0 for line in both.splitlines())


def test_serving_speaks_json_too(run: Run) -> None:
    body = json.dumps({"instances": [[80, 2, 1975, 4.5, "C", "North"], [80, None, 1975, 4.5, "C", "North"]]})
    answer = json.loads(serve_one(run, body, "application/json; charset=utf-8", "application/json"))
    assert answer["predictions"][0]["score"] == pytest.approx(float(serve_one(run, ROW)), rel=1e-6)
    assert len(answer["predictions"]) == 2


def test_a_gap_in_a_live_row_is_filled_with_what_training_learned(run: Run) -> None:
    state = json.loads((run.model / "preprocessing.json").read_text())
    learned = {column["name"]: column for column in state["columns"]}
    filled = f"{learned['area_m2']['median']},2,1975,4.5,{learned['energy_class']['most_frequent']},North"
    assert run.serve([(",2,1975,4.5,,North", "text/csv", "")]) == run.serve([(filled, "text/csv", "")])


def test_an_unknown_category_is_no_error(run: Run) -> None:
    assert float(serve_one(run, "80,2,1975,4.5,C,Atlantis")) > 0


def test_a_policy_of_accepting_lets_any_number_pass(run: Run) -> None:
    assert float(serve_one(run, "5000,2,1975,4.5,C,North")) > 0


def test_unknown_categories_are_told_to_the_log(run: Run) -> None:
    rows = "80,2,1975,4.5,C,Atlantis\n80,2,1975,4.5,C,Atlantis\n80,2,1975,4.5,Q,North\n"
    _, log = run.serve_with_log([(rows, "text/csv", ""), (ROW, "text/csv", "")])
    assert [json.loads(line) for line in log] == [
        {"column": "energy_class", "unknown_categories": 1, "rows": 3, "examples": ["Q"]},
        {"column": "district", "unknown_categories": 2, "rows": 3, "examples": ["Atlantis"]},
    ]


def test_a_byte_order_mark_is_no_part_of_a_row(run: Run) -> None:
    rows = f"{ROW}\n{ROW}\n"
    with_mark, without = run.serve([(rows.encode(encoding), "text/csv", "") for encoding in ("utf-8-sig", "utf-8")])
    assert with_mark == without
    assert len(with_mark.splitlines()) == 2


REFUSED: dict[str, tuple[str | bytes, str, str, str]] = {
    "blank line": (f"{ROW}\n\n{ROW}\n", "text/csv", "", "line 2 is blank: each line is a row"),
    "open quote": (
        '80,2,1975,4.5,C,"North',
        "text/csv",
        "",
        "row 1: column 'district': a quote that opens here is never",
    ),
    "NUL": (f"{ROW}\n80,2,19\x0075,4.5,C,North", "text/csv", "", "row 2: column 'year_built': a NUL byte stands here"),
    "long number": (
        "80,2,12345678901234567890,4.5,C,North",
        "text/csv",
        "",
        "column 'year_built': '12345678901234567890'",
    ),
    "nested": ('{"instances": [[1, 2, 3, 4, ["C"], "N"]]}', "application/json", "", "row 1: value 5 is a list, not"),
    "charset": (ROW, "text/csv; charset=utf-16", "", "charset 'utf-16' is not supported: send one of utf-8, us-ascii"),
    "other bytes": ("80,2,1975,4.5,C,N\xf6rd".encode("latin-1"), "text/csv", "", "the request is not utf-8 text"),
    "JSON boolean": (
        '{"instances": [[true, 2, 3, 4, "C", "North"]]}',
        "application/json",
        "",
        "'true' is not a number",
    ),
    "too many": (f"{ROW}\n{ROW},1", "text/csv", "", "row 2 has 7 values, expected 6: area_m2,"),
    "text": ("80,two,1975,4.5,C,North", "text/csv", "", "column 'rooms': 'two' is not a number"),
    "infinite": ("inf,2,1975,4.5,C,North", "text/csv", "", "column 'area_m2': 'inf' is not a number"),
    "nothing": ("\n", "text/csv", "", "the request holds no rows"),
    "content type": (ROW, "text/libsvm", "", "content type 'text/libsvm' is not supported"),
    "accept": (ROW, "text/csv", "image/png", "cannot answer with 'image/png'"),
    "broken JSON": ("{", "application/json", "", "Expecting property name"),
    "JSON without instances": ("{}", "application/json", "", 'expected {"instances"'),
}


@pytest.fixture(scope="module")
def refusals(run: Run) -> dict[str, Any]:
    """All answers at once: a process each would take most of the time."""
    answers = run.serve([(body, content_type, accept) for body, content_type, accept, _ in REFUSED.values()])
    return dict(zip(REFUSED, answers, strict=True))


@pytest.mark.parametrize("case", REFUSED)
def test_a_request_that_cannot_be_scored_is_refused(refusals: dict[str, Any], case: str) -> None:
    assert REFUSED[case][3] in refusals[case]["error"]
