"""What the judge calls harm and what it calls safe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log

from sluice.rollout.analysis.e_process import Bound, Onset


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What counts as harm and as safe, fixed before the rollout. ValueError for rules that make no sense.

    ``periods_to_prove`` caps what one period can contribute: with 2, a burst of one period cannot roll back.
    0 removes the cap. Likewise for safety. ``hazard`` is per period, whatever a period's length.
    """

    harm_ratio: float = 1.1
    safe_ratio: float = 2.0
    safe_margin: float = 0.001  # fraction of requests
    alpha: float = 0.05
    beta: float = 0.05
    periods_to_prove: int = 2  # harm
    periods_to_prove_safe: int = 2
    cluster_size: float = 1.0  # how many errors one failure can cause
    first_share: float = 0.8  # of the bet on harm from the first period on
    hazard: float = 1 / 60  # that harm begins in the next period
    catastrophe_margin: float = 0.2  # of requests failing beyond the baseline's share
    catastrophe_share: float = 0.2  # of alpha, spent on catastrophes; 0 for no such test
    incident_share: float = 1.0  # of the baseline's requests: a period in which more fail cannot prove safety

    def __post_init__(self) -> None:
        shares = (self.alpha, self.beta, self.first_share, self.hazard)
        if not all(0 < share < 1 for share in shares):
            raise ValueError(f"alpha, beta, first_share, hazard: expected within 0..1, got {shares}")
        if not 0 <= self.catastrophe_share < 1 or not 0 < self.incident_share <= 1:
            raise ValueError("expected 0 <= catastrophe_share < 1 and 0 < incident_share <= 1")
        if not 1 <= self.harm_ratio <= self.safe_ratio < inf or not 0 <= self.safe_margin < 1:
            raise ValueError("expected 1 <= harm_ratio <= safe_ratio and 0 <= safe_margin < 1")
        if min(self.periods_to_prove, self.periods_to_prove_safe) < 0:
            raise ValueError("expected periods_to_prove >= 0 and periods_to_prove_safe >= 0")
        if self.cluster_size < 1 or not 0 <= self.catastrophe_margin < 1:
            raise ValueError("expected cluster_size >= 1 and 0 <= catastrophe_margin < 1")

    def sensitive(self) -> Rules:
        """For quiet endpoints with few requests, whose errors come singly: no cap, any excess counts."""
        return replace(self, harm_ratio=1.0, periods_to_prove=0, periods_to_prove_safe=0, first_share=0.99)

    def robust(self) -> Rules:
        """For endpoints whose variants drift apart by themselves, as an A/A test would show."""
        ratio = max(self.harm_ratio, 1.25)
        safe_ratio = max(self.safe_ratio, ratio)
        return replace(self, harm_ratio=ratio, safe_ratio=safe_ratio, periods_to_prove=3, periods_to_prove_safe=3)

    @property
    def harm_needed(self) -> float:
        """Log evidence that proves harm."""
        return -log(self.alpha * (1 - self.catastrophe_share))

    @property
    def catastrophe_needed(self) -> float:
        return -log(self.alpha * self.catastrophe_share) if self.catastrophe_share else inf

    @property
    def safe_needed(self) -> float:
        return -log(self.beta)

    @property
    def harm_bound(self) -> Bound:
        return Bound(
            ratio=self.harm_ratio,
            cluster_size=self.cluster_size,
            log_cap=_per_period(self.harm_needed, self.periods_to_prove),
        )

    @property
    def catastrophe_bound(self) -> Bound:
        return Bound(ratio=self.harm_ratio, margin=self.catastrophe_margin, cluster_size=self.cluster_size)

    @property
    def safe_bound(self) -> Bound:
        return Bound(
            ratio=self.safe_ratio,
            margin=self.safe_margin,
            cluster_size=self.cluster_size,
            log_cap=_per_period(self.safe_needed, self.periods_to_prove_safe),
            incident_share=self.incident_share,
        )

    @property
    def onset(self) -> Onset:
        return Onset(self.first_share, self.hazard)


def _per_period(needed: float, periods: int) -> float:
    return needed / periods if periods else inf
