"""Passes events from moto to the event bus on a thread of its own, as moto emits them while it holds a lock."""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localaws.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """An event of an AWS service on its way to the default bus."""

    source: str
    detail_type: str
    detail: Mapping[str, Any]
    resources: Sequence[str]


class Emitter:
    """A queue and the loop that empties it, in order, outside any lock."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._emissions: queue.SimpleQueue[Emission | None] = queue.SimpleQueue()

    def emit(self, emission: Emission) -> None:
        """Queue one event; never waits."""
        self._emissions.put(emission)

    def run(self) -> None:
        """Deliver until ``close``."""
        while (emission := self._emissions.get()) is not None:
            self._context.bus.put(
                source=emission.source,
                detail_type=emission.detail_type,
                detail=emission.detail,
                resources=emission.resources,
            )

    def close(self) -> None:
        """Let ``run`` end after what is queued."""
        self._emissions.put(None)
