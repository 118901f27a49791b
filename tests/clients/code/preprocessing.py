"""Lab 4, step 1: fill what is missing, encode, scale, and split into train, validation and test; label first."""

from pathlib import Path

import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

BASE = Path("/opt/ml/processing")


def main() -> None:
    """Read the one CSV file of the input; its label is the column ``loss``."""
    table = pd.read_csv(next((BASE / "input").glob("*.csv")))
    features = pd.get_dummies(table.drop(columns="loss"), columns=["channel"], dtype=float)
    filled = SimpleImputer(strategy="median").fit_transform(features)
    scaled = pd.DataFrame(StandardScaler().fit_transform(filled))
    scaled.insert(0, "label", table["loss"])
    train, rest = train_test_split(scaled, test_size=0.3, random_state=1)
    validation, test = train_test_split(rest, test_size=0.5, random_state=1)
    for name, part in (("train", train), ("validation", validation), ("test", test)):
        part.to_csv(BASE / name / f"{name}.csv", header=False, index=False)
        print(f"{name}: {len(part)} rows")


if __name__ == "__main__":
    main()
