"""The utilisation metrics of a job's instances, measured on their processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from localaws.context import Context
from localaws.services.sagemaker.containers.container import Container
from localaws.services.sagemaker.containers.process_usage import cpu_seconds, memory_percent

EVERY_SECONDS = 1.0


@contextmanager
def measure_usage(context: Context, namespace: str, job: str, containers: Sequence[Container]) -> Iterator[None]:
    """Publish CPUUtilization and MemoryUtilization of each instance as long as the block runs.

    CPU is in percent of one core, as SageMaker counts it; memory in percent of this machine's, as an instance
    here has no other limit.
    """
    over = threading.Event()

    def sample() -> None:
        before = {container: (time.monotonic(), cpu_seconds(container.pid)) for container in containers}
        is_over = False
        while not is_over:
            is_over = over.wait(EVERY_SECONDS) or context.stopping.is_set()
            for number, container in enumerate(containers, 1):
                now = time.monotonic(), cpu_seconds(container.pid)
                then, before[container] = before[container], now
                busy = max(0.0, 100 * (now[1] - then[1]) / max(now[0] - then[0], 1e-6))
                dimensions = {"Host": f"{job}/algo-{number}"}
                context.metrics.record(namespace, "CPUUtilization", dimensions, busy, unit="Percent")
                share = memory_percent(container.pid)
                context.metrics.record(namespace, "MemoryUtilization", dimensions, share, unit="Percent")

    thread = context.background(f"usage-{job}", sample)
    try:
        yield
    finally:
        over.set()
        thread.join()
