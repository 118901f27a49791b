"""Publishes what the instances of endpoints use, as SageMaker does every minute in a namespace of its own.

DOC "Metrics for monitoring SageMaker AI": ``/aws/sagemaker/Endpoints`` has CPUUtilization (percent of one core),
MemoryUtilization and DiskUtilization by EndpointName and VariantName; each instance sends its own samples, so
SampleCount counts instances. Serverless variants have no instances; their memory is in AWS/SageMaker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from localaws.context import Context
from localaws.services.sagemaker.containers.container import Container
from localaws.services.sagemaker.containers.process_usage import cpu_seconds, disk_percent, memory_percent
from localaws.services.sagemaker.fleets.live_fleets import LiveFleets

NAMESPACE = "/aws/sagemaker/Endpoints"
EVERY_SECONDS = 60.0


class InstanceUsage:
    """``sample`` publishes one value of each metric for each instance; CPU is the mean since the sample before."""

    def __init__(
        self,
        context: Context,
        live: Callable[[], Mapping[str, LiveFleets]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``live`` has the fleets of endpoints by name."""
        self._context = context
        self._live = live
        self._clock = clock
        self._before: dict[Container, tuple[float, float]] = {}  # time and CPU seconds of the last sample
        self._lock = threading.Lock()

    def run(self) -> None:
        """Sample each minute until the local AWS stops."""
        while not self._context.stopping.wait(EVERY_SECONDS):
            self.sample()

    def sample(self) -> None:
        """Publish now. An instance that is new has its whole CPU time counted since its start."""
        with self._lock:
            before, self._before = self._before, {}
            for endpoint, live in self._live().items():
                for variant, fleet in live.fleets.items():
                    for container in fleet.containers:
                        self._publish({"EndpointName": endpoint, "VariantName": variant}, container, before)

    def _publish(
        self, where: Mapping[str, str], container: Container, before: Mapping[Container, tuple[float, float]]
    ) -> None:
        now = self._clock(), cpu_seconds(container.pid)
        then = before.get(container, (now[0] - EVERY_SECONDS, 0.0))
        self._before[container] = now
        busy = max(0.0, 100 * (now[1] - then[1]) / max(now[0] - then[0], 1e-6))
        for name, value in (
            ("CPUUtilization", busy),
            ("MemoryUtilization", memory_percent(container.pid)),
            ("DiskUtilization", disk_percent(container.home)),
        ):
            self._context.metrics.record(NAMESPACE, name, where, value, unit="Percent")
