"""Stores what was decided last on each version.

MODEL#<model>      APPROVAL#<version>             the version's approval status, and since when
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.rollout.model.approval_status import ApprovalStatus

_PREFIX = "APPROVAL#"


class ApprovalStatusStore:
    """Stores the last decision on each version. Idempotent: an older one changes nothing."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def get(self, model: str, version: int) -> ApprovalStatus | None:
        """The last decision recorded; None if none is."""
        item = self._table.get(_key(model, version))
        return _parse(item) if item else None

    def all(self, model: str) -> Iterator[tuple[int, ApprovalStatus]]:
        """Each version with its last decision, the newest version first."""
        for item in self._table.query(f"MODEL#{model}", _PREFIX, newest_first=True):
            yield int(item["sk"].removeprefix(_PREFIX)), _parse(item)

    def record(self, model: str, version: int, decision: ApprovalStatus) -> None:
        """Record a decision unless a later one is."""
        at = decision.at.astimezone(UTC).isoformat()
        with suppress(ConditionFailedError):
            self._table.set(
                _key(model, version),
                {"approval": decision.approval, "decided_at": at},
                "attribute_not_exists(decided_at) OR decided_at <= :at",
                {":at": at},
            )


def _key(model: str, version: int) -> dict[str, str]:
    return {"pk": f"MODEL#{model}", "sk": f"{_PREFIX}{version:07d}"}


def _parse(item: Mapping[str, Any]) -> ApprovalStatus:
    return ApprovalStatus(approval=item["approval"], at=datetime.fromisoformat(item["decided_at"]))
