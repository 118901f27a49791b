"""Stands for the event bus and the metrics."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

STATE_CHANGE = "SageMaker Endpoint State Change"


@dataclass
class Announced:
    """Stands for the bus and the metrics; keeps what hosting published."""

    events: list[dict[str, Any]] = field(default_factory=list)
    samples: list[tuple[str, Mapping[str, str], float, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        with self.lock:
            self.events.append(
                {"source": source, "detail-type": detail_type, "detail": detail, "resources": list(resources)}
            )

    def record(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        *,
        unit: str = "None",
        publish_every_seconds: int = 60,
    ) -> None:
        with self.lock:
            self.samples.append((name, dict(dimensions), value, publish_every_seconds))

    def statuses(self, endpoint: str) -> list[tuple[str, str]]:
        """``(EndpointStatus, EndpointConfigName)`` of an endpoint's state changes so far, in order."""
        with self.lock:
            details = [event["detail"] for event in self.events if event["detail-type"] == STATE_CHANGE]
        return [
            (detail["EndpointStatus"], detail["EndpointConfigName"])
            for detail in details
            if detail["EndpointName"] == endpoint
        ]

    def deployments(self, endpoint: str) -> list[dict[str, Any]]:
        """The details of an endpoint's deployment state changes so far, in order."""
        with self.lock:
            events = list(self.events)
        kind = "SageMaker Endpoint Deployment State Change"
        return [
            dict(event["detail"])
            for event in events
            if event["detail-type"] == kind and event["detail"]["EndpointName"] == endpoint
        ]

    def total(self, endpoint: str, variant: str, metric: str, **more: str) -> float:
        """The sum of a metric's samples; ``more`` are further dimensions."""
        dimensions = {"EndpointName": endpoint, "VariantName": variant, **more}
        with self.lock:
            return sum(value for name, at, value, _ in self.samples if (name, at) == (metric, dimensions))
