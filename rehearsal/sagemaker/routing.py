"""Which variant a request goes to."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rehearsal.sagemaker.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Route:
    """One variant that can be invoked. Only the ratio of the weights matters."""

    variant: str
    weight: float
    fleet: Fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """An endpoint's routes. Replaced as a whole, so that all weights change at the same moment."""

    endpoint: str
    metrics_period_seconds: int
    routes: tuple[Route, ...]

    def by_weight(self, chance: random.Random) -> Route | None:
        """A route drawn by weight; None if no route has any."""
        total = sum(route.weight for route in self.routes)
        point = chance.random() * total
        for route in self.routes:
            if point < route.weight:
                return route
            point -= route.weight
        # Rounding may leave a remainder: it belongs to the last route with a weight.
        return next((route for route in reversed(self.routes) if route.weight > 0), None)

    def named(self, variant: str) -> Route | None:
        """The route of ``TargetVariant``, whatever its weight."""
        return next((route for route in self.routes if route.variant == variant), None)
