"""The bounds that the Monte-Carlo tests rest on."""

from __future__ import annotations

import pytest

from bench.confidence import at_least, at_most


def test_no_hits_give_the_rule_of_three() -> None:
    assert at_most(0, 300) == pytest.approx(3 / 300, rel=0.01)


def test_bounds_are_those_of_the_beta_distribution() -> None:
    assert at_most(5, 100) == pytest.approx(0.10225, abs=1e-4)
    assert at_least(95, 100) == pytest.approx(0.89775, abs=1e-4)


def test_certainty_is_bounded_by_itself() -> None:
    assert (at_most(10, 10), at_least(0, 10)) == (1.0, 0.0)
