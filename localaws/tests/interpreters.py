"""The interpreters that the tests give to the local AWS; ``make setup`` installs them."""

from __future__ import annotations

from pathlib import Path

from localaws.context import Interpreters

_ENVIRONMENTS = Path(__file__).parents[2] / ".venvs"

INTERPRETERS = Interpreters(
    containers=_ENVIRONMENTS / "xgboost" / "bin" / "python",
    lambda_runtime=_ENVIRONMENTS / "lambda-runtime" / "bin" / "python",
)
