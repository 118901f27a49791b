"""The example that users copy to pin their users to variants keeps what it promises."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "pin_user.py"
USERS = [f"user-{number}" for number in range(4000)]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pin_user", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


variant_for = load().variant_for


@pytest.mark.parametrize("share", [1, 10, 50, 90])
def test_users_are_spread_as_the_weights_say(share: int) -> None:
    weights = {"v9": 100 - share, "v10": share}
    pinned = sum(variant_for(user, "fraud-10-1", weights) == "v10" for user in USERS)
    assert pinned / len(USERS) == pytest.approx(share / 100, abs=0.025)


@given(st.text(), st.integers(0, 100), st.integers(0, 100))
def test_a_user_with_the_new_version_keeps_it_as_its_share_grows(user: str, one: int, other: int) -> None:
    less, more = sorted((one, other))
    if variant_for(user, "t", {"v9": 100 - less, "v10": less}) == "v10":
        assert variant_for(user, "t", {"v9": 100 - more, "v10": more}) == "v10"


@given(st.text(), st.floats(0.01, 1000), st.floats(0.01, 1000))
def test_only_the_proportion_of_the_weights_counts_and_their_order_does_not(user: str, old: float, new: float) -> None:
    pinned = variant_for(user, "t", {"v1": old, "v2": new})
    assert pinned == variant_for(user, "t", {"v2": new, "v1": old})
    assert pinned == variant_for(user, "t", {"v1": old * 4, "v2": new * 4})


def test_another_test_begins_with_other_users() -> None:
    weights = {"v1": 90, "v2": 10}
    first, second = ({user for user in USERS if variant_for(user, test, weights) == "v2"} for test in ("a", "b"))
    assert len(first & second) < len(first) / 4


def test_a_variant_without_weight_serves_nobody() -> None:
    assert {variant_for(user, "t", {"v1": 1, "v2": 0}) for user in USERS} == {"v1"}


@pytest.mark.parametrize("weights", [{"v1": 0, "v2": 0}, {"v1": 2, "v2": -1}])
def test_weights_that_make_no_sense_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weights must not be negative"):
        variant_for("user", "t", weights)
