"""Processing job EvaluateModel: score the raw test split with the model's own serving code.

What is measured is therefore what will serve: parsing, filling in, encoding and the model together.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import sys
import tarfile
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from gate import NONE, GateError, failed_rules
from job import JobError, run
from measuring import Metrics, classification, regression

ROWS_AT_ONCE = 10_000


class EvaluationError(JobError):
    """The model cannot be judged, or cannot score the test split."""


def evaluate(root: Path, gate: str, live: str) -> None:
    """Write ``evaluation.json``. Raises EvaluationError unless every number in it is finite.

    ``gate`` and ``live`` are the rules and the version in service, as ``gate.failed_rules`` reads them.
    """
    inputs = root / "processing" / "input"
    with tempfile.TemporaryDirectory() as unpacked:
        with tarfile.open(inputs / "model" / "model.tar.gz") as archive:
            archive.extractall(unpacked, filter="data")
        target, predicted, labels = score(Path(unpacked), inputs / "test" / "test.csv")
    found = metrics(target, predicted, labels)
    values = {name: value for group in found.values() for name, (value, _) in group.items()}
    try:
        failed = failed_rules(gate, live, values)
    except GateError as error:
        raise EvaluationError(str(error)) from error
    report: dict[str, Any] = {
        group: {name: {"value": value, "standard_deviation": error} for name, (value, error) in each.items()}
        for group, each in found.items()
    }
    report["gate"] = {
        "rules": gate,
        "live": live,
        "failed_rules": len(failed),
        "verdict": "; ".join(failed) or "no other rule failed",
    }
    path = root / "processing" / "output" / "evaluation" / "evaluation.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    print(json.dumps(report))


def score(model_dir: Path, test: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Target and prediction of each row of the test split, and the labels of a classifier."""
    # The model's own copy of the serving code, not the one that lies beside this script.
    sys.path.insert(0, str(model_dir / "code"))
    inference = importlib.import_module("inference")
    model = inference.model_fn(str(model_dir))
    targets, predictions = [], []
    with test.open(newline="", encoding="utf-8") as lines:
        reader = csv.reader(lines)
        next(reader)
        while rows := list(islice(reader, ROWS_AT_ONCE)):
            targets.append(np.array([float(row[-1]) for row in rows]))
            body = io.StringIO()
            csv.writer(body, lineterminator="\n").writerows(row[:-1] for row in rows)
            try:
                cells = inference.input_fn(body.getvalue(), "text/csv")
                predictions.append(inference.predict_fn(cells, model))
            except ValueError as error:
                raise EvaluationError(f"the model refuses a row of the test split: {error}") from error
    if not targets:
        raise EvaluationError("the test split is empty")
    return np.concatenate(targets), np.concatenate(predictions).astype(float), model.features.labels


def metrics(target: np.ndarray, predicted: np.ndarray, labels: tuple[str, ...]) -> dict[str, Metrics]:
    """The metrics in SageMaker's groups.

    A classifier has an ``mse`` as well, that of its probability, known as Brier score: so the condition on it
    in the pipeline holds for every model.
    """
    if not (np.isfinite(target).all() and np.isfinite(predicted).all()):
        raise EvaluationError("a prediction or a target is not a finite number")
    if not labels:
        return {"regression_metrics": regression(target, predicted)}
    for label, value in zip(labels, (0, 1), strict=True):
        if not (target == value).any():
            raise EvaluationError(f"no row of the test split is {label!r}: more data is needed to judge a classifier")
    return {
        "binary_classification_metrics": classification(target, predicted),
        "regression_metrics": {"mse": regression(target, predicted)["mse"]},
    }


if __name__ == "__main__":
    sys.exit(run(evaluate, sys.argv[1:], gate=NONE, live=NONE))
