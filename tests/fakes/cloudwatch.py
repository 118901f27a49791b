"""A small CloudWatch in memory: alarms by name, and the same counts for every period of a variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sluice.aws.metric_data import MODEL_ERRORS, Counts, Dimensions, LatencySummary, Moments, Span, whole_periods
from sluice.errors import MetricsUnknownError

from tests.fakes.aws_state import Clock, Faults

_KEPT_FINE = timedelta(hours=3)


@dataclass
class Stretch:
    """Other counts for a stretch of time, which CloudWatch keeps once it is over; None: it goes on."""

    since: datetime
    until: datetime | None
    per_period: Mapping[str, Counts]

    def touches(self, at: datetime, seconds: int) -> bool:
        return at + timedelta(seconds=seconds) > self.since and (self.until is None or at < self.until)


@dataclass
class FakeMetrics:
    """Alarms by name and state, and the same counts for every period of a variant.

    ``slow`` holds requests beyond each percentile by variant, None if CloudWatch does not count them; ``means`` mean
    latencies; ``summaries`` what is known of the latency before a rollout. ``incomplete``: by variant, with what status
    CloudWatch answers instead of ``Complete``; ``past``: stretches of time with other counts. With a ``clock`` data of
    short periods is kept as long as by CloudWatch.
    """

    faults: Faults
    alarms: dict[str, str] = field(default_factory=dict)
    per_period: dict[str, Counts] = field(default_factory=dict)
    slow: dict[str, dict[str, int]] | None = field(default_factory=dict)
    means: dict[str, float] = field(default_factory=dict)
    summaries: list[LatencySummary] = field(default_factory=list)
    own_metrics: dict[tuple[str, str], Moments] = field(default_factory=dict)  # per period, by variant and metric
    incomplete: dict[str, str] = field(default_factory=dict)
    clock: Clock | None = None
    past: list[Stretch] = field(default_factory=list)

    def counts(self, of: Dimensions, span: Span, failures: Sequence[str] = MODEL_ERRORS) -> dict[datetime, Counts]:
        assert failures
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: {at: self._counts(_variant(of), at, span) for at in self._periods(of, span)}
        )

    def _counts(self, variant: str, at: datetime, span: Span) -> Counts:
        """What a period holds: of a stretch that it touches, else what all periods hold."""
        touched = (each.per_period for each in self.past if each.touches(at, span.period_seconds))
        return next((found[variant] for found in touched if variant in found), self.per_period[variant])

    def slow_counts(
        self, of: Dimensions, limits_us: Mapping[str, int], *spans: Span
    ) -> dict[str, dict[datetime, Counts]] | None:
        return self.faults.around(lambda: self._slow_counts(of, limits_us, *spans))  # type: ignore[no-any-return]

    def mean_latencies(self, of: Dimensions, span: Span) -> dict[datetime, float]:
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: {at: self.means[_variant(of)] for at in self._periods(of, span)}
        )

    def published_values(self, model: str, variant: str, metric: str, span: Span) -> dict[datetime, Moments]:
        def found() -> dict[datetime, Moments]:
            sample = self.own_metrics.get((variant, metric))
            return {at: sample for at in whole_periods(span.start, span.end, span.period_seconds)} if sample else {}

        return self.faults.around(found)  # type: ignore[no-any-return]

    def latency_summaries(self, of: Dimensions, span: Span) -> list[LatencySummary]:
        return self.faults.around(lambda: self._summaries(of))  # type: ignore[no-any-return]

    def _summaries(self, of: Dimensions) -> list[LatencySummary]:
        self._refuse_incomplete(_variant(of))
        return list(self.summaries)

    def _slow_counts(
        self, of: Dimensions, limits_us: Mapping[str, int], *spans: Span
    ) -> dict[str, dict[datetime, Counts]] | None:
        if self.slow is None:
            return None
        variant = _variant(of)
        self._refuse_incomplete(variant)
        beyond = self.slow.get(variant, {})
        return {
            name: {
                at: Counts(self._counts(variant, at, span).requests, beyond.get(name, 0))
                for span in spans
                for at in self._periods(of, span)
            }
            for name in limits_us
        }

    def _periods(self, of: Dimensions, span: Span) -> list[datetime]:
        self._refuse_incomplete(_variant(of))
        if _variant(of) not in self.per_period or self._is_too_old(span):
            return []
        first = int(span.start.timestamp() // span.period_seconds) * span.period_seconds
        times = range(first, int(span.end.timestamp()), span.period_seconds)
        return [datetime.fromtimestamp(at, tz=UTC) for at in times]

    def _refuse_incomplete(self, variant: str) -> None:
        if variant in self.incomplete:
            raise MetricsUnknownError(f"CloudWatch answered {self.incomplete[variant]}", code=self.incomplete[variant])

    def _is_too_old(self, span: Span) -> bool:
        return self.clock is not None and span.period_seconds < 60 and self.clock.now() - span.start > _KEPT_FINE

    def put_alarms(self, alarms: Sequence[Mapping[str, Any]]) -> None:
        self.faults.around(lambda: [self.alarms.setdefault(each["AlarmName"], "INSUFFICIENT_DATA") for each in alarms])

    def put_composite_alarm(self, alarm: Mapping[str, Any]) -> None:
        self.faults.around(lambda: self.alarms.setdefault(alarm["AlarmName"], "INSUFFICIENT_DATA"))

    def delete_alarms(self, names: Sequence[str]) -> None:
        self.faults.around(lambda: [self.alarms.pop(name, None) for name in names])

    def set_alarm(self, name: str, reason: str) -> bool:
        return self.faults.around(lambda: self._set_alarm(name))  # type: ignore[no-any-return]

    def _set_alarm(self, name: str) -> bool:
        if name in self.alarms:
            self.alarms[name] = "ALARM"
        return name in self.alarms

    def alarm_states(self, names: Sequence[str]) -> dict[str, str]:
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: {name: self.alarms[name] for name in names if name in self.alarms}
        )


def _variant(of: Dimensions) -> str:
    return next(each["Value"] for each in of if each["Name"] == "VariantName")
