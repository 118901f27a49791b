"""The scripts of the tabular pipeline, run as jobs: what they make of a table, and how they fail."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders.house_prices import CONTRACT, DISTRICTS, HEADER, ROW, ROWS, done, house_csv, house_lines
from tests.builders.tabular_jobs import Run

SERVING = ("inference", "features", "live_request", "json_cells", "contract", "csv_reader", "file_text")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return done(tmp_path_factory.mktemp("houses"))


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as lines:
        return list(csv.reader(lines))


def test_rows_are_split_70_15_15_and_none_is_lost(run: Run) -> None:
    train = rows_of(run.output / "train" / "train.csv")
    validation = rows_of(run.output / "validation" / "validation.csv")
    header, *test = rows_of(run.output / "test" / "test.csv")
    assert [len(train), len(validation), len(test)] == [280, 60, 60]
    assert header == HEADER.split(",")
    prices = sorted(float(line.rsplit(",", 1)[1]) for line in house_lines(1, 200) + house_lines(2, 200))
    assert sorted([float(row[0]) for row in train + validation] + [float(row[-1]) for row in test]) == prices


def test_encoded_rows_are_standardised_one_hot_and_without_gaps(run: Run) -> None:
    train = [[float(cell) for cell in row[1:]] for row in rows_of(run.output / "train" / "train.csv")]
    columns = list(zip(*train, strict=True))
    assert len(columns) == 4 + 7 + 3
    for column in columns[:4]:
        assert sum(column) == pytest.approx(0, abs=1e-6)
        assert sum(value**2 for value in column) / len(column) == pytest.approx(1)
    for row in train:
        assert sorted(row[4:11]) == [0, 0, 0, 0, 0, 0, 1]
        assert sorted(row[11:]) == [0, 0, 1]


def test_the_test_split_is_raw_so_that_serving_code_has_everything_to_do(run: Run) -> None:
    _, *test = rows_of(run.output / "test" / "test.csv")
    assert {row[5] for row in test} <= {"", *DISTRICTS}
    assert all(30 <= float(row[0]) <= 200 for row in test if row[0])
    assert any("" in row for row in test)


def test_the_profile_tells_what_was_in_the_data(run: Run) -> None:
    profile = json.loads((run.output / "profile" / "profile.json").read_text())
    assert profile["files"] == ["data/house-prices/june.csv.gz", "data/house-prices/may.csv"]
    assert (profile["rows"], profile["rows_without_target"]) == (ROWS, 1)
    missing = {name: column["missing"] for name, column in profile["columns"].items()}
    assert sum(missing.values()) == ROWS // 20
    assert sum(profile["columns"]["district"]["counts"].values()) == ROWS - missing["district"]
    assert profile["columns"]["year_built"]["min"] >= 1900


def test_the_same_rows_give_the_same_bytes(run: Run, tmp_path: Path) -> None:
    again = Run(tmp_path)
    inputs = run.root / "preprocess" / "processing" / "input" / "data"
    files = {path.relative_to(inputs).as_posix(): path.read_bytes() for path in inputs.rglob("*.csv*")}
    again.preprocess(files, CONTRACT)
    written = {path.relative_to(run.output): path.read_bytes() for path in run.output.rglob("*.*")}
    assert {path.relative_to(again.output): path.read_bytes() for path in again.output.rglob("*.*")} == written


def test_training_prints_the_metrics_of_each_round_and_keeps_what_serving_needs(run: Run, tmp_path: Path) -> None:
    again = Run(tmp_path)
    again.output.parent.mkdir(parents=True)
    again.output.symlink_to(run.output)
    printed = again.train("--num_round", "3").printed.splitlines()
    assert [line.split("\t")[0] for line in printed] == ["[0]", "[1]", "[2]"]
    assert all("\ttrain-rmse:" in line and "\tvalidation-rmse:" in line for line in printed)
    kept = {path.relative_to(again.model).as_posix() for path in again.model.rglob("*.*")}
    assert kept == {"preprocessing.json", *(f"code/{name}.py" for name in SERVING)}
    assert (again.model / "xgboost-model").stat().st_size > 0


def test_evaluation_reports_each_metric_with_its_standard_deviation(run: Run) -> None:
    metrics = run.metrics()
    assert set(metrics) == {"mse", "rmse", "mae", "r2"}
    assert all(set(metric) == {"value", "standard_deviation"} for metric in metrics.values())
    assert metrics["mse"]["value"] == pytest.approx(metrics["rmse"]["value"] ** 2)
    assert metrics["r2"]["value"] > 0.9  # the formula is nearly linear: a working pipeline learns it
    assert 0 < metrics["mse"]["standard_deviation"] < metrics["mse"]["value"]


@pytest.mark.parametrize(
    ("files", "contract", "words"),
    [
        pytest.param({"a.csv": b""}, {}, "a.csv: min_rows: the file is empty", id="empty file"),
        pytest.param({"a.csv": house_csv(1, 19)}, {}, "only 19 usable rows; at least 20", id="too few rows"),
        pytest.param(
            {"a.csv": house_csv(1, 60)},
            {"max_missing_share": 0.01},
            "the data contract allows 1.0%",
            id="too many gaps",
        ),
        pytest.param(
            {"a.csv": (HEADER + "".join(f"\n1,2,3,4,A,street {at},9" for at in range(200))).encode()},
            {},
            "column 'district' has 200 different values, more than 100",
            id="categories without end",
        ),
        pytest.param(
            {"a.csv": (HEADER + "\n1,2,3,4,Z,North,9" * 30).encode()},
            {},
            "a.csv: categories: column 'energy_class': expected one of A, B, C, D, E, F, G (rows 2, 3,",
            id="unlisted categories",
        ),
    ],
)
def test_preprocessing_that_fails_says_why(
    tmp_path: Path, files: dict[str, bytes], contract: dict[str, Any], words: str
) -> None:
    run = Run(tmp_path)
    finished = run.preprocess(files, {**CONTRACT, **contract})
    assert finished.code == 1
    assert finished.message is not None
    assert words in finished.message
    assert not run.output.exists()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        pytest.param(f"{ROW},nan", "a prediction or a target is not a finite number", id="target"),
        pytest.param(f"{ROW[3:]},50", "the model refuses a row of the test split: row 1 has 5 values", id="columns"),
        pytest.param("", "the test split is empty", id="no rows"),
    ],
)
def test_evaluation_without_a_sound_result_fails(run: Run, tmp_path: Path, row: str, words: str) -> None:
    other = Run(tmp_path)
    other.model.symlink_to(run.model)
    test = other.output / "test" / "test.csv"
    test.parent.mkdir(parents=True)
    test.write_text(f"{HEADER}\n{row}\n" if row else f"{HEADER}\n")
    finished = other.evaluate()
    assert finished.code == 1
    assert words in (finished.message or "")
    assert not list(other.root.rglob("evaluation.json"))


def test_a_model_of_another_xgboost_is_not_judged(run: Run, tmp_path: Path) -> None:
    other = Run(tmp_path)
    other.output.parent.mkdir(parents=True)
    other.output.symlink_to(run.output)
    other.train("--num_round", "1")
    saved = (other.model / "xgboost-model").read_bytes()
    assert b"3.0.5" in saved
    (other.model / "xgboost-model").write_bytes(saved.replace(b"3.0.5", b"9.0.5"))
    finished = other.evaluate()
    assert finished.code != 0
    assert "trained with XGBoost 9.0.5" in (finished.message or "")


def test_the_test_split_is_read_by_the_models_own_copy_of_the_reader(run: Run, tmp_path: Path) -> None:
    """A step from the cache may have packed another one than lies beside the evaluation."""
    other = Run(tmp_path)
    other.output.parent.mkdir(parents=True)
    other.output.symlink_to(run.output)
    other.train("--num_round", "1")
    with (other.model / "code" / "csv_reader.py").open("a") as code:
        code.write("\n\ndef read_rows(text):\n    raise ValueError('this is the copy')\n")
    finished = other.evaluate()
    assert finished.message == "the model refuses a row of the test split: this is the copy"
