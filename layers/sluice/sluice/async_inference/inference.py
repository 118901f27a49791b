"""What is known of one asynchronous inference: asked for, tried, failed, ready, or parked for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

Status = Literal["waiting", "submitted", "ready", "parked"]
"""``waiting``: to be invoked, for the first time or again. ``submitted``: SageMaker has it."""

PENDING = ("waiting", "submitted")

READY_KEPT = timedelta(days=30)
PARKED_KEPT = timedelta(days=365)
"""A failure that nobody has looked at in a year is not looked at any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the model is asked, and how: all that is needed to ask again."""

    input: str  # s3://…; empty for a payload that came in the call itself and is gone
    content_type: str = ""
    accept: str = ""
    custom_attributes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One invocation that failed, told from others by when SageMaker received it."""

    received_at: datetime
    ended_at: datetime
    reason: str
    is_passing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of the invocation that succeeded; of several, of the one that ended first."""

    received_at: datetime
    ended_at: datetime
    output: str
    content_type: str
    size_bytes: int | None = None  # None: it is not there any more
    version: int | None = None  # of the model that served; None: not known

    @property
    def latency_ms(self) -> int:
        """From when SageMaker received the request to its end, waiting included."""
        return round((self.ended_at - self.received_at) / timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One inference, by its id. ``revision`` counts changes until the result is there: each is made only to the
    revision that it was decided on.

    ``failures`` are those since the request was sent, or sent again by a person; ``forgiven`` are the earlier ones.
    """

    id: str
    model: str
    endpoint: str
    status: Status
    since: datetime
    request: Request
    look_at: datetime | None = None  # while pending: when something must have been heard
    output: str = ""  # where SageMaker said it would write
    failure: str = ""
    failures: tuple[Failure, ...] = ()
    forgiven: tuple[datetime, ...] = ()
    result: Result | None = None
    reason: str = ""  # why it failed last, or was parked
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
        """The key under which what is not over is found: pending by the sweep, parked by a person."""
        if self.status == "ready":
            return None
        return attention(self.model, self.status)

    def item(self) -> dict[str, str | int]:
        """As the table keeps it; absent is what is empty, and the revision of what no longer changes by revisions."""
        kept: dict[str, str | int | None] = {
            "model": self.model,
            "endpoint": self.endpoint,
            "status": self.status,
            "since": moment(self.since),
            "request": json.dumps({name: value for name, value in asdict(self.request).items() if value}),
            "output": self.output,
            "failure": self.failure,
            "failures": json.dumps([asdict(each) for each in self.failures], default=moment) if self.failures else "",
            "forgiven": json.dumps([moment(each) for each in self.forgiven]) if self.forgiven else "",
            "result": json.dumps(asdict(self.result), default=moment) if self.result else "",
            "reason": self.reason,
            "changed_at": moment(self.changed_at),
            "revision": None if self.status == "ready" else self.revision,
            "attention": self.attention,
            "at": moment(self.look_at or self.changed_at) if self.attention else None,
            "expires": self._expires(),
        }
        return {name: value for name, value in kept.items() if value not in ("", None)}

    def _expires(self) -> int | None:
        """What is still pending is kept until it is not."""
        kept = {"ready": READY_KEPT, "parked": PARKED_KEPT}.get(self.status)
        return int((self.changed_at + kept).timestamp()) if kept else None

    @classmethod
    def parse(cls, inference_id: str, item: Mapping[str, Any]) -> Self:
        pending = item["status"] in PENDING
        return cls(
            id=inference_id,
            model=item["model"],
            endpoint=item["endpoint"],
            status=item["status"],
            since=_read(item["since"]),
            request=Request(**json.loads(item["request"])),
            look_at=_read(item["at"]) if pending and "at" in item else None,
            output=item.get("output", ""),
            failure=item.get("failure", ""),
            failures=tuple(Failure(**_times(each)) for each in json.loads(item.get("failures", "[]"))),
            forgiven=tuple(_read(each) for each in json.loads(item.get("forgiven", "[]"))),
            result=Result(**_times(json.loads(item["result"]))) if "result" in item else None,
            reason=item.get("reason", ""),
            changed_at=_read(item["changed_at"]),
            revision=int(item.get("revision", 0)),
        )


def attention(model: str, status: str) -> str:
    """The partition of a model's entries that are not over."""
    return f"{model}#parked" if status == "parked" else f"{model}#pending"


def moment(at: datetime) -> str:
    """Text that sorts by time."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _times(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _read(value) if name.endswith("_at") else value for name, value in raw.items()}
