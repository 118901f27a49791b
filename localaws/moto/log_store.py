"""The log events that moto stores, for searches of our own."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from localaws.services.logs.insights import LogEntry


class MotoLogStore:
    """Implements ``LogStore``. Reads moto's groups of one account and Region under moto's lock."""

    def __init__(self, account: str, region: str, lock: threading.RLock) -> None:
        self._account = account
        self._region = region
        self._lock = lock

    def entries(self, group: str) -> Sequence[LogEntry] | None:
        """All events of a group, in the order of their arrival; None when there is no such group."""
        from moto.logs.models import logs_backends

        with self._lock:
            found = logs_backends[self._account][self._region].groups.get(group)
            if found is None:
                return None
            return [
                LogEntry(
                    event_id=str(event.event_id),
                    group=group,
                    stream=name,
                    timestamp=event.timestamp,
                    ingestion_time=event.ingestion_time,
                    message=event.message,
                )
                for name, stream in found.streams.items()
                for event in stream.events
            ]
