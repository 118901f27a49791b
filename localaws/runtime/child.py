"""A running child process: the leader of its process group, which ends with it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import weakref
from collections.abc import Callable


class RunningChild:
    """A child, leader of its own process group. When it ends, what is left of its group is killed."""

    def __init__(self, popen: subprocess.Popen[bytes], ended: Callable[[RunningChild], None]) -> None:
        self._popen = popen
        self._ended = ended
        self._reaping = threading.Lock()
        self._pidfd = os.pidfd_open(popen.pid)
        weakref.finalize(self, os.close, self._pidfd)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def poll(self) -> int | None:
        """The exit status (negative: the signal that ended it), None while it runs."""
        return self._reap() if self._has_ended(0) else None

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Wait for the end; raises TimeoutError."""
        if not self._has_ended(timeout_seconds):
            raise TimeoutError(f"process {self.pid} still runs after {timeout_seconds} s")
        return self._reap()

    def stop(self, grace_seconds: float = 2.0) -> None:
        """Terminate the whole process group, kill it after the grace; returns when it is gone."""
        if self.poll() is None:
            signal_group(self.pid, signal.SIGTERM)
            if not self._has_ended(grace_seconds):
                signal_group(self.pid, signal.SIGKILL)
            self.wait()

    def _has_ended(self, timeout_seconds: float | None) -> bool:
        watch = select.poll()
        watch.register(self._pidfd, select.POLLIN)
        return bool(watch.poll(None if timeout_seconds is None else timeout_seconds * 1000))

    def _reap(self) -> int:
        with self._reaping:
            if self._popen.returncode is None:
                # Before the leader is reaped its group id cannot be taken by another group.
                signal_group(self.pid, signal.SIGKILL)
                self._popen.wait()
                self._ended(self)
            return int(self._popen.returncode)


def signal_group(group: int, number: signal.Signals) -> None:
    """Signal a process group; nothing when it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
