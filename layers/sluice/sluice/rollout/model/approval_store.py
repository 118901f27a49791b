"""Stores what was decided last on each version, and what people were told where nothing follows from it.

MODEL#<model>      APPROVAL#<version>             the version's approval status, and since when
APPROVAL#<arn>     <time>                         why an approval was ignored
APPROVAL#<arn>     NO_WAY_BACK                    when people were told that a rejected version serves on
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
_CENTURY = "2"  # DynamoDB refuses an empty prefix of a sort key; all that are times begin like this


class ApprovalStatusStore:
    """Every write is idempotent; a decision that is older than the one recorded changes nothing."""

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

    def record_ignored(self, package_arn: str, at: datetime, reason: str) -> None:
        """Store why an approval could not be rolled out."""
        self._table.put_new({**_ignored_key(package_arn, at), "reason": reason})

    def is_ignored(self, package_arn: str, since: datetime | None = None) -> bool:
        """Whether it is stored that an approval of the version, at ``since`` or later, could not be rolled out."""
        found = self._table.query(f"APPROVAL#{package_arn}", _CENTURY, newest_first=True, page_items=1)
        newest = next((datetime.fromisoformat(item["sk"]) for item in found), None)
        return newest is not None and (since is None or newest >= since)

    def note_no_way_back(self, package_arn: str, now: datetime) -> None:
        """Store that people were told that a rejected version serves on."""
        at = now.isoformat()
        with suppress(ConditionFailedError):  # it says so already
            self._table.set(
                _no_way_back_key(package_arn),
                {"told_at": at},
                "attribute_not_exists(told_at) OR told_at <> :at",
                {":at": at},
            )

    def no_way_back_told_at(self, package_arn: str) -> datetime | None:
        """When people were told last that a rejected version serves on; None if they were not."""
        item = self._table.get(_no_way_back_key(package_arn))
        return datetime.fromisoformat(item["told_at"]) if item else None


def _key(model: str, version: int) -> dict[str, str]:
    return {"pk": f"MODEL#{model}", "sk": f"{_PREFIX}{version:07d}"}


def _parse(item: Mapping[str, Any]) -> ApprovalStatus:
    return ApprovalStatus(approval=item["approval"], at=datetime.fromisoformat(item["decided_at"]))


def _no_way_back_key(package_arn: str) -> dict[str, str]:
    return {"pk": f"APPROVAL#{package_arn}", "sk": "NO_WAY_BACK"}


def _ignored_key(package_arn: str, at: datetime) -> dict[str, str]:
    return {"pk": f"APPROVAL#{package_arn}", "sk": at.isoformat()}
