"""Application Auto Scaling in memory: who is registered with which rules. It shares its register with hosting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sluice.endpoint.autoscaling import ScalableTarget
from sluice.endpoint.scaling_requests import TRACKING
from sluice.endpoint.scaling_rules import INSTANCES, ScalingRules

from tests.fakes.aws_state import Faults


@dataclass
class FakeScaling:
    faults: Faults
    targets: dict[tuple[str, str], ScalingRules] = field(default_factory=dict)  # (endpoint, variant) -> from a spec
    by_hand: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  # (endpoint, variant) -> bounds

    @property
    def register(self) -> set[tuple[str, str]]:
        return {*self.targets, *self.by_hand}

    def is_scaled(self, endpoint: str, variant: str) -> bool:
        return (endpoint, variant) in self.register

    def registered(self, endpoint: str, variants: Iterable[str]) -> list[ScalableTarget]:
        names = list(variants)
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: [self._shown((endpoint, each)) for each in names if (endpoint, each) in self.register]
        )

    def ensure(self, endpoint: str, variant: str, rules: ScalingRules) -> bool:
        return self.faults.around(lambda: self._ensure((endpoint, variant), rules))  # type: ignore[no-any-return]

    def require_deregistering(self, endpoint: str) -> None:
        self.faults.around(lambda: None)

    def deregister(self, endpoint: str, variants: Iterable[str]) -> list[str]:
        names = list(variants)
        return self.faults.around(lambda: self._release(endpoint, names))  # type: ignore[no-any-return]

    def strike(self, endpoint: str, variant: str, action: int = 0) -> None:
        """A scheduled action falls due: its bounds, as they were put last, are in force."""
        rules = self.targets[endpoint, variant]
        bounds = rules.clock[action]
        self.targets[endpoint, variant] = rules.within(bounds.least, bounds.most)

    def _shown(self, place: tuple[str, str]) -> ScalableTarget:
        if place in self.by_hand:
            least, most = self.by_hand[place]
            return ScalableTarget(variant=place[1], dimension=INSTANCES, least=least, most=most, policies=("mine",))
        rules = self.targets[place]
        return ScalableTarget(
            variant=place[1], dimension=rules.dimension, least=rules.least, most=rules.most, policies=(TRACKING,)
        )

    def _ensure(self, place: tuple[str, str], rules: ScalingRules) -> bool:
        changed = self.targets.get(place) != rules or place in self.by_hand
        self.by_hand.pop(place, None)
        self.targets[place] = rules
        return changed

    def _release(self, endpoint: str, variants: list[str]) -> list[str]:
        released = [each for each in variants if (endpoint, each) in self.register]
        for each in released:
            self.targets.pop((endpoint, each), None)
            self.by_hand.pop((endpoint, each), None)
        return released
