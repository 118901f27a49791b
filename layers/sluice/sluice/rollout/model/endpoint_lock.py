"""The lock of an endpoint: at most one rollout at a time changes it."""

from __future__ import annotations

from contextlib import suppress

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.rollout_id import RolloutId


class EndpointLocks:
    """Stores a lock's holder as ``ENDPOINT#<name>``, ``LOCK``, with conditional writes. Idempotent.

    The lock is no lease, as a rollout may take a month: it ends when its holder releases it, or when the next rollout
    finds that its holder is closed.
    """

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def acquire(self, endpoint: str, rollout_id: RolloutId) -> bool:
        """Acquire the lock; True if this rollout holds it now."""
        try:
            self._table.set(
                _key(endpoint),
                {"holder": str(rollout_id)},
                "attribute_not_exists(holder) OR holder = :me",
                {":me": str(rollout_id)},
            )
        except ConditionFailedError:
            return False
        return True

    def holder(self, endpoint: str) -> RolloutId | None:
        """The rollout that holds the lock (consistent read); None if it is free."""
        item = self._table.get(_key(endpoint))
        return RolloutId.parse(item["holder"]) if item and "holder" in item else None

    def release(self, endpoint: str, rollout_id: RolloutId) -> None:
        """Release the lock; nothing happens if another rollout holds it."""
        with suppress(ConditionFailedError):
            self._table.delete(_key(endpoint), "holder = :me", {":me": str(rollout_id)})


def _key(endpoint: str) -> dict[str, str]:
    return {"pk": f"ENDPOINT#{endpoint}", "sk": "LOCK"}
