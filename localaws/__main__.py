"""The command ``localaws``: serve a local AWS."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from localaws.context import Interpreters
from localaws.preflight import absolute
from localaws.serve import ServerSettings, add_server_options, run

CONTAINER_PYTHON, LAMBDA_PYTHON = "LOCALAWS_CONTAINER_PYTHON", "LOCALAWS_LAMBDA_PYTHON"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit status."""
    options = command_line().parse_args(arguments)
    return int(options.run(options))


def command_line() -> argparse.ArgumentParser:
    """The commands and their options; defaults come from the environment."""
    parser = argparse.ArgumentParser(prog="localaws", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the local AWS until Ctrl-C")
    add_server_options(serve, Path(".localaws"))
    for option, variable, what in (
        ("--container-python", CONTAINER_PYTHON, "SageMaker containers, with xgboost"),
        ("--lambda-python", LAMBDA_PYTHON, "Lambda functions, with awslambdaric"),
    ):
        serve.add_argument(
            option,
            type=absolute,
            default=absolute(os.environ.get(variable) or sys.executable),
            metavar="FILE",
            help=f"interpreter of {what} (default ${variable}, else this one)",
        )
    serve.set_defaults(run=_serve)
    return parser


def _serve(options: argparse.Namespace) -> int:
    settings = ServerSettings(
        run_dir=options.run_dir,
        port=options.port,
        interpreters=Interpreters(containers=options.container_python, lambda_runtime=options.lambda_python),
        is_hurried=options.hurry,
        default_python=absolute(sys.executable),
    )
    return run(settings)


if __name__ == "__main__":
    sys.exit(main())
