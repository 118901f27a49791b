"""The input and the result of a job's runner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localaws.context import Context
from localaws.services.sagemaker.jobs.cluster import Cluster, ClusterOutcome, Ending
from localaws.services.sagemaker.jobs.job_container import JobContainer, algorithm_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One job to run. ``enter`` announces the next stage, e.g. ``Downloading``; the request was checked."""

    context: Context
    name: str
    arn: str
    request: Mapping[str, Any]
    directory: Path
    cluster: Cluster
    enter: Callable[[str], None]

    @property
    def s3(self) -> Any:
        """S3 under the job's own role."""
        return self.context.client("s3", self.request["RoleArn"])

    def container(self, index: int) -> JobContainer:
        """The container of one instance."""
        host = f"algo-{index + 1}"
        network = self.request.get("NetworkConfig") or self.request  # of a processing job, or of a training job
        return JobContainer(
            context=self.context,
            directory=self.directory / host,
            host=host,
            role_arn=self.request["RoleArn"],
            is_isolated=bool(network.get("EnableNetworkIsolation")),
        )


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended: its status, and further fields of its description."""

    status: str  # "Completed" | "Failed" | "Stopped"
    fields: Mapping[str, Any] = field(default_factory=dict)


def failed(reason: str, **fields: Any) -> JobResult:
    """The result of a job that failed for ``reason``."""
    return JobResult("Failed", {"FailureReason": reason, **fields})


def failure_of(outcome: ClusterOutcome, container: JobContainer, message_file: str) -> str:
    """Why a container failed: what it wrote for SageMaker to show, or else the end of its log."""
    assert outcome.ending is Ending.FAILED
    return algorithm_error(container.read_output(message_file) or container.log_tail(), outcome.exit_code)
