"""By which keys the lines of a shift are found."""

from __future__ import annotations

from sluice.aws.metric_data import Counts
from sluice.rollout.tasks.shift_traffic import shift_traffic
from sluice.rollout_id import RolloutId

from tests.fakes.sluice_world import sluice_world


def test_the_lines_name_the_rollout_and_its_stage() -> None:
    world = sluice_world()
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    rollout = world.approve(2)
    stages: list[str] = []

    def keys_of(state: str) -> None:
        if state == "Bake":
            stages.append(world.telemetry.keys["rollout_stage"])

    world.play(rollout, on_state=keys_of)
    assert list(dict.fromkeys(stages)) == ["0", "1"]
    world.telemetry.keys.clear()
    assert shift_traffic(1, RolloutId.required(rollout), world.ports)["status"] == "ROLL_BACK"
    assert world.telemetry.keys == {
        "rollout": "fraud-2-1",
        "model": "fraud",
        "version": "2",
        "endpoint": "sluice-dev-fraud",
        "rollout_stage": "1",
    }


def test_a_sampled_invocation_tells_each_step_of_the_reconciliation() -> None:
    world = sluice_world()
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    rollout = world.approve(2)
    world.telemetry.lines.clear()
    world.play(rollout)
    steps = [fields["step"] for level, _, fields in world.telemetry.lines if level == "DEBUG" and "step" in fields]
    assert {"UseConfig", "SetCapacity", "SetWeights", "Done"} <= set(steps)
