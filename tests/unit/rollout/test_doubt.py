"""A doubt that lasts, with ``on_doubt: pause``: it is shown and told, and a person's word ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout.model.record import Command, RolloutRecord
from sluice.rollout_id import RolloutId

from tests.fakes.sluice_world import SluiceWorld, live_variants, sluice_world, spec_with_rollout


def world_with(**rollout: Any) -> tuple[SluiceWorld, str]:
    world = sluice_world(spec_with_rollout(on_doubt="pause", max_hold="20m", **rollout))
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    return world, world.approve(2)


def in_doubt(world: SluiceWorld, rollout: str, act: Callable[[], object]) -> str:
    """Play the rollout: the alarm goes in its watch; ``act`` follows a day after the watch has ended."""
    doubts: list[datetime] = []

    def meddle(state: str) -> None:
        record = world.ports.store.get(RolloutId.required(rollout))
        if state != "WaitForPromotion" or record.watching_since is None:
            return
        if world.metrics.alarms.pop("sluice-dev-fraud-2-1-errors", None):
            doubts.append(world.clock.now())
        elif doubts and world.clock.now() - doubts[0] > timedelta(days=1):
            doubts.clear()
            act()

    return world.play(rollout, on_state=meddle)


def told_stuck(world: SluiceWorld) -> list[str]:
    return [detail["reason"] for kind, detail in world.events.published if kind == "RolloutStuck"]


@pytest.mark.parametrize("word", ["promote", "abort"])
def test_a_doubt_in_the_watch_is_told_and_a_person_ends_it(word: str) -> None:
    world, rollout = world_with(strategy="all_at_once", watch="10m")
    seen: list[RolloutRecord] = []

    def say() -> None:
        record = world.ports.store.get(RolloutId.required(rollout))
        seen.append(record)
        now = world.clock.now()
        if word == "abort":
            world.ports.store.fence(record.id, "aborted", "aborted by ada", now)
        else:
            world.ports.store.set_command(record.id, Command(kind="promote", by="ada", reason="", at=now))

    assert in_doubt(world, rollout, say) == ("Promoted" if word == "promote" else "RolledBack")
    (record,) = seen
    assert record.held_by is not None
    assert "sluice-dev-fraud-2-1-errors is missing" in record.held_by.reason
    assert "sluice promote fraud" in record.held_by.reason
    assert "sluice abort fraud" in record.held_by.reason
    assert told_stuck(world)[0] == record.held_by.reason
    assert live_variants(world) == {"v2": 100.0} if word == "promote" else {"v1": 100.0}


def test_a_doubt_in_the_watch_is_told_once_a_day() -> None:
    world, rollout = world_with(strategy="all_at_once", watch="10m")
    began = world.clock.now()
    world.events.published.clear()

    def two_days_later() -> None:
        world.clock.pass_seconds(2 * 86400)

    assert in_doubt(world, rollout, two_days_later) == "TimedOut"
    days = (world.clock.now() - began) / timedelta(days=1)
    assert days * 0.4 < len(told_stuck(world)) <= days + 1


def test_a_word_from_before_the_watch_does_not_end_a_doubt_in_it() -> None:
    world, rollout = world_with(strategy="canary", watch="10m")
    said = Command(kind="promote", by="ada", reason="", at=world.clock.now())

    def promote(state: str) -> None:
        record = world.ports.store.get(RolloutId.required(rollout))
        if state == "AnalyzeStage":
            world.ports.store.set_command(record.id, said)
        if state == "WaitForPromotion" and record.watching_since:
            world.metrics.alarms.pop("sluice-dev-fraud-2-1-errors", None)

    assert world.play(rollout, on_state=promote) == "TimedOut"


def test_a_ringing_alarm_is_not_overruled_in_the_watch() -> None:
    world, rollout = world_with(strategy="all_at_once", watch="10m")

    def promote_and_ring() -> None:
        record = world.ports.store.get(RolloutId.required(rollout))
        world.ports.store.set_command(record.id, Command(kind="promote", by="ada", reason="", at=world.clock.now()))
        world.metrics.alarms["sluice-dev-fraud-2-1-alarms"] = "ALARM"

    assert in_doubt(world, rollout, promote_and_ring) == "RolledBack"


def test_a_doubt_in_a_stage_that_asks_a_person_is_told() -> None:
    world, rollout = world_with()
    world.metrics.per_period = {}
    begun: list[datetime] = []
    seen: list[RolloutRecord] = []

    def promote(state: str) -> None:
        if state == "Bake":
            begun.append(world.clock.now())
            if world.clock.now() - begun[0] > timedelta(hours=10) and not seen:
                record = world.ports.store.get(RolloutId.required(rollout))
                seen.append(record)
                said = Command(kind="promote", by="ada", reason="", at=world.clock.now())
                world.ports.store.set_command(record.id, said)

    assert world.play(rollout, on_state=promote) == "Promoted"
    assert seen[0].held_by is not None
    assert "sluice promote fraud" in seen[0].held_by.reason
    assert told_stuck(world) == [seen[0].held_by.reason]


def test_a_pause_that_somebody_asked_for_is_told_to_nobody() -> None:
    world, rollout = world_with()
    world.metrics.per_period = {}

    def pause(state: str) -> None:
        if state == "AnalyzeStage":
            record = world.ports.store.get(RolloutId.required(rollout))
            world.ports.store.set_command(record.id, Command(kind="pause", by="ada", reason="", at=world.clock.now()))

    assert world.play(rollout, on_state=pause) == "TimedOut"
    assert told_stuck(world) == []
