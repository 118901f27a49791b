"""Serverless variants as data: their size, and the metrics of one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localaws.context import MetricSink
from localaws.service_api import invalid

BODY_MAX_BYTES = 4 * 1024 * 1024
SERVERLESS_TYPE = ""  # stands where a variant on instances has its instance type
_NAMESPACE = "AWS/SageMaker"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerlessSize:
    """A ServerlessConfig. ``provisioned`` containers are always warm."""

    memory_mb: int
    max_concurrency: int
    provisioned: int = 0

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> ServerlessSize | None:
        """None for a variant on instances."""
        if not config:
            return None
        return cls(
            memory_mb=config["MemorySizeInMB"],
            max_concurrency=config["MaxConcurrency"],
            provisioned=config.get("ProvisionedConcurrency", 0),
        )

    def updated(self, desired: Mapping[str, Any]) -> ServerlessSize:
        """After a ServerlessUpdateConfig; raises ValidationException."""
        most = int(desired.get("MaxConcurrency", self.max_concurrency))
        provisioned = int(desired.get("ProvisionedConcurrency", self.provisioned))
        if provisioned > most:
            raise invalid("ProvisionedConcurrency must not exceed MaxConcurrency.")
        return ServerlessSize(memory_mb=self.memory_mb, max_concurrency=most, provisioned=provisioned)

    def shown(self) -> dict[str, int]:
        """As a ServerlessConfig."""
        shown = {"MemorySizeInMB": self.memory_mb, "MaxConcurrency": self.max_concurrency}
        return shown | ({"ProvisionedConcurrency": self.provisioned} if self.provisioned else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one request found when it was given its container."""

    size: ServerlessSize
    concurrent: int  # requests under way, this one included
    setup_seconds: float | None  # None when a container was warm

    @property
    def spills_over(self) -> bool:
        """Whether the provisioned containers were all busy."""
        return self.concurrent > self.size.provisioned


def record_usage(metrics: MetricSink, usage: Usage, dimensions: Mapping[str, str], publish_every_seconds: int) -> None:
    """Publish one request's samples; those of provisioned concurrency only where there is some."""
    samples = [("ServerlessConcurrentExecutionsUtilization", usage.concurrent / usage.size.max_concurrency, "None")]
    if usage.setup_seconds is not None:
        samples.append(("ModelSetupTime", usage.setup_seconds * 1e6, "Microseconds"))
    provisioned = usage.size.provisioned
    if provisioned:
        busy = min(usage.concurrent, provisioned)
        which = "SpilloverInvocations" if usage.spills_over else "Invocations"
        samples += [
            ("ServerlessProvisionedConcurrencyExecutions", float(busy), "Count"),
            ("ServerlessProvisionedConcurrencyUtilization", busy / provisioned, "None"),
            (f"ServerlessProvisionedConcurrency{which}", 1.0, "Count"),
        ]
    for name, value, unit in samples:
        metrics.record(_NAMESPACE, name, dimensions, value, unit=unit, publish_every_seconds=publish_every_seconds)
