"""Least privilege, seen from use: what a role may do, some play does, or there is a reason why none can."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import PLAYED_SECONDS, Played
from tests.e2e.unused_permissions import ANYWHERE, UNUSED

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
    needless = {
        role: unexplained
        for role, actions in used.items()
        if (
            unexplained := sorted(
                {action for action, is_used in actions.items() if not is_used} - {*ANYWHERE, *UNUSED.get(role, ())}
            )
        )
    }
    assert needless == {}, "used by no play and without a reason in UNUSED"


def test_every_reason_still_has_its_permission(used: dict[str, dict[str, bool]]) -> None:
    stale = {
        f"{role}: {action}"
        for role, reasons in UNUSED.items()
        for action in reasons
        if action not in used.get(role, {})
    }
    assert stale == set()
