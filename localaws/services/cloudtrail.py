"""CloudTrail: LookupEvents over the gateway's record, denied calls included."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localaws.gateway.record import CallLog
from localaws.service_api import Call, Operation, RecordedCall


class CloudTrail:
    """Reads the gateway's record. On AWS, LookupEvents also lags by minutes and knows no data-plane calls."""

    name = "cloudtrail"

    def __init__(self, record: CallLog) -> None:
        self._record = record

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"LookupEvents": self._lookup_events}

    def _lookup_events(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        wanted = {each["AttributeKey"]: each["AttributeValue"] for each in params.get("LookupAttributes", [])}
        since = params.get("StartTime")
        found = [
            _event(call)
            for call in self._record
            if wanted.get("EventName", call.operation) == call.operation
            and (since is None or call.at >= since.timestamp())
        ]
        newest_first = found[::-1][: params.get("MaxResults", 50)]
        return {"Events": newest_first}


def _event(call: RecordedCall) -> dict[str, Any]:
    error = "AccessDenied" if not call.allowed else call.error
    at = datetime.fromtimestamp(call.at, tz=UTC)
    detail = {
        "eventTime": at.isoformat(),
        "eventSource": f"{call.service}.amazonaws.com",
        "eventName": call.operation,
        "userIdentity": {"type": "AssumedRole" if call.role else "IAMUser", "userName": call.role or "developer"},
        "resources": [{"ARN": resource} for resource in call.resources],
        **({"errorCode": error} if error else {}),
    }
    return {
        "EventId": str(uuid.uuid4()),
        "EventName": call.operation,
        "EventTime": at,
        "EventSource": detail["eventSource"],
        "Username": call.role or "developer",
        "CloudTrailEvent": json.dumps(detail),
    }
