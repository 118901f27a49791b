"""Measures the time to restore: from the first breaching datapoint to the old version having all traffic."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rehearsal.drivers.timeline import Event

ALARM = "CloudWatch Alarm State Change"
ENDPOINT = "SageMaker Endpoint State Change"


@dataclass(frozen=True, slots=True)
class Healing:
    """Seconds from the first breaching datapoint to the baseline having all traffic."""

    alarm: str
    breach_published: float  # epoch seconds
    alarm_rang: float
    function_acted: float  # its first call of any AWS service
    weights_requested: float
    weights_restored: float

    @property
    def total(self) -> float:
        return self.weights_restored - self.breach_published

    def parts(self) -> list[tuple[str, float]]:
        return [
            ("alarm evaluation", self.alarm_rang - self.breach_published),
            ("event delivery and start of the function", self.function_acted - self.alarm_rang),
            ("function", self.weights_requested - self.function_acted),
            ("weight change", self.weights_restored - self.weights_requested),
        ]


def healing_of(events: Sequence[Event], endpoint: str, function_calls: Sequence[float]) -> Healing | None:
    """The healing by alarm; None if no alarm of the rollout rang (the judge may have been quicker).

    ``function_calls``: times of the AWS calls that ``roll_back`` made, in epoch seconds.
    """
    rang = next((e for e in events if _is_measured(e)), None)
    if rang is None:
        return None
    alarm_at = _seconds(rang.detail["state"]["timestamp"])
    ours = [e for e in events if e.kind == ENDPOINT and e.detail["EndpointName"].lower() == endpoint.lower()]
    after = [e for e in ours if e.detail["LastModifiedTime"] / 1000 >= alarm_at]
    requested = next((e for e in after if e.detail["EndpointStatus"] == "UPDATING"), None)
    restored = next((e for e in after if e.detail["EndpointStatus"] == "IN_SERVICE"), None)
    acted = min((at for at in function_calls if at >= alarm_at), default=None)
    if requested is None or restored is None or acted is None:
        return None
    return Healing(
        alarm=rang.detail["alarmName"],
        breach_published=_first_breach(rang),
        alarm_rang=alarm_at,
        function_acted=acted,
        weights_requested=requested.detail["LastModifiedTime"] / 1000,
        weights_restored=restored.detail["LastModifiedTime"] / 1000,
    )


def _is_measured(event: Event) -> bool:
    """Whether a metric alarm, not a composite of others, changed to ALARM."""
    if event.kind != ALARM or event.detail["state"]["value"] != "ALARM":
        return False
    return "period" in json.loads(event.detail["state"].get("reasonData", "{}"))


def _first_breach(rang: Event) -> float:
    """When the first of the breaching datapoints was published: at the end of its period."""
    data = json.loads(rang.detail["state"]["reasonData"])
    period = timedelta(seconds=data["period"])
    start = datetime.fromisoformat(data["startDate"])
    breaching = _first_over(data["recentDatapoints"], data["threshold"])
    return (start + period * (breaching + 1)).timestamp()


def _first_over(points: Iterable[float | None], threshold: float) -> int:
    return next((at for at, value in enumerate(points) if value is not None and value > threshold), 0)


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
