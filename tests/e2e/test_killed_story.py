"""Whenever and however the story is killed, no process of it is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

REPO = Path(__file__).parents[2]
MARK = "SLUICE_STORY_UNDER_TEST"
# Background jobs of a shell ignore SIGINT, and so would the story if these tests are part of one.
AS_IN_A_TERMINAL = ("env", "--default-signal=INT")
REACH_SECONDS, GONE_SECONDS = 120, 20

pytestmark = pytest.mark.timeout(300)


class Story:
    """A running story and every process that has come of it so far."""

    def __init__(self, log: Path) -> None:
        self._mark = uuid4().hex
        self._log = log
        self._seen: dict[int, str] = {}  # process id -> when it started, as ids are used again
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*AS_IN_A_TERMINAL, sys.executable, "-m", "rehearsal", "play"],
                cwd=REPO,
                env={**os.environ, MARK: self._mark},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def look(self) -> list[int]:
        """Processes of the story that live now, those included that others have adopted since."""
        parents = {pid: parent for pid in _pids() if (parent := _parent(pid)) is not None}
        for pid in parents:
            if (self._is_descendant(pid, parents) or self._is_marked(pid)) and (started := _started(pid)):
                self._seen.setdefault(pid, started)
        self._seen.pop(self.process.pid, None)
        return [pid for pid, started in self._seen.items() if _started(pid) == started]

    def reach(self, what: str, reached: Callable[[str], bool]) -> None:
        """Wait until ``reached``, given the command lines of the story's processes."""
        deadline = time.monotonic() + REACH_SECONDS
        while not reached("\n".join(_command(pid) for pid in self.look())):
            assert self.process.poll() is None, f"the story ended before {what}:\n{self._log.read_text()}"
            assert time.monotonic() < deadline, f"{what} was not reached:\n{self._log.read_text()}"
            time.sleep(0.05)

    def kill(self, number: signal.Signals) -> None:
        """Send the signal to the story alone and wait for its end."""
        assert self.look(), "a story without processes proves nothing"
        self.process.send_signal(number)
        self.process.wait(timeout=GONE_SECONDS)

    def remains(self) -> list[str]:
        """Command lines of what still lives after a while; empty as soon as nothing does."""
        deadline = time.monotonic() + GONE_SECONDS
        while (left := self.look()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return [_command(pid) for pid in left]

    def end(self) -> None:
        """End what the test has left running, whatever happened."""
        for pid in [self.process.pid, *self.look()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def _is_descendant(self, pid: int, parents: dict[int, int]) -> bool:
        while pid in parents:
            pid = parents[pid]
            if pid == self.process.pid or pid in self._seen:
                return True
        return False

    def _is_marked(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            return f"{MARK}={self._mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        return False


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name, from the state on; none if it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [] if fields[0] in "ZX" else fields


def _parent(pid: int) -> int | None:
    stat = _stat(pid)
    return int(stat[1]) if stat else None


def _started(pid: int) -> str:
    """When it began, in ticks since the machine did; empty once it is gone."""
    stat = _stat(pid)
    return stat[19] if stat else ""


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    started = Story(tmp_path / "story.log")
    try:
        yield started
    finally:
        started.end()


@pytest.mark.parametrize(
    ("running", "number"),
    [
        pytest.param("rehearsal serve", signal.SIGKILL, id="killed while it boots"),
        pytest.param("rehearsal serve", signal.SIGINT, id="interrupted while it boots"),
        pytest.param("containers/train.py", signal.SIGINT, id="interrupted while it trains"),
        pytest.param("containers/serve.py", signal.SIGKILL, id="killed while it serves"),
        pytest.param("containers/serve.py", signal.SIGINT, id="interrupted while it serves"),
    ],
)
def test_nothing_is_left(story: Story, running: str, number: signal.Signals) -> None:
    story.reach(running, lambda commands: running in commands)
    story.kill(number)
    assert story.remains() == []
