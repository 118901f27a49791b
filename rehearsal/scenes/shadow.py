"""Shadow: copies of the requests first. A version that agrees is promoted; one that predicts otherwise is dropped."""

from __future__ import annotations

import time

from rehearsal.drivers.traffic import Traffic, count
from rehearsal.material.flaws import disagreeing
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

RATE = 15.0
SETTLED_SECONDS = 2
SHADOW = {"share_percent": 100, "duration": "10s", "min_requests": 100}


def play(context: SceneContext) -> None:
    context.apply(rollout={"strategy": "shadow", "shadow": SHADOW})
    version = context.release()
    context.outcome_of(version)
    traffic = context.start_traffic(rate=RATE)

    good = context.release()
    ended = context.outcome_of(good)
    context.check(
        "version that agrees",
        "mirrored, compared, promoted",
        f"{ended.kind}, endpoint serves {context.shares()}: {ended.detail.get('reason', '')}",
        right=ended.kind == "RolloutPromoted" and list(context.shares()) == [f"v{good}"],
    )

    bad = context.release(disagreeing(100.0))
    ended = context.outcome_of(bad)
    reason = str(context.package(bad).get("ApprovalDescription", ""))
    context.check(
        "version that predicts something else",
        f"dropped, v{good} serves on, the registry tells how many answers agree",
        f"{ended.kind}, endpoint serves {context.shares()}: {reason}",
        right=ended.kind == "RolloutRolledBack"
        and list(context.shares()) == [f"v{good}"]
        and "answers agree" in reason,
    )
    _check_client(context, traffic, {f"v{version}", f"v{good}"})


def _check_client(context: SceneContext, traffic: Traffic, serving: set[str]) -> None:
    """No request failed, and none was ever answered by a shadow: both wrong versions would show in the answers."""
    time.sleep(SETTLED_SECONDS)  # traffic after the last change is part of what is counted
    sent = traffic.sent()
    failed, answered_by = count(sent, lambda each: each.failed), {each.variant for each in sent if not each.failed}
    context.check(
        "client",
        f"0 failed requests, answers of {', '.join(sorted(serving))} only",
        f"{failed} of {len(sent)} failed, answers of {', '.join(sorted(map(str, answered_by)))}",
        right=failed == 0 and answered_by == serving,
    )


SCENE = Scene(name="shadow", about="mirrored requests, answers compared; promoted or dropped", play=play)
