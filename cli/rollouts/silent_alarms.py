"""Says which alarms that a spec names have no data: they cannot ring, and a rollout takes them as quiet."""

from __future__ import annotations

from collections.abc import Iterable

from sluice.aws.cloudwatch import SilentAlarm


def silence(alarms: Iterable[SilentAlarm]) -> tuple[str, ...]:
    """A sentence for each."""
    return tuple(_sentence(alarm) for alarm in alarms)


def _sentence(alarm: SilentAlarm) -> str:
    said = "has no data" if alarm.ever else "has never had data"
    since = f" (since {alarm.since:%Y-%m-%d %H:%M} UTC)" if alarm.since else ""
    return (
        f"alarm {alarm.name} of rollout.alarms.also {said}{since}: it cannot ring, and a rollout takes it as quiet; "
        "check its metric and dimensions, or set its TreatMissingData"
    )
