"""What a processing job owes SageMaker: an exit code and, when it fails, a reason that people can act on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

MESSAGE_BYTES = 1024  # as much of the message as DescribeProcessingJob returns as ExitMessage


class JobError(Exception):
    """The job cannot do its work, and the text says what to change."""


def run(work: Callable[..., None], arguments: Sequence[str], **options: str) -> int:
    """Do ``work`` on the directory that SageMaker prepared and return the exit code.

    ``options`` are further arguments of the job with their defaults; ``work`` gets them by name.
    The reason of a failure goes to ``<root>/output/message``, which becomes the job's ExitMessage.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, default=Path("/opt/ml"), help="directory tree of the job")
    for name, default in options.items():
        parser.add_argument(f"--{name}", default=default)
    chosen = vars(parser.parse_args(arguments))
    root: Path = chosen.pop("root")
    try:
        work(root, **chosen)
    except JobError as error:
        _leave_message(root, str(error))
        print(error, file=sys.stderr)
        return 1
    except Exception as error:
        _leave_message(root, f"{type(error).__name__}: {error}")
        raise
    return 0


def _leave_message(root: Path, text: str) -> None:
    message = root / "output" / "message"
    message.parent.mkdir(parents=True, exist_ok=True)
    # Cut at a character: a message that is not UTF-8 is an error of its own.
    message.write_text(text.encode()[:MESSAGE_BYTES].decode(errors="ignore"), encoding="utf-8")
