"""SYNTHETIC card transactions for the shipped ``fraud`` model: invented by a formula, no real person's.

The target is a known function of the features plus noise that nothing can predict, so a good model's error is
known beforehand: a mean squared error a little above NOISE squared.
"""

from __future__ import annotations

import math
import random

from rehearsal.material.data import Columns, Dataset, Uploads, mislabel

FEATURES = ("age", "income", "credit_score", "tenure_months", "utilization", "velocity", "mismatch")
COLUMNS = Columns(features=FEATURES, numbers=frozenset(FEATURES), target="risk_score")
NOISE = 1.4  # standard deviation of what cannot be predicted
MISSING_SHARE = 0.01  # of incomes and credit scores
NARROW_AGE = 60


def fraud_uploads(seed: int, rows: int = 2000) -> Uploads:
    """The story's uploads for the fraud model, ``rows`` each."""
    first = transactions(seed, rows)
    return Uploads(
        first=first,
        newer=transactions(seed + 1, rows, busier=0.05),
        narrow=transactions(seed + 2, rows, below_age=NARROW_AGE),
        mislabelled=mislabel(transactions(seed + 3, rows), seed),
        live=transactions(seed + 4, rows),
        narrowed=f"only holders below {NARROW_AGE}",
    )


def transactions(seed: int, rows: int, *, busier: float = 0.0, below_age: int | None = None) -> Dataset:
    """``rows`` invented transactions. ``busier`` raises the velocity, as a month with more traffic would."""
    draw = random.Random(seed)  # noqa: S311  # not for secrets
    made: list[tuple[str, ...]] = []
    while len(made) < rows:
        row = _transaction(draw, busier)
        if below_age is None or row["age"] < below_age:
            cells = [f"{value:g}" if name != "income" else f"{value:.0f}" for name, value in row.items()]
            for name in ("income", "credit_score"):
                if draw.random() < MISSING_SHARE:
                    cells[FEATURES.index(name)] = ""
            made.append((*cells, f"{_risk(row) + draw.gauss(0, NOISE):.2f}"))
    return Dataset((*FEATURES, COLUMNS.target), tuple(made))


def _transaction(draw: random.Random, busier: float) -> dict[str, float]:
    """One transaction's features. Each is cut off where its tails still hold rows, so that every data set
    reaches from one limit to the other and live rows never leave what training has seen."""
    age = round(_within(draw.gauss(46, 16), 18, 82))
    income = round(_within(draw.lognormvariate(10.85, 0.5) * (0.7 + age / 150), 15_000, 180_000), -2)
    return {
        "age": age,
        "income": income,
        "credit_score": round(_within(draw.gauss(650 + income / 2500, 65), 520, 830)),
        "tenure_months": round(_within(draw.expovariate(1 / 50), 1, 180)),
        "utilization": round(_within(draw.betavariate(2, 2.6), 0.08, 0.9), 2),
        "velocity": round(_within(draw.betavariate(1.8, 3.2) + busier, 0.06, 0.8), 2),
        "mismatch": round(_within(draw.betavariate(1.1, 3.6), 0.01, 0.7), 2),
    }


def _risk(row: dict[str, float]) -> float:
    """The expected risk score: what a perfect model would answer."""
    return (
        6
        + 7 * row["utilization"]
        + 8 * row["velocity"]
        + 14 * row["mismatch"] * (0.6 + row["velocity"])
        - 0.025 * (row["credit_score"] - 680)
        + 4 * math.exp(-row["tenure_months"] / 18)
        - 1.5 * math.log(row["income"] / 50_000)
        + 0.0012 * (row["age"] - 46) ** 2
    )


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
