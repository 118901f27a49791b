"""Checks what a server is told before anything starts; a value that cannot work is refused in a sentence."""

from __future__ import annotations

import argparse
import fcntl
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

MAX_PORT = 65_535
_ANSWER_SECONDS = 30.0
_LOCK = ".lock"
_HAS, _LACKS = "has it", "lacks it"  # what an interpreter prints of the package


class RefusedError(Exception):
    """A setting cannot work; the text names it, its value and what is allowed."""


def port(text: str) -> int:
    """A TCP port from the command line; 0 takes a free one."""
    if not text.isdigit() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 0 to {MAX_PORT}")
    return int(text)


def absolute(text: str) -> Path:
    """A path from the command line, as seen from here: what the server starts runs in folders of its own.

    Links are kept: the interpreter of a virtual environment is one.
    """
    return Path(text).absolute()


def claim_run_dir(run_dir: Path, until: ExitStack) -> None:
    """Make the folder and keep other servers out of it; raises RefusedError."""
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        lock = until.enter_context((run_dir / _LOCK).open("w"))
    except OSError as error:
        raise RefusedError(f"cannot keep files in --run-dir {run_dir}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RefusedError(f"--run-dir {run_dir} is in use by another local AWS; give this one its own") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededInterpreter:
    """An interpreter, the option that names it, and the package that it must have."""

    python: Path
    option: str
    package: str


def problems_of_interpreters(needed: Sequence[NeededInterpreter]) -> list[tuple[NeededInterpreter, str]]:
    """Those that cannot be used, each with a sentence that says why."""
    asked = [(each, _ask(each.python, each.package)) for each in needed]
    judged = [(each, _problem(answer, each.package)) for each, answer in asked]
    return [(each, f"{each.option} {each.python}: {problem}") for each, problem in judged if problem]


def _ask(python: Path, package: str) -> subprocess.Popen[str] | OSError:
    """Let the interpreter look for the package, without importing it."""
    program = f"import importlib.util; print({_HAS!r} if importlib.util.find_spec({package!r}) else {_LACKS!r})"
    try:
        return subprocess.Popen(
            [str(python), "-c", program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as error:
        return error


def _problem(asked: subprocess.Popen[str] | OSError, package: str) -> str:
    """Empty when all is well."""
    if isinstance(asked, OSError):
        return f"cannot be run: {asked.strerror}"
    with asked:
        try:
            answer, said = asked.communicate(timeout=_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            asked.kill()
            return f"did not answer within {_ANSWER_SECONDS:.0f} s: it is no Python interpreter"
    if answer.strip() == _LACKS:
        return f"it has no package {package}"
    if answer.strip() != _HAS:
        return (
            f"it is no Python interpreter (exit status {asked.returncode}): {said.strip()[-200:] or 'it said nothing'}"
        )
    return ""
