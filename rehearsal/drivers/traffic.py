"""A client that sends a steady rate of requests through the SageMaker Runtime API and keeps each outcome."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

UNKNOWN = "unknown"
"""Variant of a failed request: SageMaker's answer to a client does not say which variant an error came from."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as its client saw it."""

    at: float  # epoch seconds when it was sent
    variant: str
    latency_ms: float
    error: str = ""  # AWS error code; empty when it was answered

    @property
    def failed(self) -> bool:
        return bool(self.error)


class Traffic:
    """``rate`` requests a second until ``stop``. No retries: a failure is a failure, and counted."""

    def __init__(self, client: Any, endpoint: str, rows: Iterator[str], *, rate: float, workers: int = 4) -> None:
        self._client = client
        self._endpoint = endpoint
        self._rows = rows
        self._rate = rate
        self._tickets = itertools.count()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._sent: list[Sent] = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        self._started = 0.0

    def start(self) -> None:
        self._started = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=10)

    @property
    def is_running(self) -> bool:
        return bool(self._started) and not self._stopping.is_set()

    def sent(self, since: float = 0.0) -> list[Sent]:
        """Requests that have ended, in the order of their ends; ``since`` is epoch seconds."""
        with self._lock:
            return [each for each in self._sent if each.at >= since]

    def _work(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                due = self._started + next(self._tickets) / self._rate
                row = next(self._rows)
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return
            done = self._request(row)
            with self._lock:
                self._sent.append(done)

    def _request(self, row: str) -> Sent:
        at, clock = time.time(), time.perf_counter()
        variant, error = UNKNOWN, ""
        try:
            answer = self._client.invoke_endpoint(EndpointName=self._endpoint, ContentType="text/csv", Body=row)
            answer["Body"].read()
            variant = answer.get("InvokedProductionVariant", UNKNOWN)
        except ClientError as refused:
            error = refused.response["Error"]["Code"]
        except BotoCoreError as broken:
            error = type(broken).__name__
        return Sent(at, variant, (time.perf_counter() - clock) * 1000, error)


def count(sent: list[Sent], which: Callable[[Sent], bool]) -> int:
    return sum(1 for each in sent if which(each))
