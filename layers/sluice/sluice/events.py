"""The events that Sluice receives, parsed leniently where AWS is inconsistent.

Events of source ``sluice`` are hints: whoever may put events on the bus can send one. Who acts on one reads first, from
AWS or the table, whether it is so. Sources that begin with ``aws.`` are AWS's alone: PutEvents refuses them to all
others (NotAuthorizedForSourceException).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from sluice.bounded_json import parse_moment

PIPELINE_ENDS = ("Succeeded", "Failed", "Stopped", "CompletedWithFailures")
DEAD_STATUSES = ("FAILED", "TIMED_OUT", "ABORTED")
"""Of executions of a state machine that ended without what they were for."""

_OUR_SOURCE = "sluice"


def is_hint(event: Mapping[str, Any]) -> bool:
    """Whether an event is only a hint, as anybody may have sent it: a replay by the sweep, or a person's request."""
    return event.get("source") == _OUR_SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChanged:
    """A SageMaker Model Package State Change."""

    arn: str
    approval: str
    changed: tuple[str, ...] | None  # UpdatedModelPackageFields; None where the event has none
    at: str = ""  # when the package was changed, according to the event
    is_hint: bool = False

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        detail = event["detail"]
        fields = detail.get("UpdatedModelPackageFields")
        return cls(
            arn=detail["ModelPackageArn"],
            approval=detail.get("ModelApprovalStatus", ""),
            changed=None if fields is None else tuple(fields),
            at=str(detail.get("LastModifiedTime") or detail.get("CreationTime") or ""),
            is_hint=is_hint(event),
        )

    @property
    def may_be_approval(self) -> bool:
        """Whether a rollout may have to be opened: the version was approved, or one approved before is complete.

        Our own annotations of an approved version emit the event, too.
        """
        return self.approval == "Approved" and (self._may_name_the_approval or self._names_the_status)

    @property
    def may_end_approval(self) -> bool:
        """Whether it may be a rejection, perhaps of the version that serves, or a version put back to Pending."""
        return self.approval in ("Rejected", "PendingManualApproval") and self._may_name_the_approval

    @property
    def may_wait(self) -> bool:
        """Whether the version may now wait for a person's approval."""
        return self.approval == "PendingManualApproval" and (self._may_name_the_approval or self._names_the_status)

    @property
    def begins_first_wait(self) -> bool:
        """Whether a wait for approval that it announces began with the registration, not with a later change.

        A hint does: the time of another wait would be the sender's own, and each time is announced once.
        """
        return self.is_hint or self.changed is None or not self._may_name_the_approval

    @property
    def names_the_approval(self) -> bool:
        """Whether the event says that the approval is what changed; one without the fields that changed does not."""
        return "ModelApprovalStatus" in (self.changed or ())

    @property
    def time(self) -> datetime | None:
        """``at``; None if the event has no time, or one of an unknown form.

        It is ISO 8601 in the example of SageMaker's guide; in those of its other events it is milliseconds since 1970,
        as a number or as a text.
        """
        try:
            milliseconds = float(self.at) if self.at.replace(".", "", 1).isdecimal() else None
            if milliseconds is not None:
                return datetime.fromtimestamp(milliseconds / 1000, UTC)
            found = datetime.fromisoformat(self.at)
        except (ValueError, OverflowError, OSError):
            return None
        return found if found.tzinfo else None

    @property
    def _may_name_the_approval(self) -> bool:
        return self.changed is None or self.names_the_approval

    @property
    def _names_the_status(self) -> bool:
        """AWS does not say whether the end of a registration names its field, as changes by people do."""
        return self.changed is not None and "ModelPackageStatus" in self.changed


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmStateChanged:
    """A CloudWatch Alarm State Change."""

    name: str
    state: str
    reason: str
    because_of: tuple[str, ...] = ()  # for a composite alarm: names of the alarms that changed its state

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        detail = event["detail"]
        state = detail["state"]
        return cls(
            name=detail["alarmName"],
            state=state["value"],
            reason=state.get("reason", ""),
            because_of=_triggering_alarms(state.get("reasonData", "")),
        )


def _triggering_alarms(reason_data: str) -> tuple[str, ...]:
    """Names from a composite alarm's reason; none where there is no such reason, as after SetAlarmState."""
    try:
        triggers = json.loads(reason_data)["triggeringAlarms"]
        return tuple(str(each["arn"]).split(":alarm:", 1)[1] for each in triggers)
    except (ValueError, KeyError, TypeError, IndexError):
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEnded:
    """A Step Functions Execution Status Change of the rollout machine."""

    name: str
    status: str
    error: str
    cause: str
    is_replayed: bool = False  # by the sweep

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        detail = event["detail"]
        return cls(
            name=detail["name"],
            status=detail["status"],
            error=detail.get("error") or "",
            cause=detail.get("cause") or "",
            is_replayed=event.get("source") == "sluice",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCreated:
    """An S3 Object Created event. EventBridge does not URL-encode the key."""

    bucket: str
    key: str
    size: int
    version_id: str
    etag: str
    sequencer: str
    at: datetime | None = None

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        found = event["detail"]["object"]
        return cls(
            bucket=event["detail"]["bucket"]["name"],
            key=found["key"],
            size=int(found.get("size", 0)),
            version_id=found.get("version-id", ""),
            etag=found.get("etag", ""),
            sequencer=found.get("sequencer", ""),
            at=parse_moment(event["time"]) if "time" in event else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequested:
    """A person or a schedule requests a run. The request id is its idempotency token."""

    KIND: ClassVar = "TrainRequested"

    model: str
    request: str
    parameters: Mapping[str, str]
    is_again: bool  # run even if the same data and parameters have been run before

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        detail = event["detail"]
        return cls(
            model=detail["model"],
            request=detail["request"],
            parameters={str(name): str(value) for name, value in detail.get("parameters", {}).items()},
            is_again=bool(detail.get("again", False)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineStatusChanged:
    """A status change of a pipeline execution, or of one of its steps."""

    execution: str
    pipeline: str  # name of the execution's own: what else an event names, its sender may have chosen
    display_name: str
    status: str  # of the execution; empty in a step's event
    is_hint: bool = False

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        detail = event["detail"]
        return cls(
            execution=detail["pipelineExecutionArn"],
            pipeline=detail["pipelineExecutionArn"].rpartition("/execution/")[0].rpartition("/")[2],
            display_name=detail.get("pipelineExecutionDisplayName", ""),
            status=detail.get("currentPipelineExecutionStatus", ""),
            is_hint=is_hint(event),
        )

    @property
    def has_ended(self) -> bool:
        return self.status in PIPELINE_ENDS


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortRequested:
    """A person aborted a rollout, which is already fenced. Our own event."""

    rollout: str

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        return cls(rollout=event["detail"]["rollout"])
