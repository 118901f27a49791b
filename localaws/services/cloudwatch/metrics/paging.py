"""Times and pages as CloudWatch's operations take and give them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from localaws.service_api import AwsError

Item = TypeVar("Item")


def epoch(at: datetime) -> float:
    """Epoch seconds; a time without a zone is UTC."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def page(items: Sequence[Item], token: str | None, size: int) -> tuple[Sequence[Item], dict[str, str]]:
    """One page and ``{"NextToken": …}``, which is empty on the last page. AwsError InvalidNextToken."""
    begin = offset(token)
    end = begin + size
    return items[begin:end], ({"NextToken": str(end)} if end < len(items) else {})


def offset(token: str | None) -> int:
    """Where a page begins. AwsError InvalidNextToken for what no page gave out."""
    if token and not token.isdecimal():
        raise AwsError("InvalidNextToken", "Invalid NextToken")
    return int(token or 0)
