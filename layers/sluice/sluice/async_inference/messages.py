"""The messages of the queue of asynchronous results: SageMaker's notifications, and our own retry messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluice.async_inference.inference import InferenceRequest
from sluice.bounded_json import parse_json, parse_moment

RETRY = "TryAgain"
"""The detail type of a retry message."""

_RESULT = "InferenceResult"

REASON_MAX = 4_000
"""Characters of a failure's reason. With longer ones an item, or a call of PutEvents with ten events, may become too
large, and then nothing else in the batch would be announced either."""

LONGEST_TEXT = 2_000
"""Characters of any other field: more than SageMaker takes or an S3 URI has (1,024 bytes of key)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """SageMaker's notification of how one invocation ended.

    The same inference may be invoked several times; ``received_at`` identifies the invocation.
    """

    id: str
    endpoint: str
    received_at: datetime
    ended_at: datetime
    reason: str | None  # None for a success
    request: InferenceRequest
    output: str  # where the result is; empty for a failure
    content_type: str  # of the result

    def body(self) -> str:
        """The message body that ``parse_message`` reads back, in SageMaker's form."""
        given = {
            "endpointName": self.endpoint,
            "inputLocation": self.request.input,
            "contentType": self.request.content_type,
            "accept": self.request.accept,
            "customAttributes": self.request.custom_attributes,
        }
        content: dict[str, Any] = {
            "eventName": _RESULT,
            "invocationStatus": "Completed" if self.reason is None else "Failed",
            "inferenceId": self.id,
            "receivedTime": self.received_at.isoformat(),
            "eventTime": self.ended_at.isoformat(),
            "requestParameters": {name: value for name, value in given.items() if value},
        }
        if self.reason is None:
            content["responseParameters"] = {"outputLocation": self.output, "contentType": self.content_type}
        else:
            content["failureReason"] = self.reason
        return json.dumps(content)


@dataclass(frozen=True, slots=True)
class RetryMessage:
    """A failed request is to be submitted once more, as this attempt. Once that has been submitted it has no effect."""

    id: str
    attempt: int

    def body(self) -> str:
        detail = {"inference_id": self.id, "attempt": self.attempt}
        return json.dumps({"source": "sluice", "detail-type": RETRY, "detail": detail})


Message = Notification | RetryMessage


def parse_message(body: str) -> Message | None:
    """The message in ``body``; None for a TestNotification, which every change of an endpoint sends.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is not such a message, or is incomplete. The error quotes
            nothing of its content, as errors are logged.
    """
    content = parse_json(body)
    if content.get("detail-type") == RETRY:
        return RetryMessage(_text(content["detail"], "inference_id"), int(content["detail"]["attempt"]))
    if content.get("eventName") == "TestNotification":
        return None
    if content.get("eventName") != _RESULT:
        raise ValueError("eventName is neither InferenceResult nor TestNotification")
    return _parse_notification(content)


def _parse_notification(content: Mapping[str, Any]) -> Notification:
    status = content["invocationStatus"]
    if status not in ("Completed", "Failed"):
        raise ValueError("invocationStatus is neither Completed nor Failed")
    request = content["requestParameters"]
    response = content.get("responseParameters") or {}
    ended_at = _parse_time(content["eventTime"])
    output = _text(response, "outputLocation") if status == "Completed" else ""
    if status == "Completed" and not output:
        raise ValueError("outputLocation is empty")
    return Notification(
        id=_inference_id(content, output),
        endpoint=_text(request, "endpointName"),
        received_at=_parse_time(content["receivedTime"]) if content.get("receivedTime") else ended_at,
        ended_at=ended_at,
        reason=None if status == "Completed" else str(content.get("failureReason") or "no reason given")[:REASON_MAX],
        request=InferenceRequest(
            input=_text(request, "inputLocation"),
            content_type=_text(request, "contentType"),
            accept=_text(request, "accept"),
            custom_attributes=_text(request, "customAttributes"),
        ),
        output=output,
        content_type=_text(response, "contentType"),
    )


def _inference_id(content: Mapping[str, Any], output: str) -> str:
    """The caller's id, or the one SageMaker made for a caller who gave none, which also names the output."""
    found = _text(content, "inferenceId") or output.rpartition("/")[2].removesuffix(".out")
    if not found:
        raise ValueError("the notification names no inference")
    return found


def _text(content: Mapping[str, Any], name: str) -> str:
    """A text that a table can keep; empty where there is none."""
    found = str(content.get(name) or "")
    if len(found) > LONGEST_TEXT:
        raise ValueError(f"{name} has more than {LONGEST_TEXT:,} characters")
    return found


def _parse_time(text: str) -> datetime:
    """A time to the millisecond, as it is stored; raises ValueError for anything else."""
    aware = parse_moment(text)
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)
