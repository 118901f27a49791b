"""Gates and freeze windows on the real state machine: they hold what goes forward, never what goes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout.gates.gates import GateResponse
from sluice.rollout.gates.holds import seconds_until_recheck
from sluice.rollout.model.record import Command, RolloutRecord
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from functions.open_rollout.app import run as open_rollout
from tests.fakes.sluice_world import (
    SluiceWorld,
    approval_of,
    live_variants,
    sluice_world,
    spec_with_rollout,
)

ARN = "arn:aws:lambda:us-east-1:123456789012:function:sluice-dev-gate-change"
ROLLOUT = "fraud-2-1"
ID = RolloutId.required(ROLLOUT)
LONG = timedelta(hours=3)  # the specs here allow ten minutes of doubt


def world_with(**rollout: object) -> SluiceWorld:
    """Version 1 is live without any gate or window having been asked; version 2 is as good."""
    world = sluice_world(spec_with_rollout())
    world.live(1)
    world.specs.specs["fraud"] = spec_with_rollout(**rollout)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1800, 0)}
    assert world.approve(2) == ROLLOUT
    return world


def stages(*gates: str | None) -> list[dict[str, object]]:
    weights = (10, 50, 90)
    return [{"weight": weight, "bake": "5m", "gate": gate} for weight, gate in zip(weights, gates, strict=False)]


def record_of(world: SluiceWorld) -> RolloutRecord:
    return world.ports.store.get(ID)


def once_held(world: SluiceWorld, act: Callable[[], object], after: timedelta = LONG) -> Callable[[str], None]:
    """Does ``act`` when the rollout has been held up for that long."""
    acted: list[str] = []
    since: list[datetime] = []

    def look(_state: str) -> None:
        held = record_of(world).held_by
        if held is None or acted:
            return
        since.append(world.clock.now())
        if world.clock.now() - since[0] >= after:
            acted.append(held.by)
            act()

    return look


def weights_seen(world: SluiceWorld) -> list[int]:
    return [detail["weight"] for kind, detail in world.events.published if kind == "RolloutShifted"]


def told(world: SluiceWorld) -> list[tuple[object, object]]:
    waits = (detail for kind, detail in world.events.published if kind == "RolloutWaitsForGate")
    return [(detail["stage"], detail["gate"]) for detail in waits]


def test_a_rollout_by_ten_second_metrics_keeps_its_evidence_however_long_a_gate_holds_it() -> None:
    """CloudWatch has no data of ten seconds from more than three hours back: it is read by the minute."""
    world = sluice_world(spec_with_rollout())
    world.live(1)
    quick = spec_with_rollout(stages=stages("human", None)).to_json()
    quick["endpoint"]["metrics_period_seconds"] = 10
    world.specs.specs["fraud"] = ModelSpec.parse(quick)
    world.metrics.per_period = {"v1": Counts(300, 2), "v2": Counts(300, 2)}
    assert world.approve(2) == ROLLOUT
    held = once_held(world, lambda: world.ports.store.open_gate(ID, 0, world.clock.now()), after=timedelta(hours=5))
    assert world.play(ROLLOUT, on_state=held) == "Promoted"
    looks = [line["data"] for line in world.ports.history.entries(ID) if line["key"].startswith("look-")]
    errors = [next(each for each in look["findings"] if each["name"] == "errors") for look in looks]
    counted = [each["numbers"]["requests"][0] for each in errors]
    assert counted[-1] > 290 * 300, "a row for each minute of the five hours, and the next stage"


def test_a_human_gate_holds_far_past_the_deadline_of_doubt_until_a_person_opens_it() -> None:
    world = world_with(stages=stages("human", None))
    open_gate = once_held(world, lambda: world.ports.store.open_gate(ID, 0, world.clock.now()))
    began = world.clock.now()
    assert world.play(ROLLOUT, on_state=open_gate) == "Promoted"
    assert world.clock.now() - began > LONG
    assert weights_seen(world) == [10, 50]
    assert told(world) == [(0, "human")], "once, however often it is looked at"


def test_the_gate_before_the_promotion_comes_after_that_of_the_last_stage() -> None:
    world = world_with(stages=stages(None, "human"), gate="human")
    met: list[int] = []

    def agree(_state: str) -> None:
        held = record_of(world).held_by
        if held is not None:
            met.append(held.gate)
            world.ports.store.open_gate(ID, held.gate, world.clock.now())

    assert world.play(ROLLOUT, on_state=agree) == "Promoted"
    assert met == [1, 2]
    assert told(world) == [(1, "human"), ("promotion", "human")]


@pytest.mark.parametrize("strategy", ["all_at_once", "canary"])
def test_a_function_is_asked_at_each_analysis_until_it_agrees(strategy: str) -> None:
    world = world_with(strategy=strategy, gate=ARN)
    agree = once_held(world, lambda: world.gates.answers.__setitem__(ARN, GateResponse(True, "change 42")))
    assert world.play(ROLLOUT, on_state=agree) == "Promoted"
    asked = [question for arn, question in world.gates.asked if arn == ARN]
    assert len(asked) > 3
    assert asked[-1] | {"evidence": None} == {
        "rollout": ROLLOUT,
        "model": "fraud",
        "version": 2,
        "stage": "promotion",
        "weight": 100,
        "evidence": None,
    }
    assert bool(asked[-1]["evidence"]) is (strategy == "canary")
    assert told(world) == [("promotion", ARN)]


def test_nothing_is_changed_before_the_gate_of_a_replacement_opens() -> None:
    world = world_with(strategy="all_at_once", gate="human")
    before = world.hosting.endpoints["sluice-dev-fraud"].config
    seen: set[str] = set()

    open_gate = once_held(world, lambda: world.ports.store.open_gate(ID, 0, world.clock.now()))

    def watch(state: str) -> None:
        seen.update({world.hosting.endpoints["sluice-dev-fraud"].config} if record_of(world).held_by else ())
        open_gate(state)

    assert world.play(ROLLOUT, on_state=watch) == "Promoted"
    assert seen == {before}


@pytest.mark.parametrize("harm", ["alarm", "judge", "abort", "withdrawn"])
def test_a_closed_gate_never_keeps_harm_in_traffic(harm: str) -> None:
    world = world_with(stages=stages("human", None))

    def strike() -> None:
        if harm == "alarm":
            world.ring("sluice-dev-fraud-2-1-errors")
        elif harm == "judge":
            world.metrics.per_period["v2"] = Counts(1800, 300)
        elif harm == "abort":
            world.ports.store.fence(ID, "aborted", "enough", world.clock.now())
        else:
            world.registry.reject(record_of(world).package_arn, "no")

    assert world.play(ROLLOUT, on_state=once_held(world, strike, timedelta(minutes=30))) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    assert weights_seen(world) == [10]


def test_proof_that_fades_at_a_closed_gate_is_no_reason_to_go_back() -> None:
    world = world_with(stages=stages("human", None), max_hold="10m")
    later: list[datetime] = []

    def fade() -> None:
        world.metrics.per_period = {}  # as 10-second metrics are gone after three hours
        later.append(world.clock.now())

    fading = once_held(world, fade, timedelta(minutes=30))

    def look(state: str) -> None:
        fading(state)
        if later and world.clock.now() - later[0] > LONG:
            world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1800, 0)}
            world.ports.store.open_gate(ID, 0, world.clock.now())

    assert world.play(ROLLOUT, on_state=look) == "Promoted"


def promote(world: SluiceWorld, *, skip_gates: bool) -> None:
    said = Command(kind="promote", by="ada", reason="hot fix", at=world.clock.now(), skip_gates=skip_gates)
    assert world.ports.store.set_command(ID, said)


def test_a_person_who_promotes_skips_proof_but_gates_only_on_request() -> None:
    world = world_with(stages=stages(None, "human"), gate="human")
    world.metrics.per_period = {}
    met: list[int] = []

    def steer(state: str) -> None:
        if state == "Bake" and not met:
            promote(world, skip_gates=False)
        if (held := record_of(world).held_by) is not None:
            met.append(held.gate)
            promote(world, skip_gates=True)

    assert world.play(ROLLOUT, on_state=steer) == "Promoted"
    assert set(met) == {2}, "the gates of stages that are skipped do not count"
    history = [line["text"] for line in world.ports.history.entries(ID)]
    assert any("past gates and windows" in text for text in history)


OFFICE = {"timezone": "UTC", "open": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}]}


def is_office_time(moment: datetime) -> bool:
    return moment.weekday() < 5 and 9 <= moment.hour < 17


def world_at(moment: datetime, **rollout: object) -> SluiceWorld:
    world = world_with(windows=OFFICE, **rollout)
    world.clock.pass_seconds((moment - world.clock.now()).total_seconds())
    return world


FRIDAY_EVENING = datetime(2026, 3, 6, 18, 0, tzinfo=UTC)


def test_a_rollout_begins_in_its_windows_only() -> None:
    world = world_at(FRIDAY_EVENING)
    assert world.play(ROLLOUT) == "Promoted"
    began = record_of(world).shifting_at[0]
    assert timedelta() <= began - datetime(2026, 3, 9, 9, 0, tzinfo=UTC) < timedelta(minutes=2)


def test_a_rollout_moves_in_its_windows_only() -> None:
    world = world_at(datetime(2026, 3, 5, 16, 50, tzinfo=UTC), stages=stages(None, None))
    assert world.play(ROLLOUT) == "Promoted"
    moves = record_of(world).shifting_at
    assert all(is_office_time(moment) for moment in moves.values()), moves
    assert [moves[stage].day for stage in range(3)] == [5, 5, 6], "proved in the evening, promoted in the morning"


def test_an_alarm_puts_the_old_version_back_at_any_hour() -> None:
    world = world_at(datetime(2026, 3, 5, 16, 50, tzinfo=UTC), stages=stages(None, None))

    def ring(state: str) -> None:
        if state == "Bake" and not is_office_time(world.clock.now()) and world.metrics.alarms:
            world.ring("sluice-dev-fraud-2-1-errors")

    assert world.play(ROLLOUT, on_state=ring) == "RolledBack"
    assert not is_office_time(world.clock.now())


def test_a_person_can_begin_outside_of_the_windows_if_said_so() -> None:
    world = world_at(FRIDAY_EVENING)
    promote(world, skip_gates=False)

    def hurry() -> None:
        assert world.ports.store.get(ID).phase == "queued"
        promote(world, skip_gates=True)

    assert world.play(ROLLOUT, on_state=once_held(world, hurry, timedelta(minutes=1))) == "Promoted"
    assert world.clock.now() < datetime(2026, 3, 6, 21, 0, tzinfo=UTC), "the windows open on Monday"


def test_the_way_back_from_a_rejected_version_waits_for_no_gate_and_no_window() -> None:
    world = sluice_world()
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1800, 0)}
    world.live(2)
    never = {"timezone": "UTC", "open": [{"days": ["wed"], "from": "00:00", "to": "00:01"}]}
    world.specs.specs["fraud"] = spec_with_rollout(gate="human", windows=never)
    world.clock.pass_seconds(1)
    arn = record_of(world).package_arn
    world.registry.reject(arn, "it insults customers")
    event = approval_of(arn)
    event["detail"]["ModelApprovalStatus"] = "Rejected"
    assert open_rollout(event, world.ports) == {"rollout": "fraud-1-2"}
    assert world.play("fraud-1-2") == "Promoted"
    assert live_variants(world) == {"v1": 100.0}


def test_a_pause_holds_a_rollout_that_has_not_begun() -> None:
    world = world_with()
    world.ports.store.set_command(ID, Command(kind="pause", by="ada", reason="", at=world.clock.now()))
    paused = world.clock.now()

    def resume(state: str) -> None:
        if state == "WaitForEndpoint" and world.clock.now() - paused > LONG:
            world.ports.store.set_command(ID, Command(kind="resume", by="ada", reason="", at=world.clock.now()))

    assert world.play(ROLLOUT, on_state=resume) == "Promoted"
    assert world.clock.now() - paused > LONG


def test_a_month_at_a_gate_stays_within_the_history_of_an_execution() -> None:
    record = record_of(world_with())
    since = now = record.opened_at
    looks = 0
    while now < since + timedelta(days=30):
        now += timedelta(seconds=seconds_until_recheck(record, None, now))
        looks += 1
    assert looks * 9 < 5_000, "the other half is for looks at bakes"
