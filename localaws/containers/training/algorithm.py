"""Algorithm mode: CSV without a header and with the label first, a model file named ``xgboost-model``."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xgboost as xgb

from .hyperparameters import UserError, algorithm_parameters


def train(base: Path, given: Mapping[str, str]) -> None:
    """Train on the channels ``train`` and, if there is one, ``validation``; raises UserError.

    Metrics go to stdout in the form by which SageMaker reads them: ``[49]\\ttrain-rmse:…\\tvalidation-rmse:…``.
    """
    parameters, rounds = algorithm_parameters(given)
    channels = json.loads((base / "input" / "config" / "inputdataconfig.json").read_text())
    if "train" not in channels:
        raise UserError("Channel train is missing")
    watched = []
    for name in ("train", "validation"):
        if name in channels:
            watched.append((_read_channel(base / "input" / "data" / name, channels[name]), name))
    early_stopping_rounds = parameters.pop("early_stopping_rounds", None)
    model = xgb.train(
        parameters,
        watched[0][0],
        num_boost_round=rounds,
        evals=watched,
        early_stopping_rounds=early_stopping_rounds,
        verbose_eval=True,
    )
    model.save_model(base / "model" / "xgboost-model.ubj")
    (base / "model" / "xgboost-model.ubj").rename(base / "model" / "xgboost-model")


def _read_channel(directory: Path, config: Mapping[str, str]) -> xgb.DMatrix:
    content_type = config.get("ContentType", "text/libsvm").split(";")[0].strip()
    if content_type not in {"text/csv", "csv"}:
        raise UserError(f"Content type {content_type} is not supported by the local AWS; use text/csv")
    files = sorted(path for path in directory.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise UserError(f"No data in channel {directory.name}")
    try:
        rows = np.vstack(
            [np.genfromtxt(file, delimiter=",", dtype=np.float32, ndmin=2, invalid_raise=True) for file in files]
        )
    except ValueError as error:
        raise UserError(f"Failed to load csv data with exception: {error}") from error
    if np.isnan(rows[:, 0]).any():
        raise UserError("Failed to load csv data: a label is not a number; is there a header row?")
    return xgb.DMatrix(rows[:, 1:], label=rows[:, 0])
