"""The scripts of the tabular pipeline, run as jobs on a table with numbers, categories and gaps."""

from __future__ import annotations

import csv
import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tabular_jobs import ROOT, Run, data_contract

SPEC = yaml.safe_load((ROOT / "models" / "house-prices.yaml").read_text())
CONTRACT = data_contract(SPEC)
HEADER = "area_m2,rooms,year_built,km_to_centre,energy_class,district,price"
DISTRICTS = {"North": 20, "Old Town": 90, 'The "Hill", west': 60}
ROWS = 400


def house_lines(seed: int, rows: int) -> list[str]:
    """Synthetic homes, in which every twentieth area, class or district is missing."""
    draw = random.Random(seed)
    lines = []
    for at in range(rows):
        area, built = draw.randint(30, 200), draw.randint(1900, 2024)
        km, energy, district = draw.uniform(0, 20), draw.choice("ABCDEFG"), draw.choice(list(DISTRICTS))
        price = 2.5 * area - 6 * km - 8 * "ABCDEFG".index(energy) + DISTRICTS[district] + draw.gauss(0, 10)
        cells = [f"{area}", f"{area // 30}", f"{built}", f"{km:.2f}", energy, district, f"{price:.1f}"]
        if at % 20 == 0:
            cells[draw.choice((0, 4, 5))] = ""
        lines.append(",".join('"' + cell.replace('"', '""') + '"' if '"' in cell else cell for cell in cells))
    return lines


def house_csv(seed: int, rows: int) -> bytes:
    return "\n".join([HEADER, *house_lines(seed, rows)]).encode()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All three jobs, done once: half of the rows in a plain file, half in a packed one."""
    run = Run(tmp_path_factory.mktemp("houses"))
    files = {
        "data/house-prices/may.csv": house_csv(1, ROWS // 2),
        "data/house-prices/june.csv.gz": gzip.compress(house_csv(2, ROWS // 2) + b"\n50,1,1950,3.5,A,North,"),
    }
    assert run.preprocess(files, CONTRACT).code == 0
    assert run.train("--eta", "0.2", "--max_depth", "4", "--num_round", "60").code == 0
    assert run.evaluate().code == 0
    return run


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
    assert kept == {"preprocessing.json", "code/inference.py", "code/features.py", "code/cells.py"}
    assert (again.model / "xgboost-model").stat().st_size > 0


def test_evaluation_reports_each_metric_with_its_standard_deviation(run: Run) -> None:
    metrics = run.metrics()
    assert set(metrics) == {"mse", "rmse", "mae", "r2"}
    assert all(set(metric) == {"value", "standard_deviation"} for metric in metrics.values())
    assert metrics["mse"]["value"] == pytest.approx(metrics["rmse"]["value"] ** 2)
    assert metrics["r2"]["value"] > 0.9  # the formula is nearly linear: a working pipeline learns it
    assert 0 < metrics["mse"]["standard_deviation"] < metrics["mse"]["value"]


def serve_one(run: Run, body: str, content_type: str = "text/csv", accept: str = "text/csv") -> Any:
    (answer,) = run.serve([(body, content_type, accept)])
    return answer


ROW = "80,2,1975,4.5,C,North"


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


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "words"),
    [
        pytest.param(f"{ROW}\n{ROW},1", "text/csv", "", "row 2 has 7 values, expected 6: area_m2,", id="too many"),
        pytest.param("80,two,1975,4.5,C,North", "text/csv", "", "column 'rooms': 'two' is not a number", id="text"),
        pytest.param("inf,2,1975,4.5,C,North", "text/csv", "", "column 'area_m2': 'inf' is not a", id="infinite"),
        pytest.param("\n", "text/csv", "", "the request holds no rows", id="nothing"),
        pytest.param(ROW, "text/libsvm", "", "content type 'text/libsvm' is not supported", id="content type"),
        pytest.param(ROW, "text/csv", "image/png", "cannot answer with 'image/png'", id="accept"),
        pytest.param("{", "application/json", "", "Expecting property name", id="broken JSON"),
        pytest.param("{}", "application/json", "", 'expected {"instances"', id="JSON without instances"),
    ],
)
def test_a_request_that_cannot_be_scored_is_refused(
    run: Run, body: str, content_type: str, accept: str, words: str
) -> None:
    assert words in serve_one(run, body, content_type, accept)["error"]


@pytest.mark.parametrize(
    ("files", "contract", "words"),
    [
        pytest.param({"a.csv": b""}, {}, "a.csv: the file is empty", id="empty file"),
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
            "column 'energy_class' has none of its categories A, B,",
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
