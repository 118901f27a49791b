"""Analyze a stage: what is logged and kept of each analysis, and when a stage is not judged at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout.tasks.analyze_stage import analyze_stage
from sluice.rollout.traffic.task_result import TaskResult
from sluice.rollout_id import RolloutId

from tests.fakes.sluice_world import ENDPOINT, SluiceWorld, sluice_world

ROLLOUT = RolloutId(model="fraud", version=2, attempt=1)


class Reached(Exception):
    """The rollout stands where a test wants it."""


@pytest.fixture
def world() -> SluiceWorld:
    """Version 2 has the weight of its first stage since some minutes, beside version 1."""
    world = sluice_world()
    world.live(1)
    world.metrics.per_period = {"v1": Counts(2000, 3), "v2": Counts(200, 0)}

    def stop(state: str) -> None:
        if state == "AnalyzeStage":
            raise Reached

    with pytest.raises(Reached):
        world.play(world.approve(2), on_state=stop)
    world.clock.pass_seconds(240)
    world.telemetry.lines.clear()
    world.telemetry.keys.clear()
    return world


def analyze(world: SluiceWorld, stage: int = 0) -> TaskResult:
    return analyze_stage(stage, ROLLOUT, world.ports)


def lines(world: SluiceWorld) -> list[tuple[str, dict[str, Any]]]:
    """At level INFO."""
    return [(message, fields) for level, message, fields in world.telemetry.lines if level == "INFO"]


def test_each_analysis_is_one_line_with_its_findings_and_no_numbers(world: SluiceWorld) -> None:
    assert analyze(world)["status"] == "HOLD"
    ((message, fields),) = lines(world)
    assert message == "stage analyzed"
    assert {key: fields[key] for key in ("rollout", "model", "version", "endpoint", "rollout_stage")} == {
        "rollout": "fraud-2-1",
        "model": "fraud",
        "version": "2",
        "endpoint": ENDPOINT,
        "rollout_stage": "0",
    }
    assert fields["action"] == "hold"
    assert str(fields["reason"]).startswith("baking until")
    assert [(each["name"], each["answer"]) for each in fields["findings"]] == [
        ("alarm", "ABSTAIN"),
        ("traffic", "ABSTAIN"),
        ("baseline", "ABSTAIN"),
        ("errors", "HOLD"),
        ("latency", "ABSTAIN"),
    ]
    assert {key for each in fields["findings"] for key in each} == {"name", "answer", "reason"}


def test_the_history_keeps_the_numbers_too(world: SluiceWorld) -> None:
    analyze(world)
    looks = [line for line in world.ports.history.entries(ROLLOUT) if line["key"].startswith("look-")]
    assert looks[-1]["text"].startswith("hold: baking until")
    errors = next(each for each in looks[-1]["data"]["findings"] if each["name"] == "errors")
    assert errors["numbers"]["bad"] == [0, 3 * errors["numbers"]["requests"][1] // 2000]


def test_harm_fences_the_rollout_and_the_line_says_why(world: SluiceWorld) -> None:
    world.metrics.per_period["v2"] = Counts(200, 180)
    result = analyze(world)
    assert result["status"] == "ROLL_BACK"
    ((_, fields),) = lines(world)
    assert (fields["action"], fields["reason"]) == ("roll_back", result["reason"])
    fence = world.ports.store.get(ROLLOUT).fence
    assert fence is not None
    assert (fence.kind, fence.reason) == ("judge", result["reason"])


def test_a_stopped_rollout_is_not_analyzed(world: SluiceWorld) -> None:
    world.ports.store.fence(ROLLOUT, "aborted", "by hand", world.clock.now())
    assert analyze(world)["status"] == "ROLL_BACK"
    assert lines(world) == []


def test_weights_that_somebody_changed_are_set_again_and_not_judged(world: SluiceWorld) -> None:
    world.hosting.settle()
    found = world.hosting.endpoints[ENDPOINT]
    changed = tuple(replace(each, weight=50.0) for each in found.variants)
    world.hosting.endpoints[ENDPOINT] = replace(found, variants=changed)
    assert (analyze(world)["status"], analyze(world)["stage"]) == ("SHIFT", 0)
    assert lines(world) == []


def test_an_endpoint_that_somebody_replaced_is_left_to_the_rollback(world: SluiceWorld) -> None:
    world.hosting.settle()
    world.hosting.endpoints[ENDPOINT] = replace(world.hosting.endpoints[ENDPOINT], config="somebody-elses")
    result = analyze(world)
    assert result["status"] == "ROLL_BACK"
    assert "changed by hand" in result["reason"]
