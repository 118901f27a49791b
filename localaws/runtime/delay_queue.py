"""A queue of delayed work, and the threads that do it in the background."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

from localaws.context import Context

log = logging.getLogger(__name__)

Action = Callable[[], None]


class DelayQueue:
    """Does each job once it is due, at most ``workers`` at a time.

    Jobs due at the same moment start in the order in which they were added. What is not yet due at
    context stops is dropped.
    """

    def __init__(self, context: Context, name: str, workers: int) -> None:
        self._context = context
        self._name = name
        self._workers = workers
        self._due: list[tuple[float, int, Action]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()

    def start(self) -> None:
        for number in range(self._workers):
            self._context.background(f"{self._name}-{number}", self._work)

    def stop(self) -> None:
        """Wake the workers so that they see the stop."""
        with self._changed:
            self._changed.notify_all()

    def add(self, job: Action, *, delay_seconds: float = 0.0) -> None:
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + delay_seconds, next(self._order), job))
            self._changed.notify()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:  # one job's failure must not take the worker from all the others
                if not self._context.stopping.is_set():
                    log.exception("%s: a job failed", self._name)

    def _next(self) -> Action | None:
        with self._changed:
            while not self._context.stopping.is_set():
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(min(wait, 1.0) if wait is not None else 1.0)
        return None
