"""The command ``localaws``: serve a local AWS, with a template deployed on it if one is given."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from localaws.context import Interpreters
from localaws.preflight import absolute
from localaws.serve import ServerSettings, StackRequest, add_server_options, run

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
    serve.add_argument(
        "--template", type=_template_folder, metavar="FOLDER", help="deploy the template.yaml that sam build left there"
    )
    serve.add_argument("--stack-name", default="local", help="name of the stack (default local)")
    serve.add_argument(
        "--parameter", type=_parameter, action="append", default=[], metavar="K=V", help="of the template; repeat it"
    )
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
    if options.template is None:
        return run(settings)
    request = StackRequest(folder=options.template, name=options.stack_name, parameters=dict(options.parameter))
    return run(settings, lambda: request)


def _template_folder(text: str) -> Path:
    folder = absolute(text)
    if not (folder / "template.yaml").is_file():
        raise argparse.ArgumentTypeError(f"{text} has no template.yaml")
    return folder


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
