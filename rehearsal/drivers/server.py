"""Starts the local AWS as a process of its own, which ends with the play."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from localaws.context import Child
from localaws.runtime.process import ProcessTable
from localaws.serve import READY
from rehearsal.drivers.surroundings import STAGE, Surroundings

BOOT_SECONDS = 120


class ServerFailedError(Exception):
    """The local AWS did not come up; carries the end of its log."""


class LocalServer:
    """``start`` it, then use it as a context: leaving stops it and all it started."""

    def __init__(self, repo: Path, folder: Path, *options: str) -> None:
        """``options`` go to ``rehearsal serve``."""
        self._repo = repo
        self._folder = folder
        self._options = options
        self._processes = ProcessTable()
        self._child: Child | None = None

    def start(self) -> Surroundings:
        """Boot, build and deploy.

        Raises:
            ServerFailedError: it ended, or was not ready within two minutes.
        """
        log, ready = self._folder / "serve.log", self._folder / READY
        argv = [sys.executable, "-m", "rehearsal", "serve", "--port", "0", "--run-dir", str(self._folder)]
        child = self._child = self._processes.start(
            [*argv, "--stage", STAGE, *self._options], env=dict(os.environ), cwd=self._repo, log=log
        )
        deadline = time.monotonic() + BOOT_SECONDS
        try:
            while not ready.exists():
                if child.poll() is not None or time.monotonic() > deadline:
                    raise ServerFailedError(f"the local AWS did not come up:\n{log.read_text()[-2000:]}")
                time.sleep(0.05)
        except BaseException:
            self.stop()
            raise
        return Surroundings(repo=self._repo, folder=self._folder, environment=json.loads(ready.read_text()))

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(grace_seconds=10)
        self._processes.close()

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
