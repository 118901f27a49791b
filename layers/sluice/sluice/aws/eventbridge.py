"""EventBridge: the domain events that Sluice publishes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sluice.errors import RetryableError
from sluice.names import Names

SOURCE = "sluice"


_ENTRIES = 10  # that one PutEvents takes


class EventPublisher:
    """Puts domain events on the default bus, at least once: after a crash an event may be published again.

    Each event names its ``stack``, such as sluice-dev: every stage of the account publishes to this bus, and models
    of two stages may have the same name.
    """

    def __init__(self, client: Any, names: Names) -> None:
        self._client = client
        self._stack = names.stack

    def publish(self, detail_type: str, **detail: Any) -> None:
        """Publish one event, e.g. ``publish("RolloutOpened", model="fraud", version=7)``.

        Raises:
            RetryableError: EventBridge did not accept it.
        """
        failed = self.put([(detail_type, detail)])
        if failed:
            raise RetryableError(f"event {detail_type} was not accepted: {failed[0]}")

    def put(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[int, str]:
        """Publish events, ten in one call. Returns the reason by position for those that were not accepted."""
        failed: dict[int, str] = {}
        for start in range(0, len(events), _ENTRIES):
            failed |= self._put(events[start : start + _ENTRIES], start)
        return failed

    def _put(self, events: Sequence[tuple[str, Mapping[str, Any]]], start: int) -> dict[int, str]:
        entries = [
            {
                "Source": SOURCE,
                "DetailType": detail_type,
                "Detail": json.dumps({**detail, "stack": self._stack}, default=str),
            }
            for detail_type, detail in events
        ]
        answer = self._client.put_events(Entries=entries)
        if not answer.get("FailedEntryCount"):
            return {}
        results = enumerate(answer["Entries"], start)
        return {at: str(each.get("ErrorMessage") or each) for at, each in results if each.get("ErrorCode")}
