"""Whose an asynchronous endpoint is, how its requests are treated, and what serves: looked up once for a batch."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from sluice.async_inference.transitions import PARKED_AT_ONCE
from sluice.errors import PermanentError
from sluice.spec.model import ModelSpec
from sluice.spec.serving import AsyncServing

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts

log = logging.getLogger(__name__)


class NotOursError(PermanentError):
    """The endpoint belongs to no model of this stage."""


class Models:
    """What a batch of words needs to know of models and endpoints; forgotten with the batch."""

    def __init__(self, ports: AsyncInferencePorts) -> None:
        self._ports = ports
        self.of = cache(self._of)
        self.version = cache(self._version)
        self._spec = cache(self._read_spec)

    def serving(self, model: str) -> AsyncServing:
        """How the model's requests are treated; those of a model without a valid spec are parked when they fail."""
        spec = self._spec(model)
        return spec.endpoint.async_ if spec else PARKED_AT_ONCE

    def _of(self, endpoint: str) -> str:
        """The model of an endpoint, whose name may end with a suffix; raises NotOursError."""
        names = self._ports.names
        found = names.model_of(endpoint)
        if found and self._spec(found):
            return found
        shorter = names.model_of(endpoint.rpartition("-")[0])
        spec = self._spec(shorter) if shorter else None
        if shorter and spec and names.endpoint(shorter, spec.endpoint.suffix) == endpoint:
            return shorter
        if found is None:
            raise NotOursError(f"endpoint {endpoint} belongs to no model of stage {names.stage}")
        return found

    def _version(self, endpoint: str) -> int | None:
        """The version in service now, as far as the endpoint tells: None while two serve, or if it is not ours."""
        state = self._ports.hosting.describe(endpoint)
        served = self._ports.names.version_served
        versions = {served(each.name, each.model) for each in state.variants} if state else set()
        return versions.pop() if len(versions) == 1 else None

    def _read_spec(self, model: str) -> ModelSpec | None:
        try:
            return self._ports.specs.get(model)
        except (PermanentError, ValueError):
            log.exception("%s has no valid spec now", model)
            return None
