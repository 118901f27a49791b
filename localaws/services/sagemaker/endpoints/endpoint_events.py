"""Publishes the events of endpoints and of their deployments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.context import Context
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint
from localaws.services.sagemaker.endpoint_state.view import deployment_detail, event_detail


class EndpointEvents:
    """Emits the two kinds of events; nobody listens any more when the local AWS is stopping."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def state(self, endpoint: Endpoint) -> None:
        """The endpoint has reached its status."""
        if not self._context.stopping.is_set():
            self._put("SageMaker Endpoint State Change", endpoint, event_detail(endpoint, self._tags(endpoint)))

    def deployment(self, endpoint: Endpoint) -> None:
        """A variant has reached another phase of a deployment or of a change of capacity."""
        if not self._context.stopping.is_set():
            detail = deployment_detail(endpoint, self._tags(endpoint))
            self._put("SageMaker Endpoint Deployment State Change", endpoint, detail)

    def _tags(self, endpoint: Endpoint) -> dict[str, str]:
        tags = self._context.client("sagemaker", None).list_tags(ResourceArn=endpoint.arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in tags}

    def _put(self, detail_type: str, endpoint: Endpoint, detail: Mapping[str, Any]) -> None:
        self._context.bus.put(source="aws.sagemaker", detail_type=detail_type, detail=detail, resources=[endpoint.arn])
