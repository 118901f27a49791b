"""Least privilege, seen from use: what a role may do, some play does, or there is a reason why none can."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import PLAYED_SECONDS, Played
from tests.e2e.unused_permissions import needless, stale, untrue

pytestmark = pytest.mark.timeout(PLAYED_SECONDS + 60)


@pytest.fixture(scope="module")
def used(story: Played, data_story: Played, scenes: Played) -> dict[str, dict[str, bool]]:
    """Role -> action -> whether any play used it."""
    found: dict[str, dict[str, bool]] = {}
    for played in (story, data_story, scenes):
        for role, grants in played.granted().items():
            for each in grants:
                actions = found.setdefault(role, {})
                actions[each["action"]] = actions.get(each["action"], False) or each["used"]
    return found


def test_every_permission_is_used_or_has_a_reason(used: dict[str, dict[str, bool]]) -> None:
    assert len(used) >= 12
    assert needless(used) == {}, "used by no play and without a reason"


def test_every_reason_is_true(used: dict[str, dict[str, bool]]) -> None:
    assert untrue(used) == {}, "in UNUSED, and used: take it off, or say in BY_TIMING what decides"


def test_every_reason_still_has_its_permission(used: dict[str, dict[str, bool]]) -> None:
    assert stale(used) == [], "not granted, or with two reasons"
