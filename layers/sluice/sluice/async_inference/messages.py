"""What comes through the queue of asynchronous results: SageMaker's notifications, and our own word to try again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sluice.async_inference.inference import Request

TRY_AGAIN = "TryAgain"
_RESULT = "InferenceResult"

REASON_MAX = 4_000
"""Characters of a failure's reason. A notification may be so long that its entry, or a call of PutEvents, cannot hold
ten of them; then nothing else in the batch would be told either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """SageMaker's word on how one invocation ended.

    The same inference may be invoked several times; when SageMaker received it tells one invocation from another.
    """

    id: str
    endpoint: str
    received_at: datetime
    ended_at: datetime
    reason: str | None  # None for a success
    request: Request
    output: str  # where the result is; empty for a failure
    content_type: str  # of the result

    def body(self) -> str:
        """The message that is read back as this notice, in SageMaker's form."""
        given = {
            "endpointName": self.endpoint,
            "inputLocation": self.request.input,
            "contentType": self.request.content_type,
            "accept": self.request.accept,
            "customAttributes": self.request.custom_attributes,
        }
        told: dict[str, Any] = {
            "eventName": _RESULT,
            "invocationStatus": "Completed" if self.reason is None else "Failed",
            "inferenceId": self.id,
            "receivedTime": self.received_at.isoformat(),
            "eventTime": self.ended_at.isoformat(),
            "requestParameters": {name: value for name, value in given.items() if value},
        }
        if self.reason is None:
            told["responseParameters"] = {"outputLocation": self.output, "contentType": self.content_type}
        else:
            told["failureReason"] = self.reason
        return json.dumps(told)


@dataclass(frozen=True, slots=True)
class TryAgain:
    """A failed request is to be invoked once more, as this attempt; later ones make it void."""

    id: str
    attempt: int

    def body(self) -> str:
        detail = {"inference_id": self.id, "attempt": self.attempt}
        return json.dumps({"source": "sluice", "detail-type": TRY_AGAIN, "detail": detail})


Message = Notice | TryAgain


def parse(body: str) -> Message | None:
    """The message in ``body``; None for a TestNotification, which every change of an endpoint sends.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is none of ours, or says too little.
    """
    told = json.loads(body)
    if told.get("detail-type") == TRY_AGAIN:
        return TryAgain(str(told["detail"]["inference_id"]), int(told["detail"]["attempt"]))
    if told.get("eventName") == "TestNotification":
        return None
    if told.get("eventName") != _RESULT:
        raise ValueError(f"neither a result nor a word of ours: {body[:200]}")
    return _notice(told)


def _notice(told: Mapping[str, Any]) -> Notice:
    status = told["invocationStatus"]
    if status not in ("Completed", "Failed"):
        raise ValueError(f"invocationStatus {status!r} is unknown")
    asked = told["requestParameters"]
    answered = told.get("responseParameters") or {}
    ended_at = _moment(told["eventTime"])
    output = str(answered["outputLocation"]) if status == "Completed" else ""
    return Notice(
        id=_id(told, output),
        endpoint=str(asked["endpointName"]),
        received_at=_moment(told["receivedTime"]) if told.get("receivedTime") else ended_at,
        ended_at=ended_at,
        reason=None if status == "Completed" else str(told.get("failureReason") or "no reason given")[:REASON_MAX],
        request=Request(
            input=str(asked.get("inputLocation") or ""),
            content_type=str(asked.get("contentType") or ""),
            accept=str(asked.get("accept") or ""),
            custom_attributes=str(asked.get("customAttributes") or ""),
        ),
        output=output,
        content_type=str(answered.get("contentType") or ""),
    )


def _id(told: Mapping[str, Any], output: str) -> str:
    """The caller's id, or the one SageMaker made for a caller who gave none, which also names the output."""
    found = told.get("inferenceId") or output.rpartition("/")[2].removesuffix(".out")
    if not found:
        raise ValueError("the notification names no inference")
    return str(found)


def _moment(text: str) -> datetime:
    """Raises ValueError for anything but a time; to the millisecond, as entries keep it."""
    found = datetime.fromisoformat(text)
    aware = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)
