"""The whole command line: every subcommand with its options."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, _SubParsersAction
from collections.abc import Iterator, Mapping

from sluice.names import DEFAULT_STAGE, MODEL, STAGE_MAX

from cli.apply import apply, schema
from cli.inference import batch, invoke_async, results
from cli.rollouts import approve, history, outcome, plan, retry, status, steer
from cli.session import Commands
from cli.sizing import advise, simulate
from cli.training import data, lineage, listings, runs, train


def parser_of(environment: Mapping[str, str]) -> ArgumentParser:
    """``--stage`` and ``--output`` may stand before or after the subcommand."""
    parser = ArgumentParser(prog="sluice", description="Releases machine-learning models on SageMaker.")
    _add_common(parser, stage=environment.get("SLUICE_STAGE", DEFAULT_STAGE), output="text")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    training = (apply, data, train, listings, runs, lineage)
    deciding = (plan, approve, steer, retry, outcome, status, history)
    serving = (invoke_async, results, batch, advise, simulate, schema)
    for each in (*training, *deciding, *serving):
        each.add_to(commands)
    for command in _all(commands):
        _add_common(command, stage=SUPPRESS, output=SUPPRESS)
    return parser


def _all(commands: Commands) -> Iterator[ArgumentParser]:
    """Every command, with those of a command."""
    for command in commands.choices.values():
        yield command
        for action in command._actions:
            if isinstance(action, _SubParsersAction):
                yield from _all(action)


def _add_common(parser: ArgumentParser, *, stage: str, output: str) -> None:
    parser.add_argument(
        "--stage", type=_stage, default=stage, help="the deployed stage (default: $SLUICE_STAGE, or dev)"
    )
    parser.add_argument("--output", choices=("text", "json"), default=output, help="json: one document for programs")


def _stage(text: str) -> str:
    if not MODEL.fullmatch(text) or len(text) > STAGE_MAX:
        raise ArgumentTypeError(f"{text!r} is not a stage: lower-case letters and digits, up to {STAGE_MAX}")
    return text
