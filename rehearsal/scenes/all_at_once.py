"""All at once: the fleet is replaced in one step and watched. An alarm during the watch rolls it back."""

from __future__ import annotations

import time

from rehearsal.drivers.traffic import Traffic, count
from rehearsal.material.flaws import failing
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

SETTLED_SECONDS = 2
QUICK_ALARMS = {"error_rate_percent": 5, "evaluation_periods": 2, "datapoints_to_alarm": 1, "min_requests": 5}


def play(context: SceneContext) -> None:
    _apply(context, watch="5s")
    traffic = context.go_live()
    good = context.release()
    ended = context.outcome_of(good)
    time.sleep(SETTLED_SECONDS)  # traffic after the promotion is part of what is counted
    failed, sent = count(traffic.sent(), lambda each: each.failed), len(traffic.sent())
    context.check(
        "good version",
        "replaces the old one in one step, watched, promoted",
        f"{ended.kind}, stages {context.weights(good)}, endpoint serves {context.shares()}",
        right=ended.kind == "RolloutPromoted"
        and context.weights(good) == []
        and list(context.shares()) == [f"v{good}"],
    )
    context.check("client during the change", "0 failed requests", f"{failed} of {sent}", right=failed == 0 < sent)
    _apply(context, watch="5m")  # long enough for the alarm to ring
    _failing_version(context, good, traffic)


def _apply(context: SceneContext, watch: str) -> None:
    context.apply(rollout={"strategy": "all_at_once", "watch": watch, "alarms": QUICK_ALARMS})


def _failing_version(context: SceneContext, good: int, traffic: Traffic) -> None:
    bad = context.release(failing())
    ended = context.outcome_of(bad)
    restored = time.time()
    time.sleep(SETTLED_SECONDS)
    package, after = context.package(bad), traffic.sent(since=restored)
    context.check(
        "failing version",
        f"an alarm in the watch puts v{good} back",
        f"{ended.kind}, endpoint serves {context.shares()}, {count(after, lambda each: each.failed)} of {len(after)} "
        "requests fail afterwards",
        right=ended.kind == "RolloutRolledBack"
        and list(context.shares()) == [f"v{good}"]
        and bool(after)
        and not any(each.failed for each in after),
    )
    context.check(
        "registry",
        "Rejected with the alarm's name",
        f"{package['ModelApprovalStatus']}: {package.get('ApprovalDescription', '')[:160]}",
        right=package["ModelApprovalStatus"] == "Rejected"
        and context.endpoint in package.get("ApprovalDescription", ""),
    )


SCENE = Scene(name="all-at-once", about="replaced in one step and watched; put back by an alarm", play=play)
