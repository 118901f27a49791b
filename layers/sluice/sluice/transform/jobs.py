"""SageMaker transform jobs: files through a model, without an endpoint. Every write may be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluice.errors import AwsRefusedError, PermanentError, RetryableError

ENDS = ("Completed", "Failed", "Stopped")
_MISSING = ("ValidationException", "ResourceNotFound")


class TransformRefusedError(PermanentError):
    """SageMaker will never take this job as it is, such as for a model that is gone."""


class NoRoomError(RetryableError):
    """As many instances work as the account may have: there is room once one of them is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformJob:
    """A transform job as DescribeTransformJob tells it."""

    name: str
    status: str  # InProgress | Completed | Failed | Stopping | Stopped
    reason: str  # of a failure, in SageMaker's words; empty otherwise
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    instance_type: str = ""
    instance_count: int = 1

    @property
    def has_ended(self) -> bool:
        return self.status in ENDS

    @property
    def seconds(self) -> float | None:
        """How long it worked; None while it has not ended, or when it never began."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


class Transforms:
    """What Sluice asks of SageMaker's transform jobs."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def create(self, request: Mapping[str, Any]) -> bool:
        """Start the job of a CreateTransformJob request; False if one of this name was started before.

        Raises:
            TransformRefusedError: asking again would not help.
            NoRoomError: there is no room for the job now.
            RetryableError: AWS is busy.
        """
        try:
            self._client.create_transform_job(**request)
        except AwsRefusedError as error:
            if error.code == "ResourceInUse":
                return False
            if error.code == "ResourceLimitExceeded":
                raise NoRoomError(str(error)) from error
            if error.code in _MISSING:
                raise TransformRefusedError(str(error)) from error
            raise
        return True

    def describe(self, name: str) -> TransformJob | None:
        """The job as it is now; None if there is none."""
        try:
            found = self._client.describe_transform_job(TransformJobName=name)
        except AwsRefusedError as error:
            if error.code in _MISSING:
                return None
            raise
        resources = found["TransformResources"]
        return TransformJob(
            name=found["TransformJobName"],
            status=found["TransformJobStatus"],
            reason=found.get("FailureReason", ""),
            created_at=found["CreationTime"],
            started_at=found.get("TransformStartTime"),
            ended_at=found.get("TransformEndTime"),
            instance_type=resources["InstanceType"],
            instance_count=int(resources["InstanceCount"]),
        )

    def stop(self, name: str) -> None:
        """Have the job stop; one that has ended, or that there never was, stays as it is."""
        try:
            self._client.stop_transform_job(TransformJobName=name)
        except AwsRefusedError as error:
            if error.code not in _MISSING:
                raise
