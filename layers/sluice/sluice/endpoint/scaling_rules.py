"""How the capacity of a variant follows its load: what a spec asks of Application Auto Scaling. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from sluice.spec.endpoint import Endpoint
from sluice.spec.serving_modes import ASYNC, BATCH, REAL_TIME, SERVERLESS

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
WARM_CONTAINERS = "sagemaker:variant:DesiredProvisionedConcurrency"

TARGETS: Mapping[str, float] = {REAL_TIME: 70.0, ASYNC: 5.0, SERVERLESS: 0.7}
"""Requests a minute of one instance, waiting requests of one instance, the used share of the warm containers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRange:
    """A range that holds from a point in time on; ``when`` is rate(…) or cron(…) in ``timezone``."""

    when: str
    timezone: str
    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRules:
    """Target tracking between two bounds; ``kind`` is the endpoint's type, which says what is counted."""

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
        """All that may be in force without anybody having changed it: the clock moves the bounds, too."""
        return (self.least, self.most), *((one.least, one.most) for one in self.clock)

    def holding(self, floor: int) -> Self:
        """The same with at least ``floor``, whatever the policy thinks of it."""
        return replace(self, least=max(self.least, floor), most=max(self.most, floor))

    def within(self, least: int, most: int) -> Self:
        """The same with other bounds."""
        return replace(self, least=least, most=most)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        return cls(**{**raw, "clock": tuple(ClockRange(**one) for one in raw["clock"])})


def rules_for(endpoint: Endpoint) -> ScalingRules | None:
    """What is to be registered for the variant that serves; None for capacity that stays as it is.

    A serverless endpoint scales by itself: only containers that are kept warm are counted in advance.
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
