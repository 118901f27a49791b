"""Commands that the rehearsal runs: an interrupt ends what they started, too."""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from rehearsal.commands import run_to_end


def test_it_returns_the_status_and_both_streams(tmp_path: Path) -> None:
    program = "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)"
    done = run_to_end([sys.executable, "-c", program], cwd=tmp_path, env={})
    assert (done.returncode, done.stdout) == (3, "out\nerr\n")


def test_an_interrupt_ends_what_the_command_started(tmp_path: Path) -> None:
    """The grandchild holds the pipe: were it left, the wait for the end of the output would not end."""
    started = tmp_path / "started"

    def interrupted_once_started(_process: object, _answers: str) -> tuple[str, str]:
        while not started.exists() or not started.read_text().endswith("\n"):
            pass
        raise KeyboardInterrupt

    program = f"sleep 600 & echo $! > {started}; wait"
    with (
        patch("rehearsal.commands.subprocess.Popen.communicate", interrupted_once_started),
        pytest.raises(KeyboardInterrupt),
    ):
        run_to_end(["/bin/sh", "-c", program], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    while not is_dead(int(started.read_text())):  # a signal takes a moment; one that lives on fails by the time limit
        pass


def is_dead(pid: int) -> bool:
    """Whether a process is gone, or waits only for somebody to take note of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
