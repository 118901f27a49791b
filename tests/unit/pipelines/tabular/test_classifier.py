"""The classifier that ships, on the data that ships: trained, measured, gated and served without code of its own."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from tests.builders.tabular_jobs import ROOT, Run, data_contract

SPEC = yaml.safe_load((ROOT / "models" / "breast-cancer.yaml").read_text())
DATA = (ROOT / "rehearsal" / "material" / "datasets" / "breast-cancer.csv").read_bytes()
RULES = "auc>=0.9 log_loss<=0.5 live<=8"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("cancer"))
    assert run.preprocess({"a.csv": DATA}, data_contract(SPEC)).code == 0
    assert run.train("--objective", "binary:logistic", "--num_round", "8", "--max_depth", "1").code == 0
    assert run.evaluate("--gate", RULES, "--live", "1 auc=0.97").code == 0
    return run


def test_the_splits_hold_the_target_as_one_for_the_positive_category(run: Run) -> None:
    with (run.output / "test" / "test.csv").open(newline="") as lines:
        targets = [row["diagnosis"] for row in csv.DictReader(lines)]
    assert set(targets) == {"0.0", "1.0"}
    train = (run.output / "train" / "train.csv").read_text().splitlines()
    assert {line.split(",")[0] for line in train} == {"0.0", "1.0"}


def test_the_metrics_are_those_of_what_is_served(run: Run) -> None:
    with (run.output / "test" / "test.csv").open(newline="") as lines:
        _, *rows = csv.reader(lines)
    answers = [float(answer) for answer in run.serve([(",".join(row[:-1]), "text/csv", "") for row in rows])]
    scored = list(zip(answers, (row[-1] == "1.0" for row in rows), strict=True))
    positive = [score for score, is_positive in scored if is_positive]
    negative = [score for score, is_positive in scored if not is_positive]
    wins = sum((p > n) + (p == n) / 2 for p in positive for n in negative)
    metrics = run.report()["binary_classification_metrics"]
    assert set(metrics) == {"auc", "log_loss", "accuracy"}
    assert metrics["auc"]["value"] == pytest.approx(wins / (len(positive) * len(negative)))
    assert metrics["auc"]["value"] > 0.9
    assert 0 < metrics["auc"]["standard_deviation"] < 0.05
    right = sum((score >= 0.5) == is_positive for score, is_positive in scored) / len(scored)
    assert metrics["accuracy"]["value"] == pytest.approx(right)
    brier = sum((score - is_positive) ** 2 for score, is_positive in scored) / len(scored)
    assert run.metrics()["mse"]["value"] == pytest.approx(brier, rel=1e-4)
    assert 0 < metrics["log_loss"]["value"] < 0.6


def test_a_version_that_passes_the_gate_has_no_failed_rule(run: Run) -> None:
    assert run.report()["gate"] == {
        "rules": RULES,
        "live": "1 auc=0.97",
        "failed_rules": 0,
        "verdict": "no other rule failed",
    }


def evaluated(run: Run, folder: Path, *arguments: str) -> Run:
    """The same model and test split, judged by other rules."""
    other = Run(folder)
    other.model.symlink_to(run.model)
    other.output.parent.mkdir(parents=True)
    other.output.symlink_to(run.output)
    other.evaluate(*arguments)
    return other


def test_a_version_that_fails_a_rule_is_measured_all_the_same(run: Run, tmp_path: Path) -> None:
    report = evaluated(run, tmp_path, "--gate", "auc>=0.99999 live<=0", "--live", "3 auc=0.99999").report()
    assert report["gate"]["failed_rules"] == 2
    assert "below the minimum of 0.99999" in report["gate"]["verdict"]
    assert "of live version 3 by more than 0 %" in report["gate"]["verdict"]


def test_a_gate_that_asks_for_another_kind_of_metric_fails_the_job(run: Run, tmp_path: Path) -> None:
    other = evaluated(run, tmp_path, "--gate", "rmse<=1")
    message = (other.root / "evaluate" / "output" / "message").read_text()
    assert message.startswith("the gate asks for rmse, which this evaluation does not measure: auc, log_loss")


def test_a_test_split_without_one_of_the_categories_cannot_judge(run: Run, tmp_path: Path) -> None:
    header, *lines = (run.output / "test" / "test.csv").read_text().splitlines()
    other = Run(tmp_path)
    other.model.symlink_to(run.model)
    test = other.output / "test" / "test.csv"
    test.parent.mkdir(parents=True)
    test.write_text("\n".join([header, *(line for line in lines if line.endswith(",0.0"))]))
    finished = other.evaluate()
    assert finished.message == "no row of the test split is 'malignant': more data is needed to judge a classifier"
