"""Burst: a real-time endpoint scales out under load, keeps its capacity through a rollout, and scales in again."""

from __future__ import annotations

import time
from typing import Any

from rehearsal.drivers.traffic import count
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

LEAST, MOST = 1, 3
QUIET_RATE, BURST_RATE = 2.0, 14.0  # requests a second
# The hurried local AWS looks at 10 seconds where AWS looks at minutes, so this is what one instance gets in ten.
TARGET = 50
SCALING_SECONDS = 120.0  # for an instance or two to come or go


def play(context: SceneContext) -> None:
    context.apply(
        endpoint={
            "scaling": {
                "min": LEAST,
                "max": MOST,
                "target": TARGET,
                "scale_in_cooldown": "5s",
                "scale_out_cooldown": "5s",
            }
        },
        rollout={"strategy": "canary", "stages": [{"weight": 50, "bake": "10s"}]},
    )
    first = context.release()
    if context.outcome_of(first).kind != "RolloutPromoted":
        raise RuntimeError("the first version did not go live")
    quiet = context.start_traffic(rate=QUIET_RATE, workers=2)
    status = context.sluice("status", context.model)
    context.check(
        "after the first promotion",
        f"scaled between {LEAST} and {MOST}",
        "in sluice status" if f"{LEAST} to {MOST}" in status else status,
        right=f"{LEAST} to {MOST}" in status,
    )

    burst = context.start_traffic(rate=BURST_RATE)
    with context.step(f"{BURST_RATE:g} requests a second more") as step:
        busy = _reaches(context, MOST)
        step.note = f"{busy} instances"
    context.check("burst", f"scaled out to {MOST} instances", f"{busy} instances", right=busy == MOST)

    second = context.release()
    ended = context.outcome_of(second)
    kept = {each["VariantName"]: each["DesiredInstanceCount"] for each in _variants(context)}
    context.check(
        "rollout while scaled out",
        f"v{second} promoted, with no fewer than {busy} instances",
        f"{ended.kind}, instances {kept}",
        right=ended.kind == "RolloutPromoted" and list(kept) == [f"v{second}"] and kept[f"v{second}"] >= busy,
    )

    burst.stop()
    with context.step("the burst is over") as step:
        left = _reaches(context, LEAST)
        step.note = f"{left} instance"
    context.check("after the burst", f"scaled in to {LEAST} instance", f"{left}", right=left == LEAST)
    sent = [*quiet.sent(), *burst.sent()]
    failed = count(sent, lambda each: each.failed)
    context.check("clients", "0 failed requests", f"{failed} of {len(sent)}", right=failed == 0 < len(sent))


def _variants(context: SceneContext) -> list[dict[str, Any]]:
    shown = context.client("sagemaker").describe_endpoint(EndpointName=context.endpoint)
    return list(shown["ProductionVariants"])


def _reaches(context: SceneContext, wanted: int) -> int:
    """Instances of all variants once there are as many as wanted and nothing changes, or at the deadline."""
    deadline = time.monotonic() + SCALING_SECONDS
    while True:
        shown = context.client("sagemaker").describe_endpoint(EndpointName=context.endpoint)
        running = sum(int(each.get("CurrentInstanceCount", 0)) for each in shown.get("ProductionVariants", []))
        if (running == wanted and shown["EndpointStatus"] == "InService") or time.monotonic() > deadline:
            return running
        time.sleep(0.5)


SCENE = Scene(name="burst", about="instances follow the load, and a rollout keeps them", play=play)
