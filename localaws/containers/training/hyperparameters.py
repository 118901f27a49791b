"""Hyperparameters: strings in the API, decoded as JSON for a script, checked for the built-in algorithm."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class UserError(Exception):
    """What the image calls a customer's mistake; SageMaker shows the text as the failure reason."""

    exit_code = 1


def read_hyperparameters(path: Path) -> dict[str, str]:
    """The job's hyperparameters as SageMaker wrote them: a flat object of strings."""
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def decoded(given: Mapping[str, str]) -> dict[str, Any]:
    """Each value read as JSON where it is JSON, as the training toolkit does."""
    return {name: _decode(value) for name, value in given.items()}


def algorithm_parameters(given: Mapping[str, str]) -> tuple[dict[str, Any], int]:
    """The parameters of the built-in algorithm and its number of rounds; raises UserError."""
    for name in given:
        if name not in _ALLOWED:
            raise UserError(f"Extraneous hyperparameter found: {name}")
    if "num_round" not in given:
        raise UserError("Required hyperparameter num_round is missing")
    values = {name: _checked(name, value) for name, value in given.items()}
    rounds = values.pop("num_round")
    return values, rounds


def _decode(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _checked(name: str, text: str) -> Any:
    convert, holds, range_text = _ALLOWED[name]
    try:
        value = convert(text)
    except ValueError as error:
        raise UserError(f"Hyperparameter {name}: could not parse value {text!r}") from error
    if not holds(value):
        raise UserError(f"Hyperparameter {name}: {text} is not in {range_text}")
    return value


ValueRule = tuple[Callable[[str], Any], Callable[[Any], bool], str]


def _number(convert: type, low: float, high: float = float("inf")) -> ValueRule:
    return convert, lambda value: low <= value <= high, f"[{low}, {high}]"


def _choice(*options: str) -> ValueRule:
    return str, lambda value: value in options, f"{{{', '.join(options)}}}"


_ALLOWED: Mapping[str, ValueRule] = {
    "num_round": _number(int, 1),
    "early_stopping_rounds": _number(int, 1),
    "booster": _choice("gbtree", "gblinear", "dart"),
    "tree_method": _choice("auto", "exact", "approx", "hist"),
    "objective": _choice(
        "reg:squarederror",
        "reg:linear",
        "reg:squaredlogerror",
        "reg:absoluteerror",
        "reg:logistic",
        "reg:gamma",
        "reg:tweedie",
        "count:poisson",
        "binary:logistic",
        "binary:logitraw",
        "binary:hinge",
        "multi:softmax",
        "multi:softprob",
        "rank:pairwise",
        "rank:ndcg",
        "rank:map",
    ),
    "eval_metric": (str, bool, "the evaluation metrics of XGBoost"),
    "num_class": _number(int, 2),
    "max_depth": _number(int, 0),
    "max_leaves": _number(int, 0),
    "max_bin": _number(int, 2),
    "eta": _number(float, 0, 1),
    "gamma": _number(float, 0),
    "min_child_weight": _number(float, 0),
    "max_delta_step": _number(float, 0),
    "subsample": _number(float, 0, 1),
    "colsample_bytree": _number(float, 0, 1),
    "colsample_bylevel": _number(float, 0, 1),
    "colsample_bynode": _number(float, 0, 1),
    "lambda": _number(float, 0),
    "alpha": _number(float, 0),
    "scale_pos_weight": _number(float, 0),
    "base_score": _number(float, float("-inf")),
    "seed": _number(int, float("-inf")),
    "verbosity": _number(int, 0, 3),
    "nthread": _number(int, 1),
}
