"""Approvals: which attempt one is, and who gives way when two want one endpoint."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sluice.rollout.model.record import Fence, RolloutRecord
from sluice.rollout.planning.approvals import attempt_for, resolve_conflict
from sluice.rollout_id import RolloutId

T0 = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def record(version: int = 7, approved: float = 0, **more: Any) -> RolloutRecord:
    return RolloutRecord(
        id=RolloutId(model="fraud", version=version, attempt=more.pop("attempt", 1)),
        package_arn="arn",
        endpoint="sluice-dev-fraud",
        phase=more.pop("phase", "baking"),
        opened_at=at(more.pop("opened", 0)),
        approved_at=at(approved),
        **more,
    )


def closed(outcome: Any, minutes: float = 10, **more: Any) -> RolloutRecord:
    return record(phase="closed", outcome=outcome, closed_at=at(minutes), **more)


def fenced(minutes: float) -> Fence:
    return Fence(kind="alarm", reason="", at=at(minutes))


ATTEMPTS: dict[str, tuple[RolloutRecord | None, float, int | None]] = {
    "never seen": (None, 0, 1),
    "its event comes again while it runs": (record(), 0, 1),
    "its event comes again after the end": (closed("rolled_back"), 0, None),
    "approved once more while it ran": (closed("rolled_back"), 5, None),
    "approved once more as it closed": (closed("rolled_back"), 10, None),
    "approved again after a rollback": (closed("rolled_back"), 11, 2),
    "approved again after its promotion": (closed("promoted"), 11, 2),
    "superseded and approved again": (closed("superseded"), 11, 2),
    "approved once more while it is not stopped": (record(), 5, 1),
    "approved once more before it was stopped": (record(fence=fenced(6)), 5, 1),
    "approved once more while it goes back": (record(fence=fenced(6)), 7, 2),
    "approved once more while it went back, told after the close": (closed("rolled_back", fence=fenced(6)), 7, 2),
    "an older approval than that of its rollout": (closed("promoted", minutes=1, approved=8), 5, None),
}


@pytest.mark.parametrize(("latest", "approved", "attempt"), ATTEMPTS.values(), ids=ATTEMPTS)
def test_the_attempt(latest: RolloutRecord | None, approved: float, attempt: int | None) -> None:
    assert attempt_for(latest, at(approved)) == attempt


OLD, NEW = record(2, approved=1), record(3, approved=2)
FENCED = replace(OLD, fence=Fence(kind="alarm", reason="", at=T0))


def test_alone_nobody_gives_way() -> None:
    for policy in ("supersede", "queue", "reject"):
        assert resolve_conflict(NEW, [NEW], policy) == []
        assert resolve_conflict(NEW, [NEW, replace(OLD, phase="closed"), FENCED], policy) == []


def test_the_later_approval_wins_whichever_event_comes_first() -> None:
    expected = [(OLD.id, "superseded", "superseded by fraud/3")]
    assert resolve_conflict(NEW, [OLD], "supersede") == expected
    assert resolve_conflict(OLD, [NEW, OLD], "supersede") == expected


def test_of_two_approved_at_once_the_higher_version_wins() -> None:
    same = replace(OLD, approved_at=NEW.approved_at)
    assert [loser for loser, *_ in resolve_conflict(same, [NEW], "supersede")] == [same.id]


@pytest.mark.parametrize("order", list(permutations([record(version, approved=version) for version in (1, 2, 3)])))
def test_of_three_one_is_left_in_any_order(order: tuple[RolloutRecord, ...]) -> None:
    open_ones: dict[RolloutId, RolloutRecord] = {}
    for new in order:
        open_ones[new.id] = new
        for loser, *_ in resolve_conflict(new, list(open_ones.values()), "supersede"):
            del open_ones[loser]
    assert [each.version for each in open_ones] == [3]


def test_queue_lets_both() -> None:
    assert resolve_conflict(NEW, [OLD], "queue") == []


FIRST, SECOND = record(3, opened=1), record(2, opened=2)


@pytest.mark.parametrize("known", [[FIRST], [FIRST, SECOND]])
def test_reject_keeps_what_was_opened_first(known: list[RolloutRecord]) -> None:
    expected = [(SECOND.id, "withdrawn", "fraud-3-1 is under way and on_new_version is reject")]
    assert resolve_conflict(SECOND, known, "reject") == expected
    assert resolve_conflict(FIRST, [FIRST, SECOND], "reject") == []


@pytest.mark.parametrize("order", list(permutations([record(version, opened=1) for version in (1, 2, 3)])))
def test_reject_keeps_exactly_one_of_three_that_were_opened_at_once(order: tuple[RolloutRecord, ...]) -> None:
    """Each delivery of each event sees all three before any of them is stopped."""
    stopped = {loser for new in (*order, *order) for loser, *_ in resolve_conflict(new, order, "reject")}
    assert len({each.id for each in order} - stopped) == 1
