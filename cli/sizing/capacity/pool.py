"""The instances of an endpoint as one queue with many servers, on a virtual clock in seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush, heapreplace
from math import inf
from typing import NamedTuple


class SimulatedAnswer(NamedTuple):
    """A request's end: begun at ``started`` and answered, or given up because it would have been too late.

    A tuple, because a simulation makes one for each of up to millions of requests.
    """

    arrived: float
    started: float
    finished: float
    """For a rejected request, the time at which it was given up."""
    rejected: bool


class Pool:
    """First come, first served by whichever slot is free first.

    An instance has ``concurrency`` slots. One that is taken away finishes what it works on. A request is rejected
    when its turn comes so late that the answer would be later than ``timeout`` after its arrival. Time only moves
    forward: arrivals must come in order, and so must the calls of ``serve_until`` and ``remove``.
    """

    def __init__(self, *, concurrency: int, timeout: float = inf) -> None:
        self._concurrency = concurrency
        self._timeout = timeout
        self._instances = 0
        self._free: list[tuple[float, int]] = []  # when a slot is next free, and whose it is
        self._alive: dict[int, float] = {}  # instance: when it is ready
        self._waiting: deque[tuple[float, float]] = deque()

    def add(self, count: int, *, ready: float) -> None:
        """Instances that take requests from ``ready`` on."""
        for _ in range(count):
            self._instances += 1
            self._alive[self._instances] = ready
            for _ in range(self._concurrency):
                heappush(self._free, (ready, self._instances))

    def remove(self, count: int) -> None:
        """Take the newest instances away: they begin no further request."""
        for instance in sorted(self._alive, reverse=True)[:count]:
            del self._alive[instance]

    def ready(self, now: float) -> int:
        """Instances that take requests at ``now``."""
        return sum(ready <= now for ready in self._alive.values())

    @property
    def waiting(self) -> int:
        """Requests that have arrived and neither begun nor been rejected."""
        return len(self._waiting)

    def arrive(self, arrived: float, service: float) -> None:
        """A request that will take ``service`` seconds once it is begun."""
        self._waiting.append((arrived, service))

    def serve_until(self, now: float) -> Iterator[SimulatedAnswer]:
        """Begin, or reject, every waiting request whose turn comes by ``now``."""
        free, alive, waiting = self._free, self._alive, self._waiting
        while waiting and free:
            free_at, instance = free[0]
            if instance not in alive:
                heappop(free)
                continue
            arrived, service = waiting[0]
            started = max(free_at, arrived)
            if started > now:
                return
            waiting.popleft()
            finished = started + service
            rejected = finished - arrived > self._timeout
            if not rejected:
                heapreplace(free, (finished, instance))
            yield SimulatedAnswer(arrived, started, finished, rejected)
