"""Chooses the variant, and which of its fleets, for a request."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from localaws.services.sagemaker.fleets.capture import Capture
from localaws.services.sagemaker.fleets.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Route:
    """One fleet of a variant that can be invoked. Only the ratio of the weights matters.

    While a deployment moves traffic a variant has two routes, whose ``share`` of its weight adds up to 1.
    """

    variant: str
    weight: float
    fleet: Fleet
    share: float = 1.0
    deploying_config: str | None = None  # config of a fleet that is being deployed: gets metrics of its own
    capture: Capture | None = None
    metrics_period_seconds: int = 60  # how often the fleet's metrics appear


@dataclass(frozen=True, slots=True)
class Shadow:
    """A variant that sees a ``ratio`` of the requests, and whose answers nobody sees."""

    route: Route
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """An endpoint's routes. Replaced as a whole, so that all weights change at the same moment."""

    endpoint: str
    routes: tuple[Route, ...]
    shadow: Shadow | None = None

    def by_weight(self, chance: random.Random) -> Route | None:
        """A route drawn by weight; None if no route has any."""
        return _drawn([(route, route.weight * route.share) for route in self.routes], chance)

    def named(self, variant: str, chance: random.Random) -> Route | None:
        """A route of ``TargetVariant``, whatever its weight."""
        return _drawn([(route, route.share) for route in self.routes if route.variant == variant], chance)


def _drawn(weighted: Iterable[tuple[Route, float]], chance: random.Random) -> Route | None:
    candidates = [(route, weight) for route, weight in weighted if weight > 0]
    point = chance.random() * sum(weight for _, weight in candidates)
    for route, weight in candidates:
        if point < weight:
            return route
        point -= weight
    # Rounding may leave a remainder: it belongs to the last route with a weight.
    return candidates[-1][0] if candidates else None
