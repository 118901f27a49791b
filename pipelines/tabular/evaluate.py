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
from job import JobError, run

ROWS_AT_ONCE = 10_000


class EvaluationError(JobError):
    """The model cannot be judged, or cannot score the test split."""


def evaluate(root: Path) -> None:
    """Write ``evaluation.json``. Raises EvaluationError unless every number in it is finite."""
    inputs = root / "processing" / "input"
    with tempfile.TemporaryDirectory() as unpacked:
        with tarfile.open(inputs / "model" / "model.tar.gz") as archive:
            archive.extractall(unpacked, filter="data")
        target, predicted = score(Path(unpacked), inputs / "test" / "test.csv")
    report = {"regression_metrics": metrics(target, predicted)}
    path = root / "processing" / "output" / "evaluation" / "evaluation.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    print(json.dumps(report))


def score(model_dir: Path, test: Path) -> tuple[np.ndarray, np.ndarray]:
    """Target and prediction of each row of the test split."""
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
    return np.concatenate(targets), np.concatenate(predictions).astype(float)


def metrics(target: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """Each metric with its standard error: its standard deviation over test splits of this size."""
    if not (np.isfinite(target).all() and np.isfinite(predicted).all()):
        raise EvaluationError("a prediction or a target is not a finite number")
    error = predicted - target
    rows = len(error)
    mse = float(np.mean(error**2))
    mse_deviation = float(np.std(error**2) / np.sqrt(rows))
    rmse = float(np.sqrt(mse))
    found = {
        "mse": (mse, mse_deviation),
        "rmse": (rmse, mse_deviation / (2 * rmse) if rmse else 0.0),
        "mae": (float(np.mean(np.abs(error))), float(np.std(np.abs(error)) / np.sqrt(rows))),
    }
    variance = float(np.var(target))
    if variance:  # a constant target has no variance to explain
        found["r2"] = (1 - mse / variance, mse_deviation / variance)
    return {name: {"value": value, "standard_deviation": deviation} for name, (value, deviation) in found.items()}


if __name__ == "__main__":
    sys.exit(run(evaluate, sys.argv[1:]))
