"""SageMaker hosting: models, endpoint configs, and endpoints that really serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from localaws.context import Context
from localaws.service_api import Operation
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint
from localaws.services.sagemaker.endpoints.deployer import Deployer
from localaws.services.sagemaker.endpoints.endpoints import Endpoints
from localaws.services.sagemaker.fleets.capture_files import CaptureFiles
from localaws.services.sagemaker.fleets.provisioning import HostingTiming
from localaws.services.sagemaker.fleets.routing import Routing
from localaws.services.sagemaker.models.endpoint_configs import EndpointConfigs
from localaws.services.sagemaker.models.models import Models
from localaws.services.sagemaker.resources.store import RecordStore


class Hosting:
    """The hosting operations of the service ``sagemaker``. Each instance of a variant is a process of its own."""

    name = "sagemaker"

    def __init__(self, context: Context, timing: HostingTiming | None = None) -> None:
        self.context = context
        store: RecordStore[Endpoint] = RecordStore(context, kind="endpoint", arn_type="endpoint")
        self._store = store
        self.timing = timing or HostingTiming()
        self.captures = CaptureFiles(context, self.timing.capture_flush_every_seconds)
        self._deployer = Deployer(context, store, self.timing)
        self.models = Models(context)
        self._configs = EndpointConfigs(context, self.models)
        self._endpoints = Endpoints(
            context, store=store, configs=self._configs, models=self.models, deployer=self._deployer
        )

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {**self.models.operations, **self._configs.operations, **self._endpoints.operations}

    def start(self) -> None:
        """Begin to replace instances that die, to ship the containers' logs and what is captured."""
        self._deployer.start()
        self.context.background("data-capture", self.captures.run)

    def stop(self) -> None:
        """Stop all instances."""
        self._deployer.stop()

    def endpoint(self, name: str) -> Endpoint | None:
        """An endpoint as it is now."""
        return self._store.find(name)

    def endpoints(self) -> list[Endpoint]:
        """All of them."""
        return self._store.all()

    @contextmanager
    def system_update(self, endpoint: str) -> Iterator[None]:
        """For tests: SageMaker maintains the endpoint, which is SystemUpdating in the block; it must be in service."""
        self._deployer.begin_system_update(endpoint)
        try:
            yield
        finally:
            self._deployer.end_system_update(endpoint)

    def routing(self, endpoint: str) -> Routing | None:
        """Where requests to an endpoint go now; None for one that is unknown or not serving."""
        return self._deployer.routing(endpoint)
