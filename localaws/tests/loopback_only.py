"""Runs commands in a process that cannot leave the machine, and tells who tried.

``python -m localaws.tests.loopback_only MODULE:FUNCTION`` reads command lines (a JSON list of lists of words) from
stdin and calls the function with each; prints JSON: for each its exit status, its output and where it tried to go. A
process runs commands of one tool only: the AWS CLI of version 1 brings a botocore of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_COMMAND_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What became of one command."""

    status: int
    printed: str
    left_for: list[str]  # hosts elsewhere that it wanted to reach


def run_here(tool: str, commands: Sequence[Sequence[str]], environment: Mapping[str, str], folder: Path) -> list[Ran]:
    """Run the commands of one tool, given as ``module:function``, one after the other in one process."""
    done = subprocess.run(
        [sys.executable, "-m", "localaws.tests.loopback_only", tool],
        input=json.dumps([list(command) for command in commands]),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(folder), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Ran(**each) for each in json.loads(done.stdout)]


def stock_aws_cli(words: Sequence[str]) -> int:
    """The AWS CLI as it is installed."""
    from awscli.clidriver import create_clidriver

    return int(create_clidriver().main(list(words)))


def main() -> None:
    """Run what stdin says."""
    module, _, function = sys.argv[1].partition(":")
    left_for = _close_every_way_out()
    tool = getattr(importlib.import_module(module), function)
    told = []
    for words in json.load(sys.stdin):
        left_for.clear()
        status, printed = _run(tool, words)
        told.append({"status": status, "printed": printed, "left_for": sorted(set(left_for))})
    json.dump(told, sys.stdout)


def _close_every_way_out() -> list[str]:
    """From now on no name but this machine's is looked up and no other address reached; the list of who was wanted."""
    left_for: list[str] = []
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def getaddrinfo(host: Any, *rest: Any, **options: Any) -> Any:
        _stay(host, left_for)
        return look_up(host, *rest, **options)

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            _stay(address[0], left_for)
        connect(self, address)

    socket.getaddrinfo = getaddrinfo
    socket.socket.connect = connect_here  # type: ignore[method-assign, assignment]
    return left_for


def _stay(host: Any, left_for: list[str]) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name not in _LOOPBACK:
        left_for.append(name)
        raise OSError(f"{name} is not on this machine")


def _run(tool: Any, words: list[str]) -> tuple[int, str]:
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(_COMMAND_SECONDS)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = tool(words)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        signal.alarm(0)
    return int(status or 0), printed.buffer.getvalue().decode()


def _too_long(*_about: object) -> None:
    raise TimeoutError(f"the command still ran after {_COMMAND_SECONDS} s")


if __name__ == "__main__":
    main()
