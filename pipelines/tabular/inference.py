"""Serving: raw feature rows in, one prediction per row out.

The XGBoost container's script mode calls the four functions below for every request. Whatever they raise is
answered with status 500 and the text of the error, which InvokeEndpoint reports as a ModelError.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from features import Features

CSV = "text/csv"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Model:
    """A booster and what its input has to go through first."""

    booster: xgb.Booster
    features: Features


def model_fn(model_dir: str) -> Model:
    """Load what training saved. RuntimeError if another version of XGBoost saved it.

    A booster saved by a later minor version can load without an error and predict wrong.
    """
    booster = xgb.Booster({"nthread": 1})  # the server runs a worker per core
    booster.load_model(Path(model_dir, "xgboost-model"))
    trained_with = booster.attr("trained_with")
    if trained_with is None or trained_with.split(".")[:2] != xgb.__version__.split(".")[:2]:
        raise RuntimeError(f"model trained with XGBoost {trained_with}, this is {xgb.__version__}")
    state = json.loads(Path(model_dir, "preprocessing.json").read_text(encoding="utf-8"))
    return Model(booster, Features.from_state(state))


def input_fn(body: str | bytes, content_type: str) -> list[list[str]]:
    """The raw cells of each row, from CSV without a header or from ``{"instances": [[...], ...]}``."""
    text = body if isinstance(body, str) else bytes(body).decode()
    kind = content_type.partition(";")[0].strip().lower()
    if kind == CSV:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    elif kind == JSON:
        rows = _json_rows(json.loads(text))
    else:
        raise ValueError(f"content type {content_type!r} is not supported: send {CSV} or {JSON}")
    if not rows:
        raise ValueError("the request holds no rows")
    return rows


def predict_fn(rows: Sequence[Sequence[str]], model: Model) -> np.ndarray:
    """One prediction per row; ValueError names what is wrong with a row."""
    return model.booster.inplace_predict(model.features.encode_rows(rows))


def output_fn(prediction: np.ndarray, accept: str) -> tuple[str, str]:
    """Body and content type: one prediction per line, or ``{"predictions": [{"score": ...}, ...]}``."""
    kind = (accept or "*/*").partition(";")[0].strip().lower()
    if kind in (CSV, "*/*", "text/*"):
        return "".join(f"{score}\n" for score in prediction), CSV
    if kind == JSON:
        return json.dumps({"predictions": [{"score": float(score)} for score in prediction]}), JSON
    raise ValueError(f"cannot answer with {accept!r}: accept {CSV} or {JSON}")


def _json_rows(request: Any) -> list[list[str]]:
    instances = request.get("instances") if isinstance(request, dict) else None
    if not isinstance(instances, list) or not all(isinstance(row, list) for row in instances):
        raise ValueError('expected {"instances": [[...], ...]}')
    return [["" if value is None else str(value) for value in row] for row in instances]
