"""A stage of a thousand models: every one is swept within a stated time, however much each has behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout.model.live_version import live_version
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.store import RecordStore
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec
from sluice.sweep.order import in_turn
from sluice.sweep.sweep import BUDGET, sweep

from functions.open_rollout.app import run as open_rollout
from tests.fakes.aws_state import START
from tests.fakes.sluice_world import GROUP, SPEC, SluiceWorld, approval_of, sluice_world
from tests.fakes.table import FakeTable

MODELS = 1_000
CALL_SECONDS = 0.1
"""More than most calls take: those of DynamoDB, which are two thirds of them, a tenth of it."""

CALLS_PER_MODEL = 17
SWEEP_EVERY = timedelta(minutes=5)
ALL_WITHIN = timedelta(minutes=50)


def stage_of(models: int) -> SluiceWorld:
    """A stage in which nothing happens, and in which time passes with every call."""
    world = sluice_world()
    world.specs.specs.clear()
    for number in range(models):
        spec: ModelSpec = replace(SPEC, name=f"model-{number:04d}")
        world.specs.specs[spec.name] = spec
    around = world.faults.around

    def with_time(effect: Callable[[], Any]) -> Any:
        world.clock.pass_seconds(CALL_SECONDS)
        return around(effect)

    world.faults.around = with_time  # type: ignore[method-assign]
    return world


def test_every_one_of_a_thousand_models_is_swept_within_fifty_minutes() -> None:
    world = stage_of(MODELS)
    last = f"model-{MODELS - 1:04d}"
    arn = world.registry.add(f"sluice-dev-{last}", 1)  # whose approval no event reported
    begun = world.clock.now()
    found: list[str] = []
    at: list[timedelta] = []
    swept = 0
    while swept < MODELS:
        started = world.clock.now()
        result = sweep(world.ports)
        assert world.clock.now() - started < timedelta(minutes=4), "the function's time is not over"
        swept += result["swept"]
        found += result["findings"]
        at.append(world.clock.now() - begun)
        world.clock.at = max(world.clock.at, started + SWEEP_EVERY)
    assert found == [f"{arn} is Approved"]
    assert at[-1] <= ALL_WITHIN
    assert world.faults.seen <= MODELS * CALLS_PER_MODEL


def test_a_few_models_are_all_swept_each_time() -> None:
    world = stage_of(8)
    for _ in range(2):
        assert sweep(world.ports)["left"] == 0
    assert world.ports.sweep_progress.noted() == ("", ""), "nothing has to be noted"


def test_each_sweep_goes_on_where_the_last_one_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    world = stage_of(40)
    seen: list[str] = []

    def slow(model: str) -> None:
        seen.append(model)
        world.clock.pass_seconds(BUDGET.total_seconds() / 3)

    monkeypatch.setattr(world.ports.run_slots, "get", slow)
    firsts = []
    for _ in range(3):
        before = len(seen)
        sweep(world.ports)
        firsts.append(seen[before])
    assert len(set(firsts)) == 3
    assert firsts == sorted(firsts)


@pytest.mark.parametrize("models", [8, 25, 30, 100])
def test_a_model_at_which_the_function_dies_keeps_none_of_the_others_from_its_turn(
    models: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda ends a function at its timeout without a word; nothing that comes after is run."""
    world = stage_of(models)
    seen: set[str] = set()

    class TimedOutError(BaseException):
        pass

    def die(model: str) -> None:
        seen.add(model)
        if model == "model-0004":
            raise TimedOutError

    monkeypatch.setattr(world.ports.run_slots, "get", die)
    for _ in range(3):
        with pytest.raises(TimedOutError):
            sweep(world.ports)
        if len(seen) == models:
            break
    assert seen == {f"model-{number:04d}" for number in range(models)}


@pytest.mark.parametrize(
    ("last", "expected"),
    [("", ["a", "b", "c"]), ("a", ["b", "c", "a"]), ("bb", ["c", "a", "b"]), ("c", ["a", "b", "c"])],
)
def test_all_models_have_their_turn(last: str, expected: list[str]) -> None:
    assert in_turn(["c", "a", "b"], last) == expected


# ---------------------------------------------------------------- what a long history costs


def with_history(rollouts: int, *, is_indexed: bool = True) -> SluiceWorld:
    """A model that serves, with so many rollouts behind it, half of them promoted."""
    world = sluice_world()
    world.live(1)
    plan = world.ports.store.get(RolloutId.required("fraud-1-1")).planned()
    for version in range(2, rollouts + 2):
        record_closed(world, version, plan)
    world.registry.packages = {arn: each for arn, each in world.registry.packages.items() if each.version == 1}
    world.live(rollouts + 2)
    if not is_indexed:
        forget_index(world)
        return world
    for _ in range(2):
        world.clock.pass_seconds(3600)
        sweep(world.ports)
    return world


def record_closed(world: SluiceWorld, version: int, plan: Plan) -> None:
    rollout = RolloutId(model="fraud", version=version, attempt=1)
    arn = world.registry.add(GROUP, version)
    opened = replace(world.ports.store.get(RolloutId.required("fraud-1-1")), id=rollout, package_arn=arn)
    world.ports.store.open(opened)
    world.ports.store.save_plan(rollout, plan, START)
    world.clock.pass_seconds(60)
    if version % 2:
        world.ports.store.close_promoted(rollout, "promoted", world.clock.now())
    else:
        world.ports.store.close(rollout, "rolled_back", "too slow", world.clock.now())


def forget_index(world: SluiceWorld) -> None:
    """As an earlier release has left the table."""
    table = table_of(world)
    for key in [key for key in table._items if key[1].startswith("CURRENT")]:
        del table._items[key]


def table_of(world: SluiceWorld) -> FakeTable:
    table = world.ports.store._table
    assert isinstance(table, FakeTable)
    return table


def read_units(world: SluiceWorld, act: Callable[[], object]) -> int:
    table = table_of(world)
    before = table.read_units
    act()
    return table.read_units - before


def costs_with(rollouts: int) -> dict[str, int]:
    """Read units of what is done most often, with so many rollouts in the history."""
    world = with_history(rollouts)
    world.metrics.per_period |= {f"v{rollouts + 2}": Counts(1800, 2), f"v{rollouts + 3}": Counts(1000, 0)}
    approval = approval_of(world.registry.add(GROUP, rollouts + 3))
    rollout = f"fraud-{rollouts + 3}-1"
    return {
        "sweep": read_units(world, lambda: sweep(world.ports)),
        "live version": read_units(world, lambda: live_version("fraud", world.ports)),
        "approval": read_units(world, lambda: open_rollout(approval, world.ports)),
        "rollout": read_units(world, lambda: world.play(rollout)),
    }


def test_what_is_read_does_not_grow_with_the_history() -> None:
    costs = costs_with(500)
    assert costs == costs_with(4)
    assert costs["sweep"] <= 16
    assert costs["live version"] <= 2
    assert costs["approval"] <= 6


def test_rollouts_of_an_earlier_release_are_found_before_while_and_after_they_are_indexed() -> None:
    world = with_history(20, is_indexed=False)
    rollout = world.approve(30)
    forget_index(world)
    world.executions.ended[rollout] = "ABORTED"
    for _ in range(4):
        world.clock.pass_seconds(1200)
        (finding,) = sweep(world.ports)["findings"]
        assert finding == f"{rollout}: execution {rollout} is ABORTED"
        assert [str(each.id) for each in world.ports.store.open_rollouts("fraud")] == [rollout]
        assert live_version("fraud", world.ports) == 22
    units = read_units(world, lambda: world.ports.store.open_rollouts("fraud"))
    assert units <= 3


def test_a_rollout_that_an_earlier_release_closes_meanwhile_is_not_open() -> None:
    world = with_history(4)
    rollout = RolloutId.required(world.approve(30))
    closed = {"phase": "closed", "outcome": "failed", "reason": "x", "closed_at": world.clock.now().isoformat()}
    table_of(world).set(
        {"pk": "MODEL#fraud", "sk": "ROLLOUT#0000030#001"}, closed, "attribute_exists(id)", {}
    )  # without the index
    assert world.ports.store.open_rollouts("fraud") == []
    assert world.ports.store.get(rollout).is_closed


def test_one_that_an_earlier_release_opened_is_indexed_when_its_event_comes_again() -> None:
    world = with_history(4)
    arn = world.registry.add(GROUP, 30)
    rollout = open_rollout(approval_of(arn), world.ports)["rollout"]
    table_of(world)._items.pop(("MODEL#fraud", "CURRENT#0000030#001"))
    assert world.ports.store.open_rollouts("fraud") == []
    open_rollout(approval_of(arn), world.ports)
    assert [str(each.id) for each in world.ports.store.open_rollouts("fraud")] == [rollout]


def test_one_that_an_earlier_release_opened_after_the_index_was_complete_is_indexed_by_the_next_sweep() -> None:
    """A stack that was put back to an earlier release for a while, and is this one again."""
    world = with_history(4)
    rollout = world.approve(30)
    table_of(world)._items.pop(("MODEL#fraud", "CURRENT#0000030#001"))
    assert world.ports.store.open_rollouts("fraud") == []
    world.executions.ended[rollout] = "ABORTED"
    world.clock.pass_seconds(180)
    assert sweep(world.ports)["findings"] == [f"{rollout}: execution {rollout} is ABORTED"]
    assert [str(each.id) for each in world.ports.store.open_rollouts("fraud")] == [rollout]


def test_a_promotion_by_an_earlier_release_after_the_index_was_complete_is_found_by_the_next_sweep() -> None:
    world = with_history(4)
    before = dict(table_of(world)._items[("MODEL#fraud", "CURRENT")])
    world.clock.pass_seconds(600)
    world.live(30)
    table_of(world)._items[("MODEL#fraud", "CURRENT")] = before
    noted = world.ports.store.last_promotion("fraud")
    assert noted is not None
    assert noted.id.version == 6
    sweep(world.ports)
    last = world.ports.store.last_promotion("fraud")
    assert last is not None
    assert last.id.version == 30
    assert table_of(world)._items[("MODEL#fraud", "CURRENT")].items() >= {"promoted": "fraud-30-1"}.items()


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
def test_an_index_is_the_same_after_a_crash_at_any_call(after_effect: bool) -> None:
    expected = built(0, after_effect)
    for at in range(1, 12):
        assert built(at, after_effect) == expected, f"after a fault at call {at}"


def built(at: int, after_effect: bool) -> object:
    world = with_history(6, is_indexed=False)
    rollout = world.approve(30)
    forget_index(world)
    world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, after_effect
    store: RecordStore = world.ports.store
    for _ in range(4):
        world.clock.pass_seconds(1200)
        try:
            store.index_open_rollouts("fraud", world.clock.now())
        except Exception:
            assert at
    world.faults.at = 0
    last = store.last_promotion("fraud")
    return [str(each.id) for each in store.open_rollouts("fraud")] == [rollout], last and last.id
