"""Asynchronous endpoints: InvokeEndpointAsync, and the AsyncInferenceConfig of their endpoint configs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.async_inference.inference import AsyncInference
from sluice.async_inference.transitions import AcceptedInvocation
from sluice.errors import AwsRefusedError, PermanentError
from sluice.spec.serving import AsyncServing


class InvocationRefusedError(PermanentError):
    """SageMaker refuses this request, and would refuse it later, too: the failure is permanent."""


class AsyncRuntime:
    """InvokeEndpointAsync."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def invoke(self, inference: AsyncInference, serving: AsyncServing) -> AcceptedInvocation:
        """Put a request into its endpoint's queue, under the inference's id; each call is another invocation.

        Raises:
            InvocationRefusedError: the endpoint is not there, or not asynchronous.
            RetryableError: SageMaker cannot accept it now.
        """
        given = {
            "ContentType": inference.request.content_type,
            "Accept": inference.request.accept,
            "CustomAttributes": inference.request.custom_attributes,
        }
        try:
            answer = self._client.invoke_endpoint_async(
                EndpointName=inference.endpoint,
                InputLocation=inference.request.input,
                InferenceId=inference.id,
                RequestTTLSeconds=serving.request_ttl_seconds,
                InvocationTimeoutSeconds=serving.invocation_timeout_seconds,
                **{name: value for name, value in given.items() if value},
            )
        except AwsRefusedError as error:
            if error.is_access_refusal:
                raise  # a role may be new
            raise InvocationRefusedError(f"SageMaker refused it: {error.message} ({error.code})") from error
        return AcceptedInvocation(output=answer.get("OutputLocation", ""), failure=answer.get("FailureLocation", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncPlaces:
    """Where asynchronous endpoints of this stage read, write and send notifications."""

    bucket: str
    success_topic: str
    error_topic: str

    def inputs(self, model: str) -> str:
        """The key prefix of a model's inputs."""
        return f"async/{model}/input/"

    def config(self, model: str, max_concurrent: int) -> Mapping[str, Any]:
        """The AsyncInferenceConfig of a model's endpoint config."""
        return {
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": max_concurrent},
            "OutputConfig": {
                "S3OutputPath": f"s3://{self.bucket}/async/{model}/output",
                "S3FailurePath": f"s3://{self.bucket}/async/{model}/failure",
                "NotificationConfig": {"SuccessTopic": self.success_topic, "ErrorTopic": self.error_topic},
            },
        }
