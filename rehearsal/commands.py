"""Runs a command to its end, with everything it starts: an interrupt leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def run_to_end(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], answers: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run it in a process group of its own; its exit status, and what it printed to either stream.

    ``answers`` are typed when it asks.

    ``sam build`` starts make, which starts pip. What ends the wait for it, such as an interrupt, ends them all.
    """
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            printed, _ = process.communicate(answers)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, printed)
