"""SageMaker transform jobs, which score files without an endpoint. Every write is idempotent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluice.aws.model_environment import environment_of_model
from sluice.errors import AwsRefusedError, PermanentError, RetryableError

ENDS = ("Completed", "Failed", "Stopped")
_ENVIRONMENT_MAX = 16  # entries, of a transform job (CreateTransformJob reference)
_MISSING = ("ValidationException", "ResourceNotFound")


class TransformRefusedError(PermanentError):
    """SageMaker refuses this job permanently, e.g. because its model was deleted."""


class NoCapacityError(RetryableError):
    """The account's instance quota is exhausted (transient): there is capacity once another job has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformJob:
    """A transform job as DescribeTransformJob returns it."""

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
    def has_failed_by_itself(self) -> bool:
        """Whether its container or its input made it fail; not AWS, and nobody who stopped it.

        The texts are not documented: seen are AlgorithmError and ClientError of the former, CapacityError and
        InternalServerError of the latter.
        """
        return self.status == "Failed" and self.reason.startswith(("AlgorithmError", "ClientError"))

    @property
    def seconds(self) -> float | None:
        """Time from the job's start to its end; None while it has not ended, or if it never started."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


class Transforms:
    """What Sluice asks of SageMaker's transform jobs."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def create(self, request: Mapping[str, Any]) -> bool:
        """Create the job of a CreateTransformJob request; False if one of this name exists.

        Raises:
            TransformRefusedError: SageMaker would refuse it again.
            NoCapacityError: the instance quota is exhausted now.
            RetryableError: AWS is busy.
        """
        try:
            self._client.create_transform_job(**self._with_whole_environment(request))
        except AwsRefusedError as error:
            if error.code == "ResourceInUse":
                return False
            if error.code == "ResourceLimitExceeded":
                raise NoCapacityError(str(error)) from error
            if error.code in _MISSING:
                raise TransformRefusedError(str(error)) from error
            raise
        return True

    def _with_whole_environment(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The request with its environment in that of its model: whether SageMaker merges them is not documented.

        Without one if a job cannot have so much, or the model's package is gone: its container then has the model's
        own, as it was made, and not less.
        """
        if not request.get("Environment"):
            return dict(request)
        own = environment_of_model(self._client, request["ModelName"])
        whole = {**(own or {}), **request["Environment"]}
        if own is None or len(whole) > _ENVIRONMENT_MAX:
            return {key: value for key, value in request.items() if key != "Environment"}
        return {**request, "Environment": whole}

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
        """Stop the job; nothing happens if it has ended or does not exist."""
        try:
            self._client.stop_transform_job(TransformJobName=name)
        except AwsRefusedError as error:
            if error.code not in _MISSING:
                raise
