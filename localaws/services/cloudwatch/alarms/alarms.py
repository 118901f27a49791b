"""Stores alarms, their states and their history."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localaws.service_api import AwsError
from localaws.services.cloudwatch.alarms.alarm import DatapointRule, State
from localaws.services.cloudwatch.alarms.composite import AlarmExpression
from localaws.services.cloudwatch.metrics.query import Query

HISTORY_MAX = 10_000
INITIAL_REASON = "Unchecked: Initial alarm creation"


@dataclass(frozen=True, slots=True)
class AlarmState:
    """A state with its reason. ``data`` is JSON; ``at`` is epoch seconds."""

    value: State
    reason: str
    at: float
    data: str | None = None


@dataclass(slots=True, kw_only=True)
class Alarm:
    """What metric and composite alarms share. ``settings`` are as given to Put…Alarm, tags apart."""

    name: str
    arn: str
    settings: Mapping[str, Any]
    configured_at: float
    standing: AlarmState
    actions_enabled: bool = True

    @property
    def actions(self) -> list[str]:
        """The actions of the present state."""
        key = {State.OK: "OKActions", State.ALARM: "AlarmActions"}.get(self.standing.value, "InsufficientDataActions")
        return list(self.settings.get(key) or ())


@dataclass(slots=True, kw_only=True)
class MetricAlarm(Alarm):
    """An alarm on one series, that of the query ``watched``."""

    rule: DatapointRule
    queries: tuple[Query, ...]
    watched: str
    period: int
    statistic: str | None  # None for metric math
    event_metrics: list[dict[str, Any]]  # as its events show the queries
    percentile_guard: float | None = None  # the percentile, if few samples must not change the state


@dataclass(slots=True, kw_only=True)
class CompositeAlarm(Alarm):
    """An alarm on the states of other alarms."""

    condition: AlarmExpression


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A change of an alarm's state, with the times a report measures from. Epoch seconds.

    The two publication times are those of the newest point used and of the oldest breaching one used; None
    where no data decided, as for SetAlarmState and composite alarms.
    """

    alarm: str
    previous: State
    state: State
    newest_published: float | None
    first_breach_published: float | None
    decided_at: float


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of state that is still to be announced: as an event, then by actions."""

    alarm: MetricAlarm | CompositeAlarm
    before: AlarmState
    after: AlarmState


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryItem:
    alarm: str
    alarm_type: str
    kind: str  # ConfigurationUpdate | StateUpdate | Action
    summary: str
    data: str  # JSON
    at: float


@dataclass(slots=True)
class AlarmStore:
    """All alarms by name. Does not lock: its owner does."""

    alarms: dict[str, MetricAlarm | CompositeAlarm] = field(default_factory=dict)
    history: deque[HistoryItem] = field(default_factory=lambda: deque(maxlen=HISTORY_MAX))
    transitions: list[Transition] = field(default_factory=list)

    def get(self, name: str) -> MetricAlarm | CompositeAlarm:
        """AwsError ResourceNotFound if there is none."""
        if name not in self.alarms:
            raise AwsError("ResourceNotFound", f"Alarm {name} does not exist", 404)
        return self.alarms[name]

    def metric_alarms(self) -> Iterator[MetricAlarm]:
        return (alarm for alarm in self.alarms.values() if isinstance(alarm, MetricAlarm))

    def composite_alarms(self) -> Iterator[CompositeAlarm]:
        return (alarm for alarm in self.alarms.values() if isinstance(alarm, CompositeAlarm))

    def state_of(self, name_or_arn: str) -> State | None:
        """None for an alarm that does not exist."""
        alarm = self.alarms.get(name_or_arn.rpartition(":alarm:")[2])
        return alarm.standing.value if alarm else None
