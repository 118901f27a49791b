"""A file as a spreadsheet in another language writes it, from upload to answer, and categories that come too late."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.builders.house_prices import CONTRACT, HEADER, house_lines
from tests.builders.tabular_jobs import Run

SPELLING = {"encoding": "windows-1252", "decimal": ",", "missing_values": ["#N/A", "-"]}
SIDES = ("S\xfcd", "\u20acpark", "\u201eMitte\u201c")
RARE = 60


def spreadsheet() -> bytes:
    """Homes with decimal commas, some of them in districts that occur only once."""
    lines = [HEADER]
    for at, line in enumerate(house_lines(3, 300)):
        area, rooms, built, km, energy, *_, price = line.split(",")
        district = f"rare {at}" if at % (300 // RARE) == 0 else SIDES[at % 3]
        cells = [area or "#N/A", rooms, built, km.replace(".", ","), energy or "-", district, price.replace(".", ",")]
        lines.append(",".join(f'"{cell}"' for cell in cells))
    return "\r\n".join(lines).encode("windows-1252")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("spreadsheet"))
    assert run.preprocess({"a.csv": spreadsheet()}, {**CONTRACT, **SPELLING}).code == 0
    assert run.train("--num_round", "20").code == 0
    assert run.evaluate().code == 0
    return run


def test_gaps_and_decimal_commas_are_read_in_training(run: Run) -> None:
    columns = json.loads((run.output / "profile" / "profile.json").read_text())["columns"]
    assert columns["area_m2"]["missing"] + columns["energy_class"]["missing"] > 0
    assert 0 < columns["km_to_centre"]["mean"] < 20
    assert set(SIDES) < set(columns["district"]["counts"])


def test_rows_in_the_encoding_of_the_files_are_answered_like_those_that_name_theirs(run: Run) -> None:
    rows = f'80,2,1975,"4,5",C,{SIDES[0]}\n-,2,1975,"4,5",#N/A,{SIDES[1]}\n'
    as_json = json.dumps({"instances": [[80, 2, 1975, 4.5, "C", SIDES[0]], [None, 2, 1975, 4.5, None, SIDES[1]]]})
    answers, log = run.serve_with_log(
        [
            (rows.encode("windows-1252"), "text/csv", ""),
            (rows.encode(), "text/csv; charset=utf-8", ""),
            (as_json.encode(), "application/json", "text/csv"),
        ]
    )
    assert len(set(answers)) == 1
    assert len(answers[0].splitlines()) == 2
    assert log == [], "every category was known"


def test_categories_that_only_the_test_split_has_are_counted_in_the_evaluation(run: Run) -> None:
    report = run.report()
    (unknown,) = report["unknown_categories"]
    assert unknown["column"] == "district"
    assert 0 < unknown["rows"] <= 45
    assert all(example.startswith("rare ") for example in unknown["examples"])
    assert report["data_quality_metrics"]["unknown_category_share"] == {"value": unknown["rows"] / 45}


def test_an_evaluation_without_unknown_categories_has_no_such_metric(run: Run, tmp_path: Path) -> None:
    other = Run(tmp_path)
    other.model.symlink_to(run.model)
    test = other.output / "test" / "test.csv"
    test.parent.mkdir(parents=True)
    header, *lines = (run.output / "test" / "test.csv").read_text().splitlines()
    test.write_text("\n".join([header, *(line for line in lines if "rare" not in line)]))
    assert other.evaluate().code == 0
    assert other.report()["unknown_categories"] == []
    assert "data_quality_metrics" not in other.report()
