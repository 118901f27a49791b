"""Lab 4, step 3: score the test set with the trained model and report its mean squared error."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

BASE = Path("/opt/ml/processing")


def main() -> None:
    """Write ``evaluation.json`` as the quality gate reads it."""
    with tarfile.open(BASE / "model" / "model.tar.gz") as archive:
        archive.extractall(BASE / "model", filter="data")
    model = xgb.Booster(model_file=BASE / "model" / "xgboost-model")
    test = pd.read_csv(BASE / "test" / "test.csv", header=None)
    errors = model.predict(xgb.DMatrix(test.iloc[:, 1:].to_numpy())) - test.iloc[:, 0].to_numpy()
    metrics = {"mse": {"value": float(np.mean(errors**2)), "standard_deviation": float(np.std(errors))}}
    (BASE / "evaluation" / "evaluation.json").write_text(json.dumps({"regression_metrics": metrics}))


if __name__ == "__main__":
    main()
