"""The lock of an endpoint: one holder at a time, whatever is repeated."""

from __future__ import annotations

import pytest
from sluice.rollout.model.endpoint_lock import EndpointLocks
from sluice.rollout_id import RolloutId

from tests.fakes.table import FakeTable

FIRST = RolloutId(model="fraud", version=1, attempt=1)
SECOND = RolloutId(model="fraud", version=2, attempt=1)


@pytest.fixture
def locks() -> EndpointLocks:
    return EndpointLocks(FakeTable())


def test_a_free_lock_has_no_holder(locks: EndpointLocks) -> None:
    assert locks.holder("e") is None


def test_only_one_rollout_holds_it(locks: EndpointLocks) -> None:
    assert locks.acquire("e", FIRST)
    assert locks.acquire("e", FIRST), "a repeated call holds it still"
    assert not locks.acquire("e", SECOND)
    assert locks.acquire("another", SECOND)
    assert locks.holder("e") == FIRST


def test_only_its_holder_releases_it(locks: EndpointLocks) -> None:
    locks.acquire("e", FIRST)
    locks.release("e", SECOND)
    assert locks.holder("e") == FIRST
    locks.release("e", FIRST)
    locks.release("e", FIRST)
    assert locks.acquire("e", SECOND)
