"""Serving: raw feature rows in, one prediction per row out.

The XGBoost container's script mode calls the four functions below for every request. Whatever they raise is
answered with status 500 and the text of the error, which InvokeEndpoint reports as a ModelError.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from csv_reader import CsvError
from features import Features
from live_request import CSV, JSON, Request

SHOWN_UNKNOWN = 3  # of a column, in a line of the log
SHOWN_CHARACTERS = 40


def ask_for_bytes() -> None:
    """Have the image's toolkit hand over each request as it came.

    It decodes ``text/csv`` and ``application/json`` as UTF-8 and puts a replacement character for what is not
    (sagemaker_containers ``Request.content``, Werkzeug ``get_data``): rows in another encoding would be lost. Where the
    toolkit is another one, nothing happens, and ``Request`` refuses what was lost.
    """
    toolkit: Any = sys.modules.get("sagemaker_containers._content_types")
    if toolkit is not None:
        toolkit.UTF8_TYPES = []


ask_for_bytes()


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


def input_fn(body: str | bytes, content_type: str) -> Request:
    """A request that can be read: CSV without a header, or ``{"instances": [[...], ...]}``."""
    return Request.of(body, content_type)


def read_values(request: Request, model: Model) -> list[Any]:
    """The values of each column; ValueError names what is wrong with the request or with a row."""
    try:
        rows = request.rows(model.features.encoding)
    except CsvError as error:
        raise ValueError(error.flaw.told([column.name for column in model.features.columns])) from error
    return model.features.parse(rows)


def predict(values: Sequence[Any], model: Model) -> np.ndarray:
    """One prediction per row."""
    prediction: np.ndarray = model.booster.inplace_predict(model.features.encode(values))
    return prediction


def predict_fn(request: Request, model: Model) -> np.ndarray:
    """One prediction per row; ValueError names what is wrong with a row. Unknown categories are told to the log."""
    values = read_values(request, model)
    for column, counts in model.features.unknown(values).items():
        print(unknown_line(column, counts, len(values[0])), flush=True)
    return predict(values, model)


def unknown_line(column: str, counts: Mapping[str, int], rows: int) -> str:
    """A line of the log, in JSON: a metric filter can count it."""
    frequent = [value[:SHOWN_CHARACTERS] for value, _ in Counter(counts).most_common(SHOWN_UNKNOWN)]
    told = {"column": column, "unknown_categories": sum(counts.values()), "rows": rows, "examples": frequent}
    return json.dumps(told)


def output_fn(prediction: np.ndarray, accept: str) -> tuple[str, str]:
    """Body and content type: one prediction per line, or ``{"predictions": [{"score": ...}, ...]}``."""
    kind = (accept or "*/*").partition(";")[0].strip().lower()
    if kind in (CSV, "*/*", "text/*"):
        return "".join(f"{score}\n" for score in prediction), CSV
    if kind == JSON:
        return json.dumps({"predictions": [{"score": float(score)} for score in prediction]}), JSON
    raise ValueError(f"cannot answer with {accept!r}: accept {CSV} or {JSON}")
