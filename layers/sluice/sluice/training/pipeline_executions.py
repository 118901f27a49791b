"""Starts executions of SageMaker pipelines, each once, and reads how they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.clients import code, understood
from sluice.errors import RetryableError


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
        except ClientError as error:
            if code(error) == "ResourceLimitExceeded":
                raise RetryableError(str(error)) from error
            raise understood(error) from error
        arn: str = started["PipelineExecutionArn"]
        return arn

    def find(self, pipeline: str, run: str, since: datetime) -> str | None:
        """The ARN of the execution called ``run`` that was started after ``since``; None if there is none.

        For a start whose answer may have been lost: for how long AWS knows a token is not documented.
        """
        more: dict[str, str] = {}
        while True:
            page = self._ask("list_pipeline_executions", PipelineName=pipeline, CreatedAfter=since, **more)
            for found in page["PipelineExecutionSummaries"]:
                if found.get("PipelineExecutionDisplayName") == run:
                    return str(found["PipelineExecutionArn"])
            if not page.get("NextToken"):
                return None
            more = {"NextToken": page["NextToken"]}

    def status_and_name(self, execution: str) -> tuple[str, str]:
        """Status and display name; an execution whose pipeline was deleted is Stopped and has no name any more."""
        try:
            found = self._client.describe_pipeline_execution(PipelineExecutionArn=execution)
        except ClientError as error:
            if code(error) == "ResourceNotFound":
                return "Stopped", ""
            raise understood(error) from error
        return str(found["PipelineExecutionStatus"]), str(found.get("PipelineExecutionDisplayName", ""))

    def _ask(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._client, operation)(**request)
        except ClientError as error:
            raise understood(error) from error
