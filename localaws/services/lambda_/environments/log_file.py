"""The log file of one execution environment: its process and Lambda append to it, each invocation reads its part."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class LogFile:
    """An append-only file that stays readable after the run."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("a+b", buffering=0)
        self._read_up_to = 0

    def write(self, lines: Sequence[str]) -> None:
        self.file.write("".join(f"{line}\n" for line in lines).encode())

    def read_new(self) -> str:
        """What was written since the last call. The runtime writes unbuffered, before it posts its answer."""
        size = os.fstat(self.file.fileno()).st_size
        written = os.pread(self.file.fileno(), size - self._read_up_to, self._read_up_to)
        self._read_up_to = size
        return written.decode(errors="replace")

    def close(self) -> None:
        self.file.close()
