"""A stack with its resources, outputs and events, as far as it has come."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

STACK_TYPE = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A resource that exists: what ``Ref`` gives, and what ``Fn::GetAtt`` gives by attribute name."""

    physical_id: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedResource:
    """A resource of a stack, and how long making it took."""

    logical_id: str
    type: str
    physical_id: str
    attributes: Mapping[str, str]
    properties: Mapping[str, Any]  # evaluated: no intrinsic function is left
    created_at: datetime
    duration_seconds: float
    dependencies: frozenset[str] = frozenset()  # logical ids that it refers to
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"  # the template's UpdateReplacePolicy
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An output of a stack; ``export`` is the name other stacks would import it by."""

    value: str
    description: str = ""
    export: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackEvent:
    """What happened to a resource, or to the stack itself, at a time that no other event of the stack has."""

    event_id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a caller hands in to have a stack made or changed."""

    text: str  # of the template, as it was written
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Stack:
    """A stack as far as it has come; ``status`` is CloudFormation's own word for it."""

    name: str
    arn: str
    created_at: datetime
    submission: Submission = field(default_factory=lambda: Submission(text=""))
    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    template: Mapping[str, Any] = field(default_factory=dict)  # with what transforms made of it
    change_set_id: str | None = None
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    status: str = "REVIEW_IN_PROGRESS"
    status_reason: str = ""
    keeps_what_failed: bool = False  # the caller disabled the rollback
    is_protected: bool = False  # against being deleted
    resources: dict[str, DeployedResource] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    events: list[StackEvent] = field(default_factory=list)
    last_events: dict[str, StackEvent] = field(default_factory=dict)  # of each resource, by logical id
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def output(self, name: str) -> str:
        """The value of one output; KeyError if the stack has no such output."""
        return self.outputs[name].value

    def physical_id(self, logical_id: str) -> str:
        """What ``Ref`` of the resource gives; KeyError if the stack has no such resource."""
        return self.resources[logical_id].physical_id

    def become(self, status: str, at: datetime, reason: str = "") -> None:
        """Take a status. The event comes last: who has seen it finds everything else as it says."""
        self.status, self.status_reason = status, reason
        self._append(StackEvent(
            event_id=str(uuid.uuid4()), logical_id=self.name, physical_id=self.arn, type=STACK_TYPE, status=status,
            reason=reason, at=at,
        ))  # fmt: skip

    def tell(self, logical_id: str, kind: str, status: str, at: datetime, *, physical_id: str, reason: str) -> None:
        """Record what happened to one resource."""
        self._append(StackEvent(
            event_id=f"{logical_id}-{uuid.uuid4()}", logical_id=logical_id, physical_id=physical_id, type=kind,
            status=status, reason=reason, at=at,
        ))  # fmt: skip

    def _append(self, event: StackEvent) -> None:
        """Clients read on from the time of the last event they have seen, so each has a later one."""
        with self._lock:
            if self.events and event.at <= self.events[-1].at:
                event = replace(event, at=self.events[-1].at + timedelta(microseconds=1))
            self.events.append(event)
            if event.type != STACK_TYPE:
                self.last_events[event.logical_id] = event
