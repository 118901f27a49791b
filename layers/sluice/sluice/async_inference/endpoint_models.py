"""Looks up an endpoint's model, its settings and the version in service, once for each batch of messages."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sluice.async_inference.transitions import NO_RETRIES
from sluice.errors import PermanentError
from sluice.spec.model import ModelSpec
from sluice.spec.serving import AsyncServing

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts


class ForeignEndpointError(PermanentError):
    """The endpoint belongs to no model of this stage."""


class EndpointModels:
    """A cache of models and endpoints that lives as long as one batch."""

    def __init__(self, ports: AsyncInferencePorts) -> None:
        self._ports = ports
        self.model_of = cache(self._model_of)
        self.version_in_service = cache(self._version_in_service)
        self._spec = cache(self._read_spec)

    def serving_settings(self, model: str) -> AsyncServing:
        """The model's settings of retries and timeouts; without a valid spec its requests are not retried."""
        spec = self._spec(model)
        return spec.endpoint.async_ if spec else NO_RETRIES

    def _model_of(self, endpoint: str) -> str:
        """The model of an endpoint, whose name may end with a suffix; raises ForeignEndpointError."""
        names = self._ports.names
        found = names.model_of(endpoint)
        if found and self._spec(found):
            return found
        shorter = names.model_of(endpoint.rpartition("-")[0])
        spec = self._spec(shorter) if shorter else None
        if shorter and spec and names.endpoint(shorter, spec.endpoint.suffix) == endpoint:
            return shorter
        if found is None:
            raise ForeignEndpointError(f"endpoint {endpoint} belongs to no model of stage {names.stage}")
        return found

    def _version_in_service(self, endpoint: str) -> int | None:
        """The version in service now; None while two serve, or if the endpoint is not ours."""
        state = self._ports.hosting.describe(endpoint)
        served = self._ports.names.version_served
        versions = {served(each.name, each.model) for each in state.variants} if state else set()
        return versions.pop() if len(versions) == 1 else None

    def _read_spec(self, model: str) -> ModelSpec | None:
        try:
            return self._ports.specs.get(model)
        except (PermanentError, ValueError) as error:
            self._ports.telemetry.error("no valid spec", model=model, error=type(error).__name__)
            return None
