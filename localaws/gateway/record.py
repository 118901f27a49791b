"""Keeps the calls that passed the gateway, for reports and for "used versus granted"."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator

from localaws.service_api import RecordedCall

_KEPT_CALLS = 50_000  # about an hour of a busy story; the use of permissions is counted without limit


class CallLog:
    """Calls in the order in which they ended. Bounded; the permissions used by each role are kept in full."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[RecordedCall] = deque(maxlen=_KEPT_CALLS)
        self._used: dict[str, Counter[tuple[str, str]]] = {}

    def add(self, call: RecordedCall, permissions: tuple[tuple[str, str], ...] = ()) -> None:
        """Keep one call and, when it was allowed, the (action, resource) pairs it needed."""
        with self._lock:
            self._calls.append(call)
            if call.role is not None and call.allowed:
                self._used.setdefault(call.role, Counter()).update(permissions)

    def calls(
        self, *, service: str | None = None, operation: str | None = None, role: str | None = None
    ) -> list[RecordedCall]:
        """The kept calls that match every criterion given."""
        with self._lock:
            kept = list(self._calls)
        wanted = {"service": service, "operation": operation, "role": role}
        return [call for call in kept if all(value in (None, getattr(call, name)) for name, value in wanted.items())]

    def permissions_used(self, role: str) -> dict[tuple[str, str], int]:
        """How often ``role`` used each (action, resource)."""
        with self._lock:
            return dict(self._used.get(role, {}))

    def denied(self) -> list[RecordedCall]:
        """Calls that no policy allowed."""
        return [call for call in self if not call.allowed]

    def __iter__(self) -> Iterator[RecordedCall]:
        return iter(self.calls())
