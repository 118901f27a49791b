"""The state of one asynchronous inference: requested, submitted, failed, ready, or parked for a person. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from sluice.stored import known_fields

InferenceStatus = Literal["waiting", "submitted", "ready", "parked"]
"""``waiting``: to be submitted, for the first time or as a retry. ``submitted``: SageMaker has accepted it."""

PENDING = ("waiting", "submitted")

READY_RETENTION = timedelta(days=30)
PARKED_RETENTION = timedelta(days=365)
"""A failure that nobody has looked at for a year expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceRequest:
    """The request to the model, with everything that is needed to submit it again."""

    input: str = ""  # s3://…; empty for a payload that was part of the call itself and is gone
    content_type: str = ""
    accept: str = ""
    custom_attributes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedInvocation:
    """One invocation that failed. ``received_at``, when SageMaker received it, identifies the invocation."""

    received_at: datetime
    ended_at: datetime
    reason: str
    is_transient: bool

    def item(self) -> dict[str, str | bool]:
        return {
            "received_at": to_timestamp(self.received_at),
            "ended_at": to_timestamp(self.ended_at),
            "reason": self.reason,
            "is_passing": self.is_transient,  # the name under which it is stored
        }

    @classmethod
    def parse(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            received_at=_read(item["received_at"]),
            ended_at=_read(item["ended_at"]),
            reason=item["reason"],
            is_transient=item["is_passing"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceResult:
    """The result of the invocation that succeeded; if several did, of the one that ended first."""

    received_at: datetime
    ended_at: datetime
    output: str
    content_type: str
    size_bytes: int | None = None  # None: the object has been deleted
    version: int | None = None  # of the model that served; None: not known

    @property
    def latency_ms(self) -> int:
        """Time from when SageMaker received the request to its end, including the time in the queue."""
        return round((self.ended_at - self.received_at) / timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncInference:
    """One inference, by its id.

    ``revision`` counts the changes until the result arrives. Each change is written only to the revision that it was
    decided on (optimistic locking).

    ``failures`` are the failed invocations since the request was created, or since a person requeued it; ``forgiven``
    are the earlier ones, which do not count against ``max_attempts``.
    """

    id: str
    model: str
    endpoint: str
    status: InferenceStatus
    since: datetime
    request: InferenceRequest
    overdue_at: datetime | None = None  # while pending: when the next notification or message is overdue
    output: str = ""  # where SageMaker announced that it would write
    failure: str = ""
    failures: tuple[FailedInvocation, ...] = ()
    forgiven: tuple[datetime, ...] = ()
    result: InferenceResult | None = None
    reason: str = ""  # of the last failure, or why it was parked
    changed_at: datetime
    revision: int = 0

    @property
    def attempts(self) -> int:
        """Invocations that are known of."""
        return self.failed_attempts + (self.status in ("submitted", "ready"))

    @property
    def failed_attempts(self) -> int:
        return len(self.failures) + len(self.forgiven)

    @property
    def attention(self) -> str | None:
        """Its partition in the index of open inferences: the sweep reads pending ones, a person the parked ones."""
        if self.status == "ready":
            return None
        return attention_key(self.model, self.status)

    def item(self) -> dict[str, str | int]:
        """The item as the table stores it, without empty attributes and without the revision of a ready inference."""
        stored: dict[str, str | int | None] = {
            "model": self.model,
            "endpoint": self.endpoint,
            "status": self.status,
            "since": to_timestamp(self.since),
            # The input even if there is none: release 0.2 cannot read a request without.
            "request": json.dumps(
                {each: value for each, value in asdict(self.request).items() if value or each == "input"}
            ),
            "output": self.output,
            "failure": self.failure,
            "failures": json.dumps([each.item() for each in self.failures]) if self.failures else "",
            "forgiven": json.dumps([to_timestamp(each) for each in self.forgiven]) if self.forgiven else "",
            "result": json.dumps(asdict(self.result), default=to_timestamp) if self.result else "",
            "reason": self.reason,
            "changed_at": to_timestamp(self.changed_at),
            "revision": None if self.status == "ready" else self.revision,
            "attention": self.attention,
            "at": to_timestamp(self.overdue_at or self.changed_at) if self.attention else None,
            "expires": self._expires(),
        }
        return {name: value for name, value in stored.items() if value not in ("", None)}

    def _expires(self) -> int | None:
        """Epoch seconds of the table's time to live; a pending inference does not expire."""
        retention = {"ready": READY_RETENTION, "parked": PARKED_RETENTION}.get(self.status)
        return int((self.changed_at + retention).timestamp()) if retention else None

    @classmethod
    def parse(cls, inference_id: str, item: Mapping[str, Any]) -> Self:
        """The inference that ``item`` wrote."""
        pending = item["status"] in PENDING
        return cls(
            id=inference_id,
            model=item["model"],
            endpoint=item["endpoint"],
            status=item["status"],
            since=_read(item["since"]),
            request=InferenceRequest(**known_fields(InferenceRequest, json.loads(item["request"]))),
            overdue_at=_read(item["at"]) if pending and "at" in item else None,
            output=item.get("output", ""),
            failure=item.get("failure", ""),
            failures=tuple(FailedInvocation.parse(each) for each in json.loads(item.get("failures", "[]"))),
            forgiven=tuple(_read(each) for each in json.loads(item.get("forgiven", "[]"))),
            result=InferenceResult(**known_fields(InferenceResult, _times(json.loads(item["result"]))))
            if "result" in item
            else None,
            reason=item.get("reason", ""),
            changed_at=_read(item["changed_at"]),
            revision=int(item.get("revision", 0)),
        )


def attention_key(model: str, status: str) -> str:
    """The partition of a model's open inferences: pending, or parked."""
    return f"{model}#parked" if status == "parked" else f"{model}#pending"


def to_timestamp(at: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond: sorts by time as text."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _times(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _read(value) if name.endswith("_at") else value for name, value in raw.items()}
