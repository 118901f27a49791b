"""The live part of an endpoint: its routing, the instances behind it, and a lock for changes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from localaws.services.sagemaker.containers.container import Container
from localaws.services.sagemaker.endpoint_state.variant import Variant
from localaws.services.sagemaker.fleets.capture import capture_of
from localaws.services.sagemaker.fleets.fleet import Fleet
from localaws.services.sagemaker.fleets.routing import Route, Routing, Shadow
from localaws.services.sagemaker.fleets.serverless_pool import ServerlessPool
from localaws.services.sagemaker.models.endpoint_configs import EndpointConfig


class LiveFleets:
    """The live part of one endpoint; ``work`` is the lock that every change holds."""

    def __init__(self) -> None:
        self.routing: Routing | None = None
        self.work = threading.Lock()

    @property
    def fleets(self) -> dict[str, Fleet]:
        """The fleet of each variant; of two that a failed rollback left, the old one."""
        return {route.variant: route.fleet for route in reversed(self._routes)}

    @property
    def containers(self) -> set[Container]:
        return {container for route in self._routes for container in route.fleet.containers}

    @property
    def pools(self) -> set[ServerlessPool[Container]]:
        """Of serverless variants."""
        return {route.fleet.pool for route in self._routes if route.fleet.pool}

    @property
    def shadow_containers(self) -> set[Container]:
        shadow = self.routing.shadow if self.routing else None
        return set(shadow.route.fleet.containers) if shadow else set()

    @property
    def _routes(self) -> list[Route]:
        if self.routing is None:
            return []
        shadow = self.routing.shadow
        return [*self.routing.routes, *([shadow.route] if shadow else [])]


def settled_routing(
    endpoint: str,
    config: EndpointConfig,
    variants: Sequence[Variant],
    shadows: Sequence[Variant],
    fleets: Mapping[str, Fleet],
) -> Routing:
    """All traffic to one fleet per variant."""
    return Routing(
        endpoint=endpoint,
        routes=tuple(settled_route(config, variant, fleets[variant.name]) for variant in variants),
        shadow=shadow_of(config, variants, shadows, fleets),
    )


def shadow_of(
    config: EndpointConfig, variants: Sequence[Variant], shadows: Iterable[Variant], fleets: Mapping[str, Fleet]
) -> Shadow | None:
    """The shadow variant, if there is one: its weight over the production variant's is the mirrored share."""
    for shadow in shadows:
        production = variants[0].desired_weight
        ratio = min(1.0, shadow.desired_weight / production) if production else 0.0
        return Shadow(settled_route(config, shadow, fleets[shadow.name]), ratio)
    return None


def settled_route(config: EndpointConfig, variant: Variant, fleet: Fleet, share: float = 1.0) -> Route:
    """The route to a fleet whose deployment is over, with ``share`` of its variant's weight."""
    return Route(
        variant.name,
        variant.desired_weight,
        fleet,
        share,
        capture=capture_of(config.request),
        metrics_period_seconds=config.metrics_period_seconds,
    )


def deploying_route(
    config: EndpointConfig, variant: Variant, fleet: Fleet, share: float, metrics_period_seconds: int
) -> Route:
    """The route to a fleet that is being deployed; its metrics appear under its config, too.

    Whatever ``config`` asks for: "Enhanced metrics do not appear until the deployment completes" (SageMaker developer
    guide, enhanced metrics).
    """
    settled = settled_route(config, variant, fleet, share)
    return replace(settled, deploying_config=config.name, metrics_period_seconds=metrics_period_seconds)
