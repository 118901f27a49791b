"""Processing job EvaluateModel: score the raw test split with the model's own serving code.

What is measured is therefore what will serve: parsing, filling in, encoding and the model together.
"""

from __future__ import annotations

import importlib
import json
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gate import NONE, GateError, failed_rules
from job import JobError, run
from measuring import Metrics, classification, regression

SHOWN_UNKNOWN = 5


@dataclass(slots=True)
class Scored:
    """What the model made of the test split."""

    target: np.ndarray
    predicted: np.ndarray
    labels: tuple[str, ...]  # of a classifier
    unknown: dict[str, Counter[str]] = field(default_factory=dict)  # categories that training did not know, by column


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
        scored = score(Path(unpacked), inputs / "test" / "test.csv")
    found = metrics(scored.target, scored.predicted, scored.labels)
    values = {name: value for group in found.values() for name, (value, _) in group.items()}
    try:
        failed = failed_rules(gate, live, values)
    except GateError as error:
        raise EvaluationError(str(error)) from error
    report: dict[str, Any] = {
        group: {name: {"value": value, "standard_deviation": error} for name, (value, error) in each.items()}
        for group, each in found.items()
    }
    if scored.unknown:
        report["data_quality_metrics"] = {"unknown_category_share": {"value": unknown_share(scored)}}
    report["unknown_categories"] = [
        {"column": name, "rows": counts.total(), "examples": [value for value, _ in counts.most_common(SHOWN_UNKNOWN)]}
        for name, counts in scored.unknown.items()
    ]
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


def score(model_dir: Path, test: Path) -> Scored:
    """Score each row of the test split. Raises EvaluationError for one that the model refuses."""
    # The model's own copy of the serving code, not the one that lies beside this script: nothing above may import it.
    sys.path.insert(0, str(model_dir / "code"))
    inference, csv_reader, file_text = map(importlib.import_module, ("inference", "csv_reader", "file_text"))
    model = inference.model_fn(str(model_dir))
    targets, predictions = [], []
    unknown: dict[str, Counter[str]] = {}
    for rows in _rows(test, csv_reader, file_text):
        targets.append(np.array([float(row[-1]) for row in rows]))
        body = "".join(csv_reader.write_row(row[:-1]) for row in rows).encode()
        try:
            values = inference.read_values(inference.input_fn(body, "text/csv; charset=utf-8"), model)
        except ValueError as error:
            raise EvaluationError(f"the model refuses a row of the test split: {error}") from error
        predictions.append(inference.predict(values, model))
        for name, counts in model.features.unknown(values).items():
            unknown.setdefault(name, Counter()).update(counts)
    if not targets:
        raise EvaluationError("the test split is empty")
    return Scored(np.concatenate(targets), np.concatenate(predictions).astype(float), model.features.labels, unknown)


def unknown_share(scored: Scored) -> float:
    """The share of rows in the column that has the most unknown categories."""
    return max(counts.total() for counts in scored.unknown.values()) / len(scored.target)


def _rows(test: Path, csv_reader: Any, file_text: Any) -> Iterator[list[list[str]]]:
    """The rows of the test split without its header, some at a time."""
    with test.open("rb") as source:
        reader = csv_reader.CsvReader(file_text.FileText(source))
        for number, chunk in enumerate(reader.chunks()):
            if rows := chunk[1:] if number == 0 else chunk:
                yield rows
    if reader.flaw is not None:
        raise EvaluationError(f"the test split cannot be read: {reader.flaw}")


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
