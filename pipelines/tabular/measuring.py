"""How good predictions are, as metrics with their standard error: the standard deviation over test splits."""

from __future__ import annotations

import numpy as np

SMALLEST_PROBABILITY = 1e-7  # about what 32-bit floats tell from 0 and 1

Metrics = dict[str, tuple[float, float]]
"""Value and standard error by name."""


def regression(target: np.ndarray, predicted: np.ndarray) -> Metrics:
    error = predicted - target
    mse, mse_deviation = _mean(error**2)
    rmse = float(np.sqrt(mse))
    found = {
        "mse": (mse, mse_deviation),
        "rmse": (rmse, mse_deviation / (2 * rmse) if rmse else 0.0),
        "mae": _mean(np.abs(error)),
    }
    variance = float(np.var(target))
    if variance:  # a constant target has no variance to explain
        found["r2"] = (1 - mse / variance, mse_deviation / variance)
    return found


def classification(target: np.ndarray, probability: np.ndarray) -> Metrics:
    """Of the probability of the positive category; ``target`` is 1 or 0, and both occur."""
    sure = np.clip(probability, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return {
        "auc": area_under_curve(target, probability),
        "log_loss": _mean(-np.where(target == 1, np.log(sure), np.log(1 - sure))),
        "accuracy": _mean((probability >= 0.5) == (target == 1)),
    }


def area_under_curve(target: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """Chance that a positive row scores above a negative one, ties counted half; error after Hanley and McNeil."""
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positive, negative = int((target == 1).sum()), int((target == 0).sum())
    auc = float((ranks[target == 1].sum() - positive * (positive + 1) / 2) / (positive * negative))
    spread_positive = (positive - 1) * (auc / (2 - auc) - auc**2)
    spread_negative = (negative - 1) * (2 * auc**2 / (1 + auc) - auc**2)
    variance = (auc * (1 - auc) + spread_positive + spread_negative) / (positive * negative)
    return auc, float(np.sqrt(max(variance, 0.0)))


def _mean(values: np.ndarray) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values) / np.sqrt(len(values)))
