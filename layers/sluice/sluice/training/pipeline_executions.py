"""SageMaker pipelines: starting a run's execution once, and asking how it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sluice.aws.paging import pages
from sluice.errors import AwsRefusedError, RetryableError


class Pipelines:
    """What Sluice asks of SageMaker Pipelines."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def start(self, pipeline: str, run: str, token: str, parameters: Mapping[str, str]) -> str:
        """Start an execution called ``run`` and return its ARN; the same token starts it once.

        Raises:
            RetryableError: too many executions are running (20 per account by default), or AWS asks for patience.
        """
        try:
            started = self._client.start_pipeline_execution(
                PipelineName=pipeline,
                PipelineExecutionDisplayName=run,
                PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
                ClientRequestToken=token,
            )
        except AwsRefusedError as error:
            if error.code == "ResourceLimitExceeded":
                raise RetryableError(str(error)) from error
            raise
        arn: str = started["PipelineExecutionArn"]
        return arn

    def find(self, pipeline: str, run: str, since: datetime) -> str | None:
        """The ARN of the execution called ``run`` that was started after ``since``, None if there is none.

        For a start that may have been answered into the void: how long AWS knows a token is not documented.
        """
        for page in pages(self._client.list_pipeline_executions, PipelineName=pipeline, CreatedAfter=since):
            for found in page["PipelineExecutionSummaries"]:
                if found.get("PipelineExecutionDisplayName") == run:
                    return str(found["PipelineExecutionArn"])
        return None

    def look(self, execution: str) -> tuple[str, str]:
        """Status and display name; one whose pipeline was deleted is Stopped and has no name any more."""
        try:
            found = self._client.describe_pipeline_execution(PipelineExecutionArn=execution)
        except AwsRefusedError as error:
            if error.code == "ResourceNotFound":
                return "Stopped", ""
            raise
        return str(found["PipelineExecutionStatus"]), str(found.get("PipelineExecutionDisplayName", ""))
