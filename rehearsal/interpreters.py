"""The interpreters that a checkout has for what the local AWS runs; ``make setup`` installs them."""

from __future__ import annotations

from pathlib import Path

from localaws.context import Interpreters


def interpreters_of(repo: Path) -> Interpreters:
    """Those of the checkout at ``repo``."""
    environments = repo / ".venvs"
    return Interpreters(
        containers=environments / "xgboost" / "bin" / "python",
        lambda_runtime=environments / "lambda-runtime" / "bin" / "python",
    )
