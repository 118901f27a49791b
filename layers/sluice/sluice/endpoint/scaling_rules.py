"""The autoscaling of a variant: what a spec asks of Application Auto Scaling. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from sluice.spec.endpoint import Endpoint
from sluice.spec.serving_modes import ASYNC, BATCH, REAL_TIME, SERVERLESS

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
WARM_CONTAINERS = "sagemaker:variant:DesiredProvisionedConcurrency"

TARGETS: Mapping[str, float] = {REAL_TIME: 70.0, ASYNC: 5.0, SERVERLESS: 0.7}
"""Requests a minute per instance, queued requests per instance, and the used share of the warm containers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRange:
    """Bounds that a scheduled action sets; ``when`` is rate(…) or cron(…) in ``timezone``."""

    when: str
    timezone: str
    least: int
    most: int

    def holding(self, floor: int) -> Self:
        """The same time with bounds of at least ``floor``."""
        return replace(self, least=max(self.least, floor), most=max(self.most, floor))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRules:
    """Target tracking between two bounds; ``kind`` is the endpoint's type, which determines the metric."""

    kind: str
    least: int
    most: int
    target: float
    in_cooldown_seconds: int
    out_cooldown_seconds: int
    clock: tuple[ClockRange, ...] = ()

    @property
    def dimension(self) -> str:
        return WARM_CONTAINERS if self.kind == SERVERLESS else INSTANCES

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Every pair of bounds that may be in force without a manual change: scheduled actions move them, too."""
        return (self.least, self.most), *((one.least, one.most) for one in self.clock)

    def holding(self, floor: int) -> Self:
        """The same rules with bounds of at least ``floor``, also those that the clock sets meanwhile."""
        clock = tuple(one.holding(floor) for one in self.clock)
        return replace(self, least=max(self.least, floor), most=max(self.most, floor), clock=clock)

    def released_from(self, held: tuple[int, int]) -> Self:
        """The same rules within the bounds that are in force once no floor holds them any more.

        ``held`` are the bounds that are registered, with a floor or without. The clock may have set others meanwhile:
        they are told by what a floor leaves of a range, its maximum, or one capacity where the floor is above that.
        """
        if held in self.ranges:
            return self.within(*held)
        least, most = held
        return next((self.within(*one) for one in self.ranges if one[0] <= least and most == max(one[1], least)), self)

    def within(self, least: int, most: int) -> Self:
        """The same rules with other bounds."""
        return replace(self, least=least, most=most)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        return cls(**{**raw, "clock": tuple(ClockRange(**one) for one in raw["clock"])})


def rules_for(endpoint: Endpoint) -> ScalingRules | None:
    """The rules to register the serving variant with; None for fixed capacity.

    A serverless endpoint scales by itself: only its provisioned concurrency has a target.
    """
    scaling, warm = endpoint.scaling, endpoint.serverless.provisioned_concurrency
    if scaling is None or endpoint.type == BATCH or (endpoint.type == SERVERLESS and warm is None):
        return None
    most = 1_000_000 if endpoint.type != SERVERLESS else endpoint.serverless.max_concurrency
    return ScalingRules(
        kind=endpoint.type,
        least=min(scaling.min, most),
        most=min(scaling.max, most),
        target=scaling.target or TARGETS[endpoint.type],
        in_cooldown_seconds=scaling.scale_in_cooldown_seconds,
        out_cooldown_seconds=scaling.scale_out_cooldown_seconds,
        clock=tuple(
            ClockRange(when=one.when, timezone=one.timezone, least=min(one.min, most), most=min(one.max, most))
            for one in scaling.scheduled
        ),
    )
