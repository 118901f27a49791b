"""What people were told of a decision that led to no rollout.

APPROVAL#<arn>     <time>                         why an approval was ignored
APPROVAL#<arn>     NO_WAY_BACK                    when people were told that a rejected version serves on
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable

_CENTURY = "2"  # DynamoDB refuses an empty prefix of a sort key; all that are times begin like this


class ApprovalNotes:
    """Every write is idempotent."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def record_ignored_approval(self, package_arn: str, at: datetime, reason: str) -> None:
        """Store why an approval could not be rolled out."""
        self._table.put_new({**_approval_key(package_arn, at), "reason": reason})

    def is_ignored_approval(self, package_arn: str, since: datetime | None = None) -> bool:
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


def _no_way_back_key(package_arn: str) -> dict[str, str]:
    return {"pk": f"APPROVAL#{package_arn}", "sk": "NO_WAY_BACK"}


def _approval_key(package_arn: str, at: datetime) -> dict[str, str]:
    return {"pk": f"APPROVAL#{package_arn}", "sk": at.isoformat()}
