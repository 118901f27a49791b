"""The ``sluice`` command: picks the subcommand, and turns every failure into a sentence and an exit code."""

from __future__ import annotations

import os
import sys
import time
import unicodedata
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, _SubParsersAction
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from sluice.aws.clients import lazy_clients
from sluice.errors import SluiceError
from sluice.names import MODEL, STAGE_MAX, Names

from cli.apply import apply, schema
from cli.failures import INTERRUPTED, REFUSED, BadInputError, CommandError, SpecFilesError, in_words
from cli.inference import batch, invoke_async, results
from cli.output import Output, choose
from cli.rollouts import approve, history, outcome, plan, retry, status, steer
from cli.session import DEFAULT_STAGE, CliSession, Commands
from cli.sizing import advise, simulate
from cli.training import data, lineage, listings, runs, train

_NOT_IN_A_LINE = ("Cc", "Zl", "Zp")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. 0: done; 1: AWS said no, or there is no such thing; 2: bad input; 130: interrupted."""
    arguments = command_line(os.environ).parse_args(argv)
    out = choose(sys.stdout, arguments.output)
    session = CliSession(
        names=Names(arguments.stage), clients=lazy_clients(), out=out, now=lambda: datetime.now(UTC), sleep=time.sleep
    )
    try:
        try:
            _refuse_more_than_a_line(getattr(arguments, "reason", ""))
            return int(arguments.run(arguments, session))
        except (CommandError, SluiceError) as error:
            return report(error, out)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as head, has seen enough; Python must not complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED


def _refuse_more_than_a_line(reason: str) -> None:
    """The registry takes no line break in a reason, and a terminal obeys what a control character says."""
    found = next((at for at, each in enumerate(reason, start=1) if unicodedata.category(each) in _NOT_IN_A_LINE), None)
    if found:
        raise BadInputError(
            f"--reason is {reason!r}: character {found} is a line break or a control character; allowed: one line"
        )


def report(error: Exception, out: Output) -> int:
    """Say what went wrong on stderr, and for programs on stdout; returns the exit code."""
    sentence = in_words(error)
    print(sentence, file=sys.stderr)
    problems = [one.to_json() for one in error.problems] if isinstance(error, SpecFilesError) else []
    out.result({"error": sentence} | ({"problems": problems} if problems else {}))
    return error.exit_code if isinstance(error, CommandError) else REFUSED


def command_line(environment: Mapping[str, str]) -> ArgumentParser:
    """The whole command line; ``--stage`` and ``--output`` may stand before or after the subcommand."""
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
