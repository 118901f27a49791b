"""Target tracking on invocations per instance, as Application Auto Scaling does it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, inf

HIGH_MINUTES = 3
LOW_MINUTES = 15
LOW_SHARE = 0.9
"""Capacity is taken away below this share of the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTracking:
    """The settings of a policy, as a spec or the command line gives them."""

    target: float = 70.0
    """Invocations per instance and minute."""
    min_instances: int = 1
    max_instances: int = 20
    scale_in_cooldown_seconds: int = 300
    scale_out_cooldown_seconds: int = 60


class Scaler:
    """Decides once a minute how many instances there should be.

    Out: all of the last 3 minutes were above the target. In: all of the last 15 were below 90 % of it. A minute
    without requests has no data point and interrupts both. After scaling out, only a larger step is taken before
    the cooldown ends; the cooldown after scaling in holds back nothing but the next step in. While instances
    start, the endpoint is updating and no step is possible.
    """

    def __init__(self, policy: TargetTracking) -> None:
        self._policy = policy
        self._seen: deque[float | None] = deque(maxlen=LOW_MINUTES)
        self._out_at = self._in_at = -inf
        self._out_step = 0

    def decide(self, now: float, *, per_instance: float | None, instances: int, starting: bool) -> int:
        """The wanted number; ``per_instance`` are the requests of the past minute, None if there were none."""
        self._seen.append(per_instance)
        if per_instance is None or starting:
            return instances
        wanted = ceil(round(instances * per_instance / self._policy.target, 6))  # 2.0000000001 are 2
        wanted = min(max(wanted, self._policy.min_instances), self._policy.max_instances)
        if wanted > instances and self._all(HIGH_MINUTES, low=self._policy.target):
            return self._scale_out(now, wanted, instances)
        if wanted < instances and self._all(LOW_MINUTES, high=LOW_SHARE * self._policy.target):
            return self._scale_in(now, wanted, instances)
        return instances

    def _scale_out(self, now: float, wanted: int, instances: int) -> int:
        resting = now - self._out_at < self._policy.scale_out_cooldown_seconds
        if resting and wanted - instances <= self._out_step:
            return instances
        self._out_at, self._out_step = now, wanted - instances
        return wanted

    def _scale_in(self, now: float, wanted: int, instances: int) -> int:
        if now - self._in_at < self._policy.scale_in_cooldown_seconds:
            return instances
        self._in_at = now
        return wanted

    def _all(self, minutes: int, *, low: float = -inf, high: float = inf) -> bool:
        """Whether each of the last minutes was above ``low`` and below ``high``."""
        last = list(self._seen)[-minutes:]
        return len(last) == minutes and all(one is not None and low < one < high for one in last)
