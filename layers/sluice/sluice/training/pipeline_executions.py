"""Starts executions of SageMaker pipelines, each once, and reads how they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sluice.aws.paging import pages
from sluice.errors import AwsRefusedError, RetryableError


class PipelineExecutions:
    """What Sluice asks of SageMaker Pipelines."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def start(self, pipeline: str, run: str, token: str, parameters: Mapping[str, str]) -> str:
        """Start an execution called ``run`` and return its ARN. Idempotent: the same token starts it once.

        Raises:
            RetryableError: too many executions are running (20 per account by default), or AWS throttles the call.
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

    def definition(self, pipeline: str) -> Mapping[str, Any]:
        """The pipeline's definition as it is now.

        Raises:
            AwsRefusedError: there is no such pipeline (ResourceNotFound).
        """
        found = self._client.describe_pipeline(PipelineName=pipeline)
        parsed: Mapping[str, Any] = json.loads(found["PipelineDefinition"])
        return parsed

    def find(self, pipeline: str, run: str, since: datetime) -> str | None:
        """The ARN of the execution called ``run`` that was started after ``since``; None if there is none.

        For a start whose answer may have been lost: for how long AWS knows a token is not documented.
        """
        for page in pages(self._client.list_pipeline_executions, PipelineName=pipeline, CreatedAfter=since):
            for found in page["PipelineExecutionSummaries"]:
                if found.get("PipelineExecutionDisplayName") == run:
                    return str(found["PipelineExecutionArn"])
        return None

    def status_and_name(self, execution: str) -> tuple[str, str]:
        """Status and display name; an execution whose pipeline was deleted is Stopped and has no name any more."""
        try:
            found = self._client.describe_pipeline_execution(PipelineExecutionArn=execution)
        except AwsRefusedError as error:
            if error.code == "ResourceNotFound":
                return "Stopped", ""
            raise
        return str(found["PipelineExecutionStatus"]), str(found.get("PipelineExecutionDisplayName", ""))
