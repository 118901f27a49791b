"""Approvals: which attempt one is, and who gives way when two want one endpoint."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sluice.aws.model_registry import Package
from sluice.rollout.model.record import Fence, RolloutRecord
from sluice.rollout.planning.approvals import attempt_for, resolve_conflict
from sluice.rollout_id import RolloutId

T0 = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def package(modified: float) -> Package:
    return Package(
        arn="arn",
        group="sluice-dev-fraud",
        version=7,
        approval="Approved",
        description="",
        last_modified=at(modified),
    )


def record(version: int = 7, approved: float = 0, **more: Any) -> RolloutRecord:
    return RolloutRecord(
        id=RolloutId(model="fraud", version=version, attempt=more.pop("attempt", 1)),
        package_arn="arn",
        endpoint="sluice-dev-fraud",
        phase=more.pop("phase", "baking"),
        opened_at=T0,
        approved_at=at(approved),
        **more,
    )


def closed(outcome: Any, minutes: float = 10) -> RolloutRecord:
    return record(phase="closed", outcome=outcome, closed_at=at(minutes))


ATTEMPTS: dict[str, tuple[RolloutRecord | None, float, bool, int | None]] = {
    "never seen": (None, 0, True, 1),
    "its event comes again while it runs": (record(), 0, True, 1),
    "its event comes again after the end": (closed("rolled_back"), 0, True, None),
    "its event comes again, modified as it closed": (closed("rolled_back"), 10, True, None),
    "approved again after a rollback": (closed("rolled_back"), 11, True, 2),
    "approved again, the event does not say what changed": (closed("rolled_back"), 11, False, 2),
    "promoted, and approved once more": (closed("promoted"), 11, True, 2),
    "promoted, and something was written to it": (closed("promoted"), 11, False, None),
    "superseded and approved again": (closed("superseded"), 11, True, 2),
}


@pytest.mark.parametrize(("latest", "modified", "certain", "attempt"), ATTEMPTS.values(), ids=ATTEMPTS)
def test_the_attempt(latest: RolloutRecord | None, modified: float, certain: bool, attempt: int | None) -> None:
    assert attempt_for(latest, package(modified), is_certain=certain) == attempt


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


def test_queue_lets_both_and_reject_keeps_the_first() -> None:
    assert resolve_conflict(NEW, [OLD], "queue") == []
    assert resolve_conflict(NEW, [OLD], "reject") == [
        (NEW.id, "withdrawn", "fraud-2-1 is under way and on_new_version is reject")
    ]
