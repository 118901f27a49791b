"""Gates: a rollout stands at a gate while traffic flows, a person opens it; and a closed one keeps no harm in."""

from __future__ import annotations

from rehearsal.drivers.timeline import Event
from rehearsal.drivers.traffic import count
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.stage import Stage


def play(stage: Stage) -> None:
    stage.apply(rollout={"strategy": "canary", "stages": [{"weight": 20, "bake": "10s", "gate": "human"}]})
    traffic = stage.go_live()

    good = stage.release()
    _wait_at_gate(stage, good)
    told = " ".join(stage.sluice("status", stage.model).split())
    stage.check(
        "at the gate",
        "20 % of the traffic, and sluice status says what to type",
        f"{stage.weights(good)} %, endpoint serves {sorted(stage.shares())}",
        right=stage.weights(good) == [20] and len(stage.shares()) == 2 and f"sluice continue {stage.model}" in told,
    )
    with stage.step("sluice pause, resume and continue"):
        stage.sluice("pause", stage.model, "--reason", "lunch")
        stage.sluice("resume", stage.model, "--reason", "fed")
        stage.sluice("continue", stage.model, "--reason", "looked at the errors")
    ended = stage.outcome_of(good)
    failed, sent = count(traffic.sent(), lambda each: each.failed), len(traffic.sent())
    stage.check(
        "opened gate",
        "promoted",
        f"{ended.kind}, endpoint serves {stage.shares()}",
        right=ended.kind == "RolloutPromoted" and list(stage.shares()) == [f"v{good}"],
    )
    stage.check("client meanwhile", "0 failed requests", f"{failed} of {sent}", right=failed == 0 < sent)
    history = stage.sluice("history", stage.model)
    said = [word for word in ("pause by", "resume by", "continue by", "looked at the errors") if word in history]
    stage.check("history", "who said what, and why", ", ".join(said), right=len(said) == 4)

    bad = stage.release()
    _wait_at_gate(stage, bad)
    stage.client("cloudwatch").set_alarm_state(
        AlarmName=f"{stage.endpoint}-{bad}-1-errors",
        StateValue="ALARM",
        StateReason="as if every second request failed",
    )
    ended = stage.outcome_of(bad)
    stage.check(
        "alarm at a closed gate",
        f"rolled back to v{good}",
        f"{ended.kind}, endpoint serves {stage.shares()}",
        right=ended.kind == "RolloutRolledBack" and list(stage.shares()) == [f"v{good}"],
    )


def _wait_at_gate(stage: Stage, version: int) -> Event:
    return stage.wait_for(
        f"version {version} to reach the gate",
        lambda event: event.kind == "RolloutWaitsForGate" and event.detail["version"] == version,
    )


SCENE = Scene(name="gates", about="held at a gate until a person opens it, but never kept from going back", play=play)
