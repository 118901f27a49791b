"""What a container's process uses of the machine, read from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MEMORY_BYTES = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES


def cpu_seconds(pid: int) -> float:
    """Used so far; 0 for a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def memory_percent(pid: int) -> float:
    """Its share of this machine's memory, as an instance here has no other limit; 0 for a process that is gone."""
    try:
        return 100 * int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / _MEMORY_BYTES
    except OSError:
        return 0.0


def disk_percent(directory: Path) -> float:
    """How full the file system is that holds ``directory``."""
    found = os.statvfs(directory)
    return 100 * (1 - found.f_bavail / found.f_blocks)
