"""The messages of one call of the function that starts pipelines: taken in one by one, then checked model by model.

However many uploads of a model come together, its run queue is woken or advanced once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from sluice.bounded_json import parse_json
from sluice.errors import RETRYABLE_ERRORS, PermanentError
from sluice.training.intake import IntakeLimits, QueueCheck, take_in
from sluice.training.run_queue import advance_queue

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts


class IntakeBatch:
    """All messages of one call. A message that cannot be taken in fails alone, those of one model fail together."""

    def __init__(self, messages: int, ports: TrainingPorts) -> None:
        self._ports = ports
        self._limits = IntakeLimits(cache(ports.specs.get), messages, ports.now())

    def take_in(self, body: str) -> QueueCheck | None:
        """Store what a message brings; returns the check of the run queue that it makes necessary.

        Raises:
            BoundsError: it is no JSON, or beyond a bound.
            Whatever ``intake.take_in`` raises.
        """
        return take_in(parse_json(body), self._limits, self._ports)

    def check_queues(self, checks: Mapping[str, QueueCheck | None]) -> set[str]:
        """Check the run queue of every model once; takes checks by message id, returns the ids to be retried."""
        messages: dict[str, list[str]] = defaultdict(list)
        delays: dict[str, set[int]] = defaultdict(set)
        for message_id, check in checks.items():
            if check is not None:
                messages[check.model].append(message_id)
                delays[check.model].add(check.delay_seconds)
        failed: set[str] = set()
        for model, ids in messages.items():
            try:
                self._check(model, delays[model])
            except RETRYABLE_ERRORS as error:
                self._ports.telemetry.error("run queue not checked", model=model, error=type(error).__name__)
                failed.update(ids)
        return failed

    def _check(self, model: str, delays: set[int]) -> None:
        for delay in delays - {0}:
            self._ports.wakeups.send_wake_up(model, delay)
        if 0 not in delays:
            return
        try:
            advance_queue(model, self._ports)
        except PermanentError as error:
            # The inputs stay pending; the sweep wakes the queue again, and goes on once there is a valid spec.
            self._ports.telemetry.error("run queue has no valid spec", model=model, error=type(error).__name__)
