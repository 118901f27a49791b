"""Intervals for the difference of two versions: right at every look, whatever drifts, and not too wide."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import inf, log, sin, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.aws.metric_data import Moments
from sluice.rollout.analysis.confidence_sequence import Interval, Pair, asymptotic_interval, bounded_interval, effect

from bench.confidence import at_least, at_most

ALPHA = 0.05
NOTHING = Moments(0, 0.0, 0.0)


def yes(count: int, hits: int) -> Moments:
    return Moments(count, hits, hits)


def swapped(pairs: Sequence[Pair]) -> list[Pair]:
    return [Pair(pair.baseline, pair.candidate) for pair in pairs]


def bounded(pairs: Sequence[Pair]) -> Interval:
    found = bounded_interval(pairs, ALPHA)
    assert found is not None
    return found


def test_without_outcomes_of_both_there_is_no_effect() -> None:
    alone = [Pair(yes(10, 3), NOTHING)] * 3
    assert effect(alone) is None
    assert bounded_interval(alone, ALPHA) is None
    assert asymptotic_interval([Pair(yes(1000, 3), NOTHING)], ALPHA) is None


def test_each_period_is_compared_within_itself() -> None:
    """Pooled, the candidate would seem far better: it had most of its traffic when both did well."""
    quiet, good = Pair(yes(50, 5), yes(950, 95)), Pair(yes(500, 250), yes(500, 250))
    assert effect([quiet, good] * 10) == 0
    found = bounded([quiet, good] * 10)
    assert found.low < 0 < found.high


def test_the_first_period_only_teaches_what_to_expect() -> None:
    outcomes = Pair(yes(100, 20), yes(900, 90))
    assert bounded_interval([outcomes], ALPHA) is None
    assert bounded_interval([outcomes] * 2, ALPHA) is not None


def test_a_clear_difference_is_found_with_its_size() -> None:
    found = bounded([Pair(yes(100, 20), yes(900, 90))] * 30)
    assert found.low == pytest.approx(0.06, abs=0.015)
    assert found.estimate == pytest.approx(0.1)
    assert found.high == pytest.approx(0.14, abs=0.015)
    assert found.log_evidence > log(2 / ALPHA)


def test_enough_values_of_any_size_are_compared_in_the_limit() -> None:
    few = [Pair(Moments(30, 300.0, 4000.0), Moments(270, 2700.0, 36000.0))] * 33
    assert asymptotic_interval(few, ALPHA) is None
    found = asymptotic_interval(few * 3, ALPHA)
    assert found is not None
    assert found.estimate == 0
    assert found.low == -found.high < 0


def test_values_that_are_all_alike_tell_nothing_of_their_spread() -> None:
    assert asymptotic_interval([Pair(Moments(100, 0.0, 0.0), Moments(900, 0.0, 0.0))] * 9, ALPHA) is None


# ---- properties


@st.composite
def any_sample(draw: st.DrawFn, most: int = 10_000) -> Moments:
    count = draw(st.integers(0, most))
    return yes(count, draw(st.integers(0, count)))


ANY_PAIRS = st.lists(st.builds(Pair, any_sample(), any_sample()), max_size=8)


@given(ANY_PAIRS)
def test_the_estimate_lies_within_its_bounds_which_lie_within_the_possible(pairs: list[Pair]) -> None:
    found = bounded_interval(pairs, ALPHA)
    if found is not None:
        assert -1 <= found.low <= found.high <= 1
        assert found.low <= found.estimate + 1e-9
        assert found.estimate <= found.high + 1e-9


@given(ANY_PAIRS)
def test_swapping_the_versions_turns_the_interval_around(pairs: list[Pair]) -> None:
    one, other = bounded_interval(pairs, ALPHA), bounded_interval(swapped(pairs), ALPHA)
    if one is None or other is None:
        assert one is other
    else:
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
        assert one.log_evidence == pytest.approx(other.log_evidence)


@given(ANY_PAIRS, st.integers(0, 5))
def test_a_period_in_which_only_one_was_seen_moves_no_estimate(pairs: list[Pair], at: int) -> None:
    more = [*pairs[:at], Pair(yes(100, 50), NOTHING), *pairs[at:]]
    assert effect(more) == pytest.approx(effect(pairs))


@given(ANY_PAIRS)
def test_a_stricter_level_gives_a_wider_interval(pairs: list[Pair]) -> None:
    loose, strict = bounded_interval(pairs, 0.1), bounded_interval(pairs, 0.01)
    if loose is not None and strict is not None:
        assert strict.low <= loose.low <= loose.high <= strict.high


@given(ANY_PAIRS)
def test_evidence_and_interval_agree(pairs: list[Pair]) -> None:
    found = bounded_interval(pairs, ALPHA)
    if found is not None and abs(found.log_evidence - log(2 / ALPHA)) > 1e-6:
        assert (found.log_evidence > log(2 / ALPHA)) == (found.low > 0 or found.high < 0)


# ---- how often they err, looked at in every period; a limit counts as kept only if the runs prove it


def hits(generator: random.Random, count: int, rate: float) -> int:
    """Binomial; normal where that makes no difference."""
    spread = sqrt(count * rate * (1 - rate))
    if spread > 6:
        return min(count, max(0, round(generator.gauss(count * rate, spread))))
    return sum(generator.random() < rate for _ in range(count))


def drifting(generator: random.Random, per_minute: int, share: float, rate: float, lift: float = 0.0) -> list[Pair]:
    """The rate swings by half, and the candidate's share of the traffic goes up in the middle."""
    pairs = []
    minutes = 40
    for minute in range(minutes):
        now = rate * (1 + sin(minute / 7) / 2)
        of_candidate = round(per_minute * (share if minute < minutes // 2 else min(0.5, 3 * share)))
        of_baseline = per_minute - of_candidate
        pairs.append(
            Pair(
                yes(of_candidate, hits(generator, of_candidate, min(1.0, now + lift))),
                yes(of_baseline, hits(generator, of_baseline, now)),
            )
        )
    return pairs


def spending(generator: random.Random, lift: float = 1.0, minutes: int = 60) -> list[Pair]:
    """One in twenty buys, for a price with a heavy tail."""

    def sample(count: int, factor: float) -> Moments:
        bought = [factor * generator.lognormvariate(3, 1) for _ in range(hits(generator, count, 0.05))]
        return Moments(count, sum(bought), sum(price**2 for price in bought))

    return [Pair(sample(200, lift), sample(800, 1.0)) for _ in range(minutes)]


def decided(pairs: Sequence[Pair], interval: Callable[[Sequence[Pair], float], Interval | None]) -> tuple[float, bool]:
    """The look that decided, infinite if none did, and whether it was for the candidate."""
    for look in range(1, len(pairs) + 1):
        found = interval(pairs[:look], ALPHA)
        if found and (found.low > 0 or found.high < 0):
            return look, found.low > 0
    return inf, False


@pytest.mark.parametrize(
    ("per_minute", "share", "rate"), [(100, 0.1, 0.02), (1000, 0.1, 0.1), (1000, 0.5, 0.3), (20, 0.5, 0.5)]
)
def test_equal_versions_are_rarely_distinguished_however_often_one_looks(
    per_minute: int, share: float, rate: float
) -> None:
    generator = random.Random(2024)
    runs = 100
    wrong = sum(decided(drifting(generator, per_minute, share, rate), bounded_interval)[0] < inf for _ in range(runs))
    assert at_most(wrong, runs) <= ALPHA


def test_an_effect_that_comes_and_goes_is_covered_as_the_average_that_it_is() -> None:
    generator = random.Random(7)
    missed = 0
    for _ in range(150):
        pairs: list[Pair] = []
        effects: list[float] = []
        for minute in range(40):
            lift = 0.2 if minute % 10 < 3 else -0.05
            pairs.append(Pair(yes(50, hits(generator, 50, 0.3 + lift)), yes(150, hits(generator, 150, 0.3))))
            effects.append(lift)
            found = bounded_interval(pairs, ALPHA)
            if found is not None and not found.low <= sum(effects[1:]) / len(effects[1:]) <= found.high:
                missed += 1
                break
    assert at_most(missed, 150) <= ALPHA


def test_a_fifth_more_conversions_are_found_within_40_minutes() -> None:
    """1,000 requests a minute, a tenth of them the candidate's, later three tenths; 10 % convert."""
    generator = random.Random(11)
    looks = [decided(drifting(generator, 1000, 0.1, 0.1, lift=0.02), bounded_interval) for _ in range(60)]
    assert at_least(sum(look <= 40 and won for look, won in looks), 60) >= 0.9
    assert not any(look < inf and not won for look, won in looks)


def test_the_interval_is_less_than_twice_as_wide_as_one_for_a_single_look() -> None:
    """The price of looking at any time."""
    found = bounded([Pair(yes(100, 30), yes(900, 270))] * 60)
    fixed = 1.96 * sqrt(0.3 * 0.7 / (59 * 90))
    assert (found.high - found.low) / 2 < 2 * fixed


def test_revenue_with_a_heavy_tail_comes_close_to_its_level_and_finds_half_as_much_again() -> None:
    generator = random.Random(5)
    wrong = sum(decided(spending(generator), asymptotic_interval)[0] < inf for _ in range(150))
    assert at_most(wrong, 150) <= 2 * ALPHA
    looks = [decided(spending(generator, lift=1.5), asymptotic_interval) for _ in range(40)]
    assert at_least(sum(won for _, won in looks), 40) >= 0.9
