"""Canary: a share of the traffic first. A sound version is promoted; one that fails is taken out by its alarm."""

from __future__ import annotations

import time

from rehearsal.drivers.traffic import count
from rehearsal.material.flaws import failing
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.stage import Stage

SETTLED_SECONDS = 2


def play(stage: Stage) -> None:
    stage.apply(
        rollout={"strategy": "canary", "stages": [{"weight": 20, "bake": "10s"}, {"weight": 50, "bake": "10s"}]}
    )
    traffic = stage.go_live()

    good = stage.release()
    ended = stage.outcome_of(good)
    time.sleep(SETTLED_SECONDS)  # traffic after the promotion is part of what is counted
    failed, sent = count(traffic.sent(), lambda each: each.failed), len(traffic.sent())
    stage.check(
        "good version",
        "20 % → 50 % → 100 %, promoted",
        f"{stage.weights(good)} %, {ended.kind}, endpoint serves {stage.shares()}",
        right=ended.kind == "RolloutPromoted"
        and stage.weights(good) == [20, 50]
        and list(stage.shares()) == [f"v{good}"],
    )
    stage.check("client during the promotion", "0 failed requests", f"{failed} of {sent}", right=failed == 0 < sent)

    bad = stage.release(failing(0.5))
    ended = stage.outcome_of(bad)
    package = stage.package(bad)
    stage.check(
        "failing version",
        f"rolled back to v{good} by itself",
        f"{ended.kind}, endpoint serves {stage.shares()}",
        right=ended.kind == "RolloutRolledBack" and list(stage.shares()) == [f"v{good}"],
    )
    stage.check(
        "registry",
        "Rejected with the reason",
        f"{package['ModelApprovalStatus']}: {package.get('ApprovalDescription', '')[:160]}",
        right=package["ModelApprovalStatus"] == "Rejected" and bool(package.get("ApprovalDescription")),
    )


SCENE = Scene(name="canary", about="a share of the traffic first; promoted or rolled back", play=play)
