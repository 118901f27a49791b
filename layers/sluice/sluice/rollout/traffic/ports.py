"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from sluice.async_inference.runtime import AsyncPlaces
from sluice.endpoint.autoscaling import ScalableTarget
from sluice.endpoint.deployment_config import Deployment
from sluice.endpoint.scaling_rules import ScalingRules
from sluice.endpoint.state import EndpointState, NewConfig
from sluice.telemetry.port import Telemetry


class TrafficBucket(Protocol):
    """The operations on the data bucket that this package uses."""

    def uri(self, key: str) -> str: ...


class TrafficHosting(Protocol):
    """The calls that this package makes to SageMaker hosting."""

    def describe(self, endpoint: str) -> EndpointState | None:
        """The endpoint as it is now, None if there is none."""

    def create_config(self, config: NewConfig) -> None: ...

    def create_endpoint(self, endpoint: str, config: str) -> None: ...

    def update_endpoint(self, endpoint: str, config: str, deployment: Deployment | None = None) -> None:
        """Move the endpoint to another config, all at once or as ``deployment`` says."""

    def set_weights(self, endpoint: str, weights: Mapping[str, float]) -> None: ...

    def set_capacity(self, endpoint: str, variant: str, count: int) -> None: ...

    def delete_config(self, name: str) -> None:
        """Delete an endpoint config. The caller makes sure that no endpoint uses it: SageMaker does not."""

    def delete_endpoint(self, endpoint: str) -> None: ...


class TrafficScaling(Protocol):
    """The calls that this package makes to Application Auto Scaling."""

    def registered(self, endpoint: str, variants: Iterable[str]) -> list[ScalableTarget]:
        """The variants that are registered as scalable targets, by Sluice or by somebody else."""

    def ensure(self, endpoint: str, variant: str, rules: ScalingRules) -> bool:
        """Reconcile the variant's autoscaling with these rules; True if anything had to be changed."""

    def require_deregistering(self, endpoint: str) -> None:
        """Find out whether this role may deregister variants of the endpoint; raises AwsRefusedError if not."""

    def deregister(self, endpoint: str, variants: Iterable[str]) -> list[str]:
        """Deregister the variants; their capacity stays as it is. Returns those that were registered."""


class TrafficPorts(Protocol):
    """All ports of this package."""

    @property
    def async_places(self) -> AsyncPlaces: ...

    @property
    def bucket(self) -> TrafficBucket: ...

    @property
    def hosting(self) -> TrafficHosting: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def scaling(self) -> TrafficScaling: ...

    @property
    def telemetry(self) -> Telemetry: ...
