"""The canary scenario, of the story and of the scene: a good version is promoted, a bad one rolled back by itself.

The two differ in where versions come from and what else happens meanwhile; that is what ``CanaryVersions`` is for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from rehearsal.drivers.traffic import count
from rehearsal.scenarios.scenario_context import ScenarioContext

SETTLED_SECONDS = 3


class CanaryVersions(Protocol):
    """Where the two versions of the scenario come from."""

    def release_good(self) -> int:
        """Bring about a sound version and approve it; its number."""

    def release_bad(self) -> int:
        """Bring about a version that fails on live traffic and approve it; its number."""

    def on_weight(self, version: int, weight: int) -> None:
        """Called while ``version`` bakes with ``weight`` % of the traffic, before the next stage is waited for."""


def play_canary(context: ScenarioContext, versions: CanaryVersions, weights: Sequence[int]) -> None:
    """Play it to its end. A version must be live and a client must be sending requests.

    ``weights`` are the percentages of the rollout's stages. A bad version is expected to reach the first of them.
    """
    good = _release_good(context, versions, weights)
    _release_bad(context, versions, weights[0], good)


def _release_good(context: ScenarioContext, versions: CanaryVersions, weights: Sequence[int]) -> int:
    good = versions.release_good()
    for weight in weights:
        context.reach_weight(good, weight)
        versions.on_weight(good, weight)
    ended = context.outcome_of(good)
    time.sleep(SETTLED_SECONDS)  # traffic after the promotion is part of what is counted
    seen, shares = context.weights(good), context.shares()
    failed, sent = context.failed, context.sent
    context.check(
        "good version",
        f"{' → '.join(f'{weight} %' for weight in (*weights, 100))}, promoted",
        f"{seen} %, {ended.kind}, endpoint serves {shares}",
        right=ended.kind == "RolloutPromoted" and seen == list(weights) and list(shares) == [f"v{good}"],
    )
    context.check("client during the promotion", "0 failed requests", f"{failed} of {sent}", right=failed == 0 < sent)
    return good


def _release_bad(context: ScenarioContext, versions: CanaryVersions, first_weight: int, good: int) -> None:
    bad = versions.release_bad()
    context.reach_weight(bad, first_weight)
    versions.on_weight(bad, first_weight)
    ended = context.outcome_of(bad)
    time.sleep(SETTLED_SECONDS)
    late = context.requests(since=time.time() - SETTLED_SECONDS + 1)
    failed = count(late, lambda each: each.failed)
    package, shares = context.package(bad), context.shares()
    context.check(
        "bad version",
        f"rolled back to v{good} by itself",
        f"{ended.kind}, endpoint serves {shares}",
        right=ended.kind == "RolloutRolledBack" and list(shares) == [f"v{good}"],
    )
    context.check(
        "registry",
        f"v{bad} Rejected with the reason",
        f"{package['ModelApprovalStatus']}: {package.get('ApprovalDescription', '')[:160]}",
        right=package["ModelApprovalStatus"] == "Rejected" and bool(package.get("ApprovalDescription")),
    )
    context.check(
        "client after the rollback",
        "0 failed requests",
        f"{failed} of {len(late)} failed",
        right=failed == 0 < len(late),
    )
