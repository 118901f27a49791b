"""Reads ``/opt/ml/input/config``, trains, and writes the reason of a failure to where SageMaker reads it."""

import importlib
import os
import sys
from pathlib import Path

from .hyperparameters import UserError, read_hyperparameters
from .script import ScriptError, run_script

_BASE = Path("/opt/ml")


def main() -> int:
    """Train in script mode when a program is named, with the built-in algorithm otherwise."""
    config = _BASE / "input" / "config"
    try:
        given = read_hyperparameters(config / "hyperparameters.json")
        if "sagemaker_program" in given:
            run_script(_BASE, given, os.environ)
        else:
            importlib.import_module("serving.lean_import").import_xgboost(())  # a script may do without it
            from .algorithm import train

            train(_BASE, given)
    except (ScriptError, UserError) as error:
        failure = _BASE / "output" / "failure"
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(str(error))
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
