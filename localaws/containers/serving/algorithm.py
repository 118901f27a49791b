"""Algorithm mode: the image serves the model file without any code of the user."""

import json
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import xgboost as xgb

from .contract import CSV, JSON, InferenceRequest, Reply, media_type
from .table import csv_to_matrix

MAX_PAYLOAD_MB = 6


class AlgorithmMode:
    """Scores CSV with the one file in the model directory.

    Of the image's request formats only CSV is played; libsvm, recordio and Parquet are answered 415.
    """

    def __init__(self, model_dir: Path, *, batch: bool = False) -> None:
        self._model_dir = model_dir
        self._batch = batch
        self._booster: Any = None
        self._loading = threading.Lock()

    def load(self) -> None:
        """Load the first file that is not hidden; raises RuntimeError when that is not a model."""
        with self._loading:
            if self._booster is None:
                self._booster = _load_booster(self._model_dir)

    def invoke(self, request: InferenceRequest) -> Reply:
        """204 for nothing, 415 for what is not CSV of numbers, 406 for an answer format it does not speak."""
        if not request.body:
            return Reply(204)
        try:
            matrix = _decode(request)
        except ValueError as error:
            return _refuse(415, str(error))
        accept = media_type(request.accept or "*/*")
        if accept not in ("*/*", CSV, JSON):
            return _refuse(406, f"Accept type {accept} is not supported. Please use {CSV} or {JSON}.")
        try:
            self.load()
            scores = self._predict(matrix)
        except (RuntimeError, ValueError) as error:  # xgboost's own error is a ValueError
            return _refuse(400, f"Unable to evaluate payload provided: {error}")
        return self._encode(scores, accept)

    def execution_parameters(self) -> Reply:
        parameters = {
            "MaxConcurrentTransforms": os.cpu_count(),
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": MAX_PAYLOAD_MB,
        }
        return Reply(200, json.dumps(parameters).encode(), JSON)

    def _predict(self, matrix: xgb.DMatrix) -> list[Any]:
        # Like the image: names are not compared, so a row with too few columns still gives a number.
        scores: list[Any] = self._booster.predict(matrix, validate_features=False).tolist()
        return scores

    def _encode(self, scores: list[Any], accept: str) -> Reply:
        if accept == JSON and not self._batch:
            return Reply(200, json.dumps({"predictions": [{"score": score} for score in scores]}).encode(), JSON)
        return Reply(200, "".join(f"{score}\n" for score in scores).encode(), f"{CSV}; charset=utf-8")


def _decode(request: InferenceRequest) -> xgb.DMatrix:
    content_type = media_type(request.content_type or CSV)
    if content_type != CSV:
        raise ValueError(f"Content-type {content_type} not supported. Supported content-type is {CSV}")
    try:
        return csv_to_matrix(request.body.strip().decode())
    except ValueError as error:
        message = "Loading csv data failed with Exception, please ensure data is in csv format"
        raise ValueError(f"{message}:\n {type(error)}\n {error}") from error


def _refuse(status: int, message: str) -> Reply:
    print(message, flush=True)
    return Reply.text(status, message)


def _load_booster(model_dir: Path) -> Any:
    """Old models are pickles, new ones XGBoost's own format; the image tries in this order."""
    files = sorted(path for path in model_dir.iterdir() if not path.name.startswith(".") and path.is_file())
    if not files:
        raise RuntimeError(f"Unable to load model: {model_dir} holds no file")
    content = files[0].read_bytes()
    is_pickle = content.startswith(b"\x80")
    # A model is code: who registers one is trusted.
    booster = pickle.loads(content) if is_pickle else xgb.Booster(model_file=bytearray(content))  # noqa: S301
    booster.set_param({"nthread": 1})
    return booster
