"""SageMaker pipelines: starting an execution once per manifest."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from sluice.aws import code, understood
from sluice.errors import RetryableError


class Pipelines:
    """What Sluice asks of SageMaker Pipelines."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def start(self, pipeline: str, input_data: str, token: str) -> str:
        """Start an execution on a manifest and return its ARN; the same token starts it once.

        Raises:
            RetryableError: too many executions are running (20 per account by default), or AWS asks for patience.
        """
        try:
            started = self._client.start_pipeline_execution(
                PipelineName=pipeline,
                PipelineExecutionDisplayName=f"data-{token[:12]}",
                PipelineParameters=[{"Name": "InputData", "Value": input_data}],
                ClientRequestToken=token,
            )
        except ClientError as error:
            if code(error) == "ResourceLimitExceeded":
                raise RetryableError(str(error)) from error
            raise understood(error) from error
        arn: str = started["PipelineExecutionArn"]
        return arn
