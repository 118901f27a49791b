"""Evaluates alarms at the times CloudWatch does, over closed periods, and announces changes of state."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from localaws.services.cloudwatch.alarms.alarm import State, evaluate, samples_wanted
from localaws.services.cloudwatch.alarms.alarms import (
    Alarm,
    AlarmState,
    AlarmStore,
    CompositeAlarm,
    HistoryItem,
    MetricAlarm,
    StateChange,
    Transition,
)
from localaws.services.cloudwatch.alarms.wording import (
    composite_reason,
    history_data,
    reason_data,
    threshold_reason,
    unknown_reason,
)
from localaws.services.cloudwatch.metric_math.syntax import ExpressionError
from localaws.services.cloudwatch.metrics.query import Range, Reading, TimedSeries
from localaws.services.cloudwatch.metrics.store import Store

TICK_SECONDS = 10
CATCH_UP_TICKS = 360  # an hour; a machine that slept longer starts afresh
DAY = 86400
_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Evaluator:
    """Steps through all ticks since the last step, each with what was visible at it: none is ever left out.

    ``lock`` guards ``store`` and ``alarm_store``; ``announce`` is called without it, once per change, in order.
    """

    store: Store
    alarm_store: AlarmStore
    lock: AbstractContextManager[object]
    clock: Callable[[], float]  # epoch seconds
    announce: Callable[[StateChange], None]
    done: int  # the last tick stepped through

    def run(self, stopping: threading.Event) -> None:
        """Step right after each tick until ``stopping``."""
        while not stopping.wait(max(0.0, self.done + TICK_SECONDS - self.clock())):
            self.step()

    def step(self) -> None:
        """Evaluate every alarm due at each tick that has passed since the last step."""
        newest = int(self.clock() // TICK_SECONDS) * TICK_SECONDS
        first = max(self.done + TICK_SECONDS, newest - CATCH_UP_TICKS * TICK_SECONDS)
        for tick in range(first, newest + 1, TICK_SECONDS):
            self.done = tick
            with self.lock:
                changes = list(self._evaluate_all(tick))
                if tick % DAY == 0:
                    self.store.forget(tick)
            for change in changes:
                self._announce(change)

    def set_state(self, alarm: MetricAlarm | CompositeAlarm, standing: AlarmState) -> Iterator[StateChange]:
        """Put an alarm into a state by hand, with what follows from it. Call with the lock held."""
        if standing.value is alarm.standing.value:
            alarm.standing = standing
            return
        yield self._change(alarm, standing)
        yield from self.settle_composites(alarm)

    def settle_composites(self, trigger: Alarm | None) -> Iterator[StateChange]:
        """Bring composite alarms in line with the others after a change. Call with the lock held."""
        for composite in list(self.alarm_store.composite_alarms()):
            value = State.ALARM if composite.condition.holds(self.alarm_store.state_of) else State.OK
            if value is not composite.standing.value:
                reason, data = composite_reason(trigger)
                yield self._change(composite, AlarmState(value, reason, self.clock(), data))
                yield from self.settle_composites(composite)

    def _announce(self, change: StateChange) -> None:
        try:
            self.announce(change)
        except Exception:  # one announcement that fails must not cost the next one
            _log.exception("announcing the change of alarm %s failed", change.alarm.name)

    def _evaluate_all(self, tick: int) -> Iterator[StateChange]:
        for alarm in list(self.alarm_store.metric_alarms()):
            if tick % interval(alarm) == 0 and (change := self._evaluate(alarm, tick)):
                yield change
                yield from self.settle_composites(alarm)

    def _evaluate(self, alarm: MetricAlarm, tick: int) -> StateChange | None:
        start = tick - alarm.rule.range_length * alarm.period
        span = Range(start, tick, tick, aligned=False)
        try:
            answer = Reading(alarm.queries, self.store, span).answers(alarm.watched)[0]
        except ExpressionError:  # PutMetricAlarm tried the expression, so this is rare; the other alarms go on
            _log.exception("alarm %s cannot be evaluated", alarm.name)
            return None
        starts = range(start, tick, alarm.period)
        judgement = evaluate(alarm.rule, [answer.series.get(at) for at in starts])
        used = [starts[index] for index in judgement.used]
        if judgement.state is None or _has_few_samples(alarm, answer, used):
            return None
        if judgement.state is alarm.standing.value:
            return None
        points = [(at, answer.series[at]) for at in used]
        if judgement.state is State.INSUFFICIENT_DATA:
            reason = unknown_reason(alarm.rule)
        else:
            reason = threshold_reason(alarm.rule, points, judgement.filled)
        now = self.clock()
        standing = AlarmState(judgement.state, reason, now, reason_data(alarm, points, now))
        return self._change(alarm, standing, answer, used)

    def _change(
        self,
        alarm: MetricAlarm | CompositeAlarm,
        after: AlarmState,
        answer: TimedSeries | None = None,
        used: list[int] | None = None,
    ) -> StateChange:
        before, alarm.standing = alarm.standing, after
        transition = Transition(
            alarm=alarm.name,
            previous=before.value,
            state=after.value,
            newest_published=None,
            first_breach_published=None,
            decided_at=after.at,
        )
        if answer and used and isinstance(alarm, MetricAlarm):
            breaching = [at for at in used if alarm.rule.breaches(answer.series[at])]
            transition = replace(
                transition,
                newest_published=answer.published.get(used[-1]),
                first_breach_published=answer.published.get(breaching[0]) if breaching else None,
            )
        self.alarm_store.transitions.append(transition)
        summary = f"Alarm updated from {before.value} to {after.value}"
        self.alarm_store.history.append(
            HistoryItem(
                alarm=alarm.name,
                alarm_type="CompositeAlarm" if isinstance(alarm, CompositeAlarm) else "MetricAlarm",
                kind="StateUpdate",
                summary=summary,
                data=history_data(before, after),
                at=after.at,
            )
        )
        return StateChange(alarm, before, after)


def interval(alarm: MetricAlarm) -> int:
    """Seconds between evaluations: 10 below a period of a minute, an hour beyond a day's range, else a minute."""
    if alarm.period < 60:
        return TICK_SECONDS
    return 3600 if alarm.rule.evaluation_periods * alarm.period > DAY else 60


def _has_few_samples(alarm: MetricAlarm, answer: TimedSeries, used: list[int]) -> bool:
    """Whether the newest point of a guarded percentile stands on too few samples to change a state."""
    if alarm.percentile_guard is None or not used:
        return False
    return answer.samples.get(used[-1], 0) < samples_wanted(alarm.percentile_guard)
