"""All at once: the fleet is replaced in one step and watched. An alarm in the watch puts the old version back."""

from __future__ import annotations

import time

from rehearsal.drivers.traffic import Traffic, count
from rehearsal.material.flaws import failing
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.stage import Stage

SETTLED_SECONDS = 2
QUICK_ALARMS = {"error_rate_percent": 5, "evaluation_periods": 2, "datapoints_to_alarm": 1, "min_requests": 5}


def play(stage: Stage) -> None:
    _apply(stage, watch="5s")
    traffic = stage.go_live()
    good = stage.release()
    ended = stage.outcome_of(good)
    time.sleep(SETTLED_SECONDS)  # traffic after the promotion is part of what is counted
    failed, sent = count(traffic.sent(), lambda each: each.failed), len(traffic.sent())
    stage.check(
        "good version",
        "replaces the old one in one step, watched, promoted",
        f"{ended.kind}, stages {stage.weights(good)}, endpoint serves {stage.shares()}",
        right=ended.kind == "RolloutPromoted" and stage.weights(good) == [] and list(stage.shares()) == [f"v{good}"],
    )
    stage.check("client during the change", "0 failed requests", f"{failed} of {sent}", right=failed == 0 < sent)
    _apply(stage, watch="5m")  # long enough for the alarm to ring
    _failing_version(stage, good, traffic)


def _apply(stage: Stage, watch: str) -> None:
    stage.apply(rollout={"strategy": "all_at_once", "watch": watch, "alarms": QUICK_ALARMS})


def _failing_version(stage: Stage, good: int, traffic: Traffic) -> None:
    bad = stage.release(failing())
    ended = stage.outcome_of(bad)
    restored = time.time()
    time.sleep(SETTLED_SECONDS)
    package, after = stage.package(bad), traffic.sent(since=restored)
    stage.check(
        "failing version",
        f"an alarm in the watch puts v{good} back",
        f"{ended.kind}, endpoint serves {stage.shares()}, {count(after, lambda each: each.failed)} of {len(after)} "
        "requests fail afterwards",
        right=ended.kind == "RolloutRolledBack"
        and list(stage.shares()) == [f"v{good}"]
        and bool(after)
        and not any(each.failed for each in after),
    )
    stage.check(
        "registry",
        "Rejected with the alarm's name",
        f"{package['ModelApprovalStatus']}: {package.get('ApprovalDescription', '')[:160]}",
        right=package["ModelApprovalStatus"] == "Rejected" and stage.endpoint in package.get("ApprovalDescription", ""),
    )


SCENE = Scene(name="all-at-once", about="replaced in one step and watched; put back by an alarm", play=play)
