"""Gates: a rollout waits at a gate until a person opens it; an alarm rolls back a rollout that waits at a gate."""

from __future__ import annotations

from rehearsal.drivers.timeline import Event
from rehearsal.drivers.traffic import count
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext


def play(context: SceneContext) -> None:
    context.apply(rollout={"strategy": "canary", "stages": [{"weight": 20, "bake": "10s", "gate": "human"}]})
    traffic = context.go_live()

    good = context.release()
    _wait_at_gate(context, good)
    printed = " ".join(context.sluice("status", context.model).split())
    context.check(
        "at the gate",
        "20 % of the traffic, and sluice status says what to type",
        f"{context.weights(good)} %, endpoint serves {sorted(context.shares())}",
        right=context.weights(good) == [20]
        and len(context.shares()) == 2
        and f"sluice continue {context.model}" in printed,
    )
    with context.step("sluice pause, resume and continue"):
        context.sluice("pause", context.model, "--reason", "lunch")
        context.sluice("resume", context.model, "--reason", "fed")
        context.sluice("continue", context.model, "--reason", "looked at the errors")
    ended = context.outcome_of(good)
    failed, sent = count(traffic.sent(), lambda each: each.failed), len(traffic.sent())
    context.check(
        "opened gate",
        "promoted",
        f"{ended.kind}, endpoint serves {context.shares()}",
        right=ended.kind == "RolloutPromoted" and list(context.shares()) == [f"v{good}"],
    )
    context.check("client meanwhile", "0 failed requests", f"{failed} of {sent}", right=failed == 0 < sent)
    history = context.sluice("history", context.model)
    said = [word for word in ("pause by", "resume by", "continue by", "looked at the errors") if word in history]
    context.check("history", "who said what, and why", ", ".join(said), right=len(said) == 4)

    bad = context.release()
    _wait_at_gate(context, bad)
    context.client("cloudwatch").set_alarm_state(
        AlarmName=f"{context.endpoint}-{bad}-1-errors",
        StateValue="ALARM",
        StateReason="as if every second request failed",
    )
    ended = context.outcome_of(bad)
    context.check(
        "alarm at a closed gate",
        f"rolled back to v{good}",
        f"{ended.kind}, endpoint serves {context.shares()}",
        right=ended.kind == "RolloutRolledBack" and list(context.shares()) == [f"v{good}"],
    )


def _wait_at_gate(context: SceneContext, version: int) -> Event:
    return context.wait_for(
        f"version {version} to reach the gate",
        lambda event: event.kind == "RolloutWaitsForGate" and event.detail["version"] == version,
    )


SCENE = Scene(name="gates", about="held at a gate until a person opens it, but never kept from going back", play=play)
