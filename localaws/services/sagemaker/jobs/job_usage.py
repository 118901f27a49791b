"""The utilisation metrics of a job's instances, measured on their processes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localaws.context import Context
from localaws.services.sagemaker.containers.container import Container

EVERY_SECONDS = 1.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MEMORY_BYTES = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES


@contextmanager
def measure_usage(context: Context, namespace: str, job: str, containers: Sequence[Container]) -> Iterator[None]:
    """Publish CPUUtilization and MemoryUtilization of each instance as long as the block runs.

    CPU is in percent of one core, as SageMaker counts it; memory in percent of this machine's, as an instance
    here has no other limit.
    """
    over = threading.Event()

    def sample() -> None:
        before = {container: (time.monotonic(), _cpu_seconds(container.pid)) for container in containers}
        is_over = False
        while not is_over:
            is_over = over.wait(EVERY_SECONDS) or context.stopping.is_set()
            for number, container in enumerate(containers, 1):
                now = time.monotonic(), _cpu_seconds(container.pid)
                then, before[container] = before[container], now
                busy = max(0.0, 100 * (now[1] - then[1]) / max(now[0] - then[0], 1e-6))
                dimensions = {"Host": f"{job}/algo-{number}"}
                context.metrics.record(namespace, "CPUUtilization", dimensions, busy, unit="Percent")
                share = 100 * _resident_bytes(container.pid) / _MEMORY_BYTES
                context.metrics.record(namespace, "MemoryUtilization", dimensions, share, unit="Percent")

    thread = context.background(f"usage-{job}", sample)
    try:
        yield
    finally:
        over.set()
        thread.join()


def _cpu_seconds(pid: int) -> float:
    """Used so far; 0 for a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
