"""The containers of one job: start together, and end together on a failure, a stop or a timeout."""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from localaws.context import Child, Context


class Ending(Enum):
    """How a job's containers ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    TIMED_OUT = "timed out"


@dataclass(frozen=True, slots=True)
class ClusterOutcome:
    """``instance`` and ``exit_code`` are those of the container that failed first."""

    ending: Ending
    instance: int = 0
    exit_code: int = 0


class Cluster:
    """Runs a job's containers once; ``stop`` may come from another thread, also before the run."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._children: list[Child] = []
        self._stop_requested = False

    @property
    def stop_requested(self) -> bool:
        return self._stop_requested

    def run(self, starts: Sequence[Callable[[], Child]], max_seconds: float) -> ClusterOutcome:
        """Start every container and wait until all have ended well, or the first reason to end them all."""
        deadline = time.monotonic() + max_seconds
        with self._lock:
            if self._stop_requested:
                return ClusterOutcome(Ending.STOPPED)
            self._children = [start() for start in starts]
        ended: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        for instance, child in enumerate(self._children):
            report = functools.partial(_report_end, child, instance, ended)
            self._context.background(f"container-{child.pid}", report)
        outcome = self._await(ended, deadline)
        self._end_children()
        return ClusterOutcome(Ending.STOPPED) if self._stop_requested else outcome

    def stop(self) -> None:
        """End the containers; returns when they are gone."""
        with self._lock:
            self._stop_requested = True
        self._end_children()

    def _await(self, ended: queue.SimpleQueue[tuple[int, int]], deadline: float) -> ClusterOutcome:
        for _ in self._children:
            try:
                instance, exit_code = ended.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                return ClusterOutcome(Ending.TIMED_OUT)
            if exit_code != 0:
                return ClusterOutcome(Ending.FAILED, instance, exit_code)
        return ClusterOutcome(Ending.COMPLETED)

    def _end_children(self) -> None:
        for child in self._children:
            child.stop()


def _report_end(child: Child, instance: int, ended: queue.SimpleQueue[tuple[int, int]]) -> None:
    ended.put((instance, child.wait()))
