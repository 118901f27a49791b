"""The envelope of an event, and the validation of PutEvents entries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

MAX_ENTRIES = 10
MAX_TOTAL_BYTES = 1024 * 1024

Event = dict[str, Any]


class EntryError(ValueError):
    """One entry of PutEvents is refused while the others go ahead; ``code`` is the entry's ErrorCode."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def envelope(
    *,
    event_id: str,
    time: datetime,
    account: str,
    region: str,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    resources: Sequence[str] = (),
) -> Event:
    """The event exactly as a target receives it; ``time`` is cut to whole seconds, as EventBridge does."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": list(resources),
        "detail": dict(detail),
    }


def entry_detail(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The detail of a PutEvents entry; raises EntryError with the reason for which EventBridge refuses the entry."""
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            reason = f"{member} is a required argument."
            raise EntryError("InvalidArgument", f"Parameter {member} is not valid. Reason: {reason}")
    if entry["Source"].startswith("aws."):
        raise EntryError("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = json.loads(entry["Detail"])
    except json.JSONDecodeError as error:
        raise EntryError("MalformedDetail", "Detail is malformed.") from error
    if not isinstance(detail, dict):
        raise EntryError("MalformedDetail", "Detail is malformed.")
    return detail


def entry_bytes(entry: Mapping[str, Any]) -> int:
    """The size EventBridge counts for one entry: 14 bytes for a time, and its texts in UTF-8."""
    texts = [entry.get("Source", ""), entry.get("DetailType", ""), entry.get("Detail", "")]
    texts += entry.get("Resources", [])
    return (14 if "Time" in entry else 0) + sum(len(text.encode()) for text in texts)
