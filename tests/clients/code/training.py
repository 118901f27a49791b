"""A training script of one's own, for the XGBoost image."""

import argparse
import os
from pathlib import Path

import pandas as pd
import xgboost as xgb


def main() -> None:
    """Train on the channel ``train``: CSV without a header, label first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, required=True)
    options = parser.parse_args()
    table = pd.concat(pd.read_csv(file, header=None) for file in Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir())
    data = xgb.DMatrix(table.iloc[:, 1:].to_numpy(), label=table.iloc[:, 0].to_numpy())
    model = xgb.train({"objective": "binary:logistic"}, data, options.rounds)
    model.save_model(Path(os.environ["SM_MODEL_DIR"]) / "xgboost-model.ubj")


if __name__ == "__main__":
    main()
