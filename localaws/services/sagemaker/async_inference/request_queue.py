"""The queue of one asynchronous endpoint: requests that wait or are in flight."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from localaws.services.sagemaker.async_inference.request import AsyncRequest

Instance = TypeVar("Instance", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Backlog:
    """The values of the backlog metrics. ``size`` counts requests that wait or are in flight."""

    waiting: int
    size: int
    oldest_seconds: float


class AsyncQueue:
    """First come, first served; thread-safe. Instances are any hashable things."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[AsyncRequest] = deque()
        self._under_way: Counter[Hashable] = Counter()

    def offer(self, request: AsyncRequest) -> None:
        """Append a request."""
        with self._lock:
            self._waiting.append(request)

    def take(self, instances: Sequence[Instance], each: int) -> list[tuple[AsyncRequest, Instance]]:
        """Assign waiting requests to instances with less than ``each`` under way, the least busy one first."""
        taken: list[tuple[AsyncRequest, Instance]] = []
        with self._lock:
            while self._waiting and instances:
                instance = min(instances, key=lambda candidate: self._under_way[candidate])
                if self._under_way[instance] >= each:
                    break
                self._under_way[instance] += 1
                taken.append((self._waiting.popleft(), instance))
        return taken

    def take_expired(self, now: datetime) -> list[AsyncRequest]:
        """Remove and return those that have waited too long."""
        with self._lock:
            expired = [request for request in self._waiting if request.is_expired(now)]
            if expired:
                self._waiting = deque(request for request in self._waiting if not request.is_expired(now))
        return expired

    def finish(self, instance: Hashable) -> None:
        """One request of the instance has ended."""
        with self._lock:
            self._under_way[instance] -= 1
            self._under_way += Counter()  # drops the zeros, and with them instances that are gone

    def put_back(self, request: AsyncRequest, instance: Hashable) -> None:
        """The instance did not take the request after all: it is first in the queue again."""
        self.finish(instance)
        with self._lock:
            self._waiting.appendleft(request)

    def backlog(self, now: datetime) -> Backlog:
        """At this moment."""
        with self._lock:
            oldest = max((request.age_seconds(now) for request in self._waiting), default=0.0)
            return Backlog(len(self._waiting), len(self._waiting) + self._under_way.total(), oldest)
