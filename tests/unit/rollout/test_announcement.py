"""A promotion is always announced, whatever is out of order for however long, and its execution says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sluice.errors import RetryableError
from sluice.rollout.announcement import announce_promotion
from sluice.rollout_id import RolloutId

from functions.abort_rollout.app import run as abort_rollout
from tests.fakes.aws_state import refusal
from tests.fakes.sluice_world import ENDPOINT, SluiceWorld, outcome_of, sluice_world

ROLLOUT = "fraud-1-1"


def out_of_order(world: SluiceWorld, call: Callable[..., Any], lasts: timedelta) -> Callable[..., Any]:
    """``call``, which fails for a while once the rollout is closed."""
    since: list[Any] = []

    def failing(*args: Any, **more: Any) -> Any:
        if not since and world.ports.store.get(RolloutId.required(ROLLOUT)).is_closed:
            since.append(world.clock.now())
        if since and world.clock.now() - since[0] < lasts:
            raise RetryableError("503")
        return call(*args, **more)

    return failing


def promotions(world: SluiceWorld) -> list[str]:
    return [detail["rollout"] for kind, detail in world.events.published if kind == "RolloutPromoted"]


@pytest.mark.parametrize("lasts", [timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=3)], ids=str)
@pytest.mark.parametrize("what", ["annotate", "publish", "append", "release"])
def test_an_outage_delays_the_announcement_and_ends_as_promoted(
    monkeypatch: pytest.MonkeyPatch, what: str, lasts: timedelta
) -> None:
    world = sluice_world()
    owner = {
        "annotate": world.registry,
        "publish": world.events,
        "append": world.ports.history,
        "release": world.ports.locks,
    }[what]
    rollout = world.approve(1)
    monkeypatch.setattr(owner, what, out_of_order(world, getattr(owner, what), lasts))
    assert world.play(rollout) == "Promoted"
    assert promotions(world) == [ROLLOUT]
    assert outcome_of(world, rollout)[0] == "promoted"
    assert world.ports.locks.holder(ENDPOINT) is None
    (noted,) = world.registry.properties.values()
    assert noted["sluice.rollout"] == ROLLOUT
    assert world.ports.store.get(RolloutId.required(rollout)).closed_at <= world.clock.now() - lasts  # type: ignore[operator]


def test_a_promotion_is_announced_by_the_rollback_after_an_outage_of_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even the record cannot be read, so the retries of the task are used up and its rollback is asked for."""
    world = sluice_world()
    rollout = world.approve(1)
    close = world.ports.store.close_promoted

    def close_and_lose_the_table(*args: Any) -> None:
        close(*args)
        get = world.ports.store.get

        def failing(rollout_id: RolloutId) -> Any:
            if "RollBack" not in states:
                raise RetryableError("503")
            return get(rollout_id)

        monkeypatch.setattr(world.ports.store, "get", failing)
        raise RetryableError("the answer did not arrive")

    monkeypatch.setattr(world.ports.store, "close_promoted", close_and_lose_the_table)
    states: list[str] = []
    world.play(rollout, on_state=states.append)
    assert "RollBack" in states
    assert promotions(world) == [ROLLOUT]
    assert outcome_of(world, rollout)[0] == "promoted"
    assert "RolloutRolledBack" not in world.events.kinds()


def test_a_version_that_takes_no_note_is_promoted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was deleted, or has fifty properties already."""
    world = sluice_world()

    def refuse(*_: object) -> None:
        raise refusal("at most 50 entries")

    monkeypatch.setattr(world.registry, "annotate", refuse)
    assert world.play(world.approve(1)) == "Promoted"
    assert promotions(world) == [ROLLOUT]


def test_an_announcement_that_is_repeated_publishes_nothing_more() -> None:
    world = sluice_world()
    rollout = world.approve(1)
    world.play(rollout)
    assert announce_promotion(world.ports.store.get(RolloutId.required(rollout)), world.ports)["status"] == "READY"
    assert promotions(world) == [ROLLOUT]


class Stopped(BaseException):
    """The execution is stopped, or has run for a month: none of its handlers runs."""


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_a_promotion_whose_execution_ends_before_it_is_announced_is_announced_by_another(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sluice_world()
    rollout = world.approve(1)
    with monkeypatch.context() as patch:
        patch.setattr(world.events, "publish", out_of_order(world, world.events.publish, timedelta(hours=3)))

        def stop(state: str) -> None:
            if state == "WaitForPromotion" and world.ports.store.get(RolloutId.required(ROLLOUT)).is_closed:
                raise Stopped

        with pytest.raises(Stopped):
            world.play(rollout, on_state=stop)
        world.clock.pass_seconds(4 * 3600)
    assert promotions(world) == []
    world.end_execution(ROLLOUT, status)
    assert world.executions.started[-1] == f"{ROLLOUT}-restore-1"
    world.play(rollout, mode="restore")
    assert promotions(world) == [ROLLOUT]
    assert outcome_of(world, rollout)[0] == "promoted"
    world.end_execution(f"{ROLLOUT}-restore-1")
    assert world.executions.started[-1] == f"{ROLLOUT}-restore-1", "there is nothing more to say"


def test_nobody_but_step_functions_has_a_promotion_announced_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promotions of release 0.2 do not say whether they were announced."""
    world = sluice_world()
    monkeypatch.setattr(world.ports.store, "mark_time", lambda *_: None)
    assert world.play(world.approve(1)) == "Promoted"
    detail = {"name": ROLLOUT, "status": "FAILED"}
    hint = {"source": "sluice", "detail-type": "Step Functions Execution Status Change", "detail": detail}
    assert "ignored" in abort_rollout(hint, world.ports)
    assert world.executions.started == [ROLLOUT]
