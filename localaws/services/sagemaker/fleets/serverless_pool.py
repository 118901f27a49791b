"""The containers of one serverless variant: starts one when a request needs it, keeps it warm, stops it when idle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from localaws.services.sagemaker.containers.container import RetiredError
from localaws.services.sagemaker.endpoint_state.serverless import ServerlessSize, Usage


class Startable(Protocol):
    """What the pool needs of a container."""

    @property
    def is_running(self) -> bool: ...


C = TypeVar("C", bound=Startable)


class ConcurrencyError(Exception):
    """As many requests are under way as the variant may have."""


class ServerlessPool(Generic[C]):
    """One request per container at a time, at most ``max_concurrency`` of them. Thread-safe.

    ``start`` returns a healthy container or raises; ``retire`` stops one. Neither is called with the lock held.
    """

    def __init__(
        self,
        size: ServerlessSize,
        *,
        start: Callable[[], C],
        retire: Callable[[C], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.size = size
        self._start = start
        self._retire = retire
        self._clock = clock
        self._changed = threading.Condition()
        self._idle: list[tuple[C, float]] = []  # with the time since when; the most recently used one last
        self._busy = 0
        self._is_closed = False

    @property
    def running(self) -> int:
        """Containers that are warm or at work."""
        with self._changed:
            return len(self._idle) + self._busy

    def resize(self, size: ServerlessSize) -> None:
        """From now on; ``warm`` starts what is then provisioned."""
        with self._changed:
            self.size = size

    def warm(self) -> None:
        """Start containers until the provisioned number is there; raises what starting one raises."""
        while self.running < self.size.provisioned:
            container = self._start()
            with self._changed:
                self._idle.append((container, self._clock()))

    @contextmanager
    def borrowed(self) -> Iterator[tuple[C, Usage]]:
        """A container for one request, started for it if none is warm.

        Raises ConcurrencyError, RetiredError when the pool is closed, or what starting one raises.
        """
        container, concurrent = self._claim()
        setup_seconds = None
        try:
            if container is None:
                began = self._clock()
                container = self._start()
                setup_seconds = self._clock() - began
            yield container, Usage(size=self.size, concurrent=concurrent, setup_seconds=setup_seconds)
        finally:
            self._release(container)

    def stop_idle(self, idle_seconds: float) -> None:
        """Stop those that nobody has used for so long, except for the provisioned number."""
        with self._changed:
            since = self._clock() - idle_seconds
            spare = len(self._idle) + self._busy - self.size.provisioned
            old = [pair for pair in self._idle if pair[1] <= since][: max(0, spare)]
            self._idle = [pair for pair in self._idle if pair not in old]
        for container, _ in old:
            self._retire(container)

    def close(self, drain_seconds: float) -> None:
        """Take no more requests, let those under way finish, stop all containers."""
        with self._changed:
            self._is_closed = True
            self._changed.wait_for(lambda: self._busy == 0, drain_seconds)
            idle, self._idle = self._idle, []
        for container, _ in idle:
            self._retire(container)

    def _claim(self) -> tuple[C | None, int]:
        with self._changed:
            if self._is_closed:
                raise RetiredError
            if self._busy >= self.size.max_concurrency:
                raise ConcurrencyError
            self._busy += 1
            while self._idle:
                container, _ = self._idle.pop()
                if container.is_running:
                    return container, self._busy
            return None, self._busy

    def _release(self, container: C | None) -> None:
        with self._changed:
            self._busy -= 1
            is_kept = container is not None and container.is_running and not self._is_closed
            if container is not None and is_kept:
                self._idle.append((container, self._clock()))
            self._changed.notify_all()
        if container is not None and not is_kept:
            self._retire(container)
