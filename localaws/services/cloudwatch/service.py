"""CloudWatch: metrics of customers and services, metric math, alarms, dashboards."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from localaws.context import Context
from localaws.service_api import Operation
from localaws.services.cloudwatch.alarms.alarm_operations import AlarmOperations
from localaws.services.cloudwatch.alarms.alarms import AlarmStore, HistoryItem, Transition
from localaws.services.cloudwatch.alarms.announcer import Announcer
from localaws.services.cloudwatch.alarms.evaluator import TICK_SECONDS, Evaluator
from localaws.services.cloudwatch.alarms.tags import AlarmTags
from localaws.services.cloudwatch.dashboards import Dashboards
from localaws.services.cloudwatch.metrics.metric_operations import MetricOperations
from localaws.services.cloudwatch.metrics.store import MINUTE, Metric, Store


class CloudWatch:
    """The service, and the sink into which the other services publish their metrics."""

    name = "cloudwatch"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.RLock()
        self._store = Store()
        self._alarm_store = AlarmStore()
        self._thread: threading.Thread | None = None
        self._evaluator = Evaluator(
            store=self._store,
            alarm_store=self._alarm_store,
            lock=self._lock,
            clock=self._clock,
            announce=Announcer(context, self._remember).announce,
            done=int(self._clock() // TICK_SECONDS) * TICK_SECONDS,
        )
        tags = AlarmTags(self._lock, exists=lambda arn: self._alarm_store.state_of(arn) is not None)
        alarms = AlarmOperations(
            alarm_store=self._alarm_store, tags=tags, evaluator=self._evaluator, lock=self._lock, clock=self._clock
        )
        self._operations: Mapping[str, Operation] = {
            **MetricOperations(self._store, self._lock, self._clock).operations,
            **alarms.operations,
            **tags.operations,
            **Dashboards(self._lock, self._clock).operations,
        }

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self._operations

    def start(self) -> None:
        """Begin to evaluate alarms in the background."""
        self._thread = self._context.background(
            "cloudwatch-alarms", lambda: self._evaluator.run(self._context.stopping)
        )

    def stop(self) -> None:
        """Wait for the evaluation to end; ``context.stopping`` must be set."""
        if self._thread is not None:
            self._thread.join(timeout=5)

    def record(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        *,
        unit: str = "None",
        publish_every_seconds: int = MINUTE,
    ) -> None:
        """Take one sample of a service's metric; it becomes visible when its publishing period has closed."""
        metric = Metric.of(namespace, name, dimensions)
        with self._lock:  # the time is taken inside, so that no closed period ever changes
            at = self._clock()
            self._store.record(metric, float(value), at=at, unit=unit, publish_every_seconds=publish_every_seconds)

    def transitions(self) -> Sequence[Transition]:
        """Every change of an alarm's state so far, oldest first."""
        with self._lock:
            return tuple(self._alarm_store.transitions)

    def evaluate_due_alarms(self) -> None:
        """Step through the ticks that have passed, for callers that drive the clock themselves."""
        self._evaluator.step()

    def _remember(self, item: HistoryItem) -> None:
        with self._lock:
            self._alarm_store.history.append(item)

    def _clock(self) -> float:
        return self._context.now().timestamp()
