"""The ``sluice`` command: runs one command, and turns every failure into a sentence and an exit code.

What a command needs takes most of a second to import, and Ctrl-C may come meanwhile. So this module imports nothing
but what ends a command, and the rest where that is watched for.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO, cast

from cli.exit_codes import INTERRUPTED, OK, REFUSED, UNHEARD

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from cli.output import Output

_NOT_IN_A_LINE = ("Cc", "Zl", "Zp")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    0: done; 1: AWS said no, or there is no such thing; 2: bad input; 130: interrupted; 141: the reader left.
    """
    try:
        return _run(argv)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _unheard()


def _unheard() -> int:
    """The reader, such as head, has seen enough; Python must not complain again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return UNHEARD


def run_as_program() -> None:
    """``main`` as the whole of a process: Ctrl-C gives no traceback while Python itself starts and ends either."""
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is over: what is left is to write out what was said
    sys.exit(code)


def command_line(environment: Mapping[str, str]) -> ArgumentParser:
    """The whole command line."""
    from cli.command_line import parser_of

    return parser_of(environment)


def _run(argv: Sequence[str] | None) -> int:
    arguments = command_line(os.environ).parse_args(argv)

    from sluice.aws.clients import Boto3Clients, lazy_clients
    from sluice.errors import SluiceError
    from sluice.names import Names

    from cli.failures import CommandError
    from cli.output import choose
    from cli.piped import PipedStream
    from cli.session import CliSession

    piped = PipedStream(sys.stdout)
    out = choose(cast("TextIO", piped), arguments.output)

    def sleep(seconds: float) -> None:
        """Only who waits to show more waits in vain; what is to be written is written by then."""
        if piped.is_closed:
            raise BrokenPipeError
        time.sleep(seconds)

    session = CliSession(
        names=Names(arguments.stage),
        clients=lazy_clients(Boto3Clients(region=_region())),
        out=out,
        now=lambda: datetime.now(UTC),
        sleep=sleep,
    )
    try:
        _refuse_more_than_a_line(getattr(arguments, "reason", ""))
        code = int(arguments.run(arguments, session))
    except (CommandError, SluiceError) as error:
        code = report(error, out)
    unheard = _unheard() if piped.is_closed else OK
    return code or unheard


def _region() -> str | None:
    """As the AWS CLI finds it, which knows AWS_REGION; boto3 does not, and takes an empty name for a region."""
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        if os.environ.get(name):
            return os.environ[name]
    os.environ.pop("AWS_DEFAULT_REGION", None)
    return None


def _refuse_more_than_a_line(reason: str) -> None:
    """The registry takes no line break in a reason, and a terminal obeys what a control character says."""
    from cli.failures import BadInputError

    found = next((at for at, each in enumerate(reason, start=1) if unicodedata.category(each) in _NOT_IN_A_LINE), None)
    if found:
        raise BadInputError(
            f"--reason is {reason!r}: character {found} is a line break or a control character; allowed: one line"
        )


def report(error: Exception, out: Output) -> int:
    """Say what went wrong on stderr, and for programs on stdout; returns the exit code."""
    from cli.failures import CommandError, SpecFilesError, in_words
    from cli.output import lines_of

    sentence = in_words(error)
    print(lines_of(sentence), file=sys.stderr)
    problems = [one.to_json() for one in error.problems] if isinstance(error, SpecFilesError) else []
    out.result({"error": sentence} | ({"problems": problems} if problems else {}))
    return error.exit_code if isinstance(error, CommandError) else REFUSED
