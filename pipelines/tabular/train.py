"""Training job TrainModel: gradient-boosted trees on the encoded splits, saved with what serves them.

SageMaker's XGBoost container runs this in script mode: the hyperparameters are the arguments, the channels
and the model directory come as SM_… environment variables.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xgboost as xgb

SERVING_CODE = (
    "inference.py",
    "features.py",
    "live_request.py",
    "json_cells.py",
    "contract.py",
    "csv_reader.py",
    "file_text.py",
)
ROWS_PER_THREAD = 10_000  # below, threads cost more than they bring


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    options = parse(arguments)
    train = load_channel(environment, "train")
    validation = load_channel(environment, "validation")
    params = {
        "objective": options.objective,
        "max_depth": options.max_depth,
        "eta": options.eta,
        "nthread": max(1, min(os.cpu_count() or 1, train.num_row() // ROWS_PER_THREAD)),
    }
    # Prints the metrics of each round, "[49] train-rmse:… validation-rmse:…" with tabs between them.
    booster = xgb.train(params, train, options.num_round, evals=[(train, "train"), (validation, "validation")])
    booster.set_attr(trained_with=xgb.__version__)
    save(booster, Path(channel(environment, "preprocessing")), Path(environment["SM_MODEL_DIR"]))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--objective", default="reg:squarederror")
    parser.add_argument("--num_round", type=int, default=50)
    parser.add_argument("--max_depth", type=int, default=5)
    parser.add_argument("--eta", type=float, default=0.2)
    return parser.parse_args(arguments)


def channel(environment: Mapping[str, str], name: str) -> str:
    """The directory of an input channel."""
    return environment[f"SM_CHANNEL_{name.upper()}"]


def load_channel(environment: Mapping[str, str], name: str) -> xgb.DMatrix:
    """The CSV files of a channel: no header, label first."""
    paths = sorted(Path(channel(environment, name)).glob("*.csv"))
    rows = np.vstack([np.loadtxt(path, delimiter=",", ndmin=2) for path in paths])
    return xgb.DMatrix(rows[:, 1:], label=rows[:, 0])


def save(booster: xgb.Booster, preprocessing: Path, model_dir: Path) -> None:
    """Everything that serving needs, so that model and preprocessing can never come apart."""
    code = model_dir / "code"
    code.mkdir(parents=True, exist_ok=True)
    # UBJSON whatever the name says: the container expects a file without an extension.
    (model_dir / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    shutil.copyfile(preprocessing / "preprocessing.json", model_dir / "preprocessing.json")
    for name in SERVING_CODE:
        shutil.copyfile(Path(__file__).with_name(name), code / name)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
