"""The local AWS of the story: a process of its own that dies with the story."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal.process import ProcessTable
from rehearsal.serve import READY
from rehearsal.story.surroundings import STAGE, Surroundings

BOOT_SECONDS = 120


class ServerFailedError(Exception):
    """The local AWS did not come up; carries the end of its log."""


@contextmanager
def local_server(repo: Path, folder: Path) -> Iterator[Surroundings]:
    """A local AWS with Sluice deployed, for as long as the block lasts."""
    processes = ProcessTable()
    log = folder / "serve.log"
    ready = folder / READY
    argv = [sys.executable, "-m", "rehearsal", "serve", "--port", "0", "--run-dir", str(folder), "--stage", STAGE]
    child = processes.start(argv, env=dict(os.environ), cwd=repo, log=log)
    try:
        deadline = time.monotonic() + BOOT_SECONDS
        while not ready.exists():
            if child.poll() is not None or time.monotonic() > deadline:
                raise ServerFailedError(f"the local AWS did not come up:\n{log.read_text()[-3000:]}")
            time.sleep(0.05)
        yield Surroundings(repo=repo, folder=folder, environment=json.loads(ready.read_text()))
    finally:
        child.stop(grace_seconds=10)
        processes.close()
