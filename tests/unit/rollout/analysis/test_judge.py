"""The rollout judge: exact cases by hand, and what must hold for any rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import comb, exp, inf, isfinite, log
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.rollout.analysis.comparability import is_starved
from sluice.rollout.analysis.e_process import HARM_ALTERNATIVES, SAFE_ALTERNATIVES, Bound, Evidence, Row, weigh
from sluice.rollout.analysis.findings import Answer
from sluice.rollout.analysis.judge import Judgement, Rules, judge

RULES = Rules()
EAGER = replace(RULES, harm_ratio=1.0, periods_to_prove=0, periods_to_prove_safe=0, first_share=0.99)
SLOW = replace(RULES, harm_ratio=1.25, periods_to_prove=3, periods_to_prove_safe=3)
HEALTHY = Row(100, 1, 900, 9)
OUTAGE = Row(100, 100, 900, 9)
SILENT = Row(0, 0, 900, 9)
NO_BASELINE = Row(100, 1, 0, 0)


def last(rows: Sequence[Row], rules: Rules = RULES) -> Evidence:
    return weigh(rows, rules.hypotheses).path[-1]


def told(verdict: Judgement, rules: Rules = RULES) -> list[str]:
    return list(verdict.reasons(rules))


# --- by hand ---------------------------------------------------------------------------------------------


def test_without_rows_nothing_is_known() -> None:
    verdict = judge([], RULES)

    assert verdict.decision is Answer.HOLD
    assert (verdict.harm, verdict.catastrophe, verdict.safe) == (0, 0, 0)
    assert verdict.requests_needed is None
    assert "no traffic" in told(verdict)[-1]


@pytest.mark.parametrize("alternative", [*HARM_ALTERNATIVES, *SAFE_ALTERNATIVES])
def test_a_factor_is_the_ratio_of_two_binomials_of_how_the_errors_split(alternative: float) -> None:
    row, ratio = Row(50, 3, 200, 4), 1.1
    errors = row.canary_errors + row.baseline_errors

    def likelihood(relative_risk: float) -> float:
        share = relative_risk * 50 / (relative_risk * 50 + 200)
        return comb(errors, 3) * share**3 * (1 - share) ** 4

    factor = exp(Bound(ratio=ratio).log_factor(row, alternative))

    assert factor == pytest.approx(likelihood(ratio * alternative) / likelihood(ratio))


def test_the_first_row_bets_four_fifths_evenly_and_keeps_the_rest() -> None:
    rules = replace(RULES, periods_to_prove=0)
    factors = [exp(rules.harm_bound.log_factor(HEALTHY, g)) for g in HARM_ALTERNATIVES]

    assert exp(last([HEALTHY], rules).harm) == pytest.approx(0.2 + 0.8 * sum(factors) / 6)


def test_the_second_row_bets_a_sixtieth_of_what_was_kept() -> None:
    rules = replace(RULES, periods_to_prove=0)
    factors = [exp(rules.harm_bound.log_factor(HEALTHY, g)) for g in HARM_ALTERNATIVES]
    kept = 0.2 * 59 / 60
    played = sum((0.8 / 6 * factor + 0.2 / 60 / 6) * factor for factor in factors)

    assert exp(last([HEALTHY, HEALTHY], rules).harm) == pytest.approx(kept + played)


def test_one_period_can_give_half_of_the_proof_of_harm_and_no_more() -> None:
    burst = Row(1000, 500, 9000, 0)
    alone = last([burst])

    assert alone.harm <= RULES.harm_needed / 2
    assert last([burst, burst]).harm > alone.harm


def test_a_total_outage_is_a_catastrophe_within_one_period() -> None:
    verdict = judge([HEALTHY] * 30 + [OUTAGE], RULES)

    assert verdict.decision is Answer.ROLL_BACK
    assert verdict.harm_proven_at == 30
    assert verdict.harm < RULES.harm_needed
    assert "plus 20% of requests, since period 31" in told(verdict)[0]


def test_harm_is_proven_by_repetition() -> None:
    bad = Row(100, 5, 900, 9)
    decisions = [judge([bad] * n, RULES).decision for n in range(1, 8)]

    assert decisions[:2] == [Answer.HOLD, Answer.HOLD]
    assert decisions[-1] is Answer.ROLL_BACK


def test_harm_once_proven_stays_proven() -> None:
    recovered = [Row(100, 5, 900, 9)] * 8 + [Row(100, 0, 900, 900)] * 50
    verdict = judge(recovered, RULES)

    assert last(recovered).harm < RULES.harm_needed
    assert verdict.decision is Answer.ROLL_BACK


def test_safety_counts_only_while_it_lasts() -> None:
    proven = [HEALTHY] * 20
    doubtful = [*proven, Row(100, 6, 900, 9)]

    assert judge(proven, RULES).decision is Answer.ADVANCE
    assert judge(doubtful, RULES).decision is Answer.HOLD


def test_without_baseline_traffic_only_an_absolute_rate_can_be_proven_safe() -> None:
    expected = sum(g * exp(-100 * (g - 1) * 0.001) for g in SAFE_ALTERNATIVES) / 5
    verdict = judge([NO_BASELINE], RULES)

    assert (verdict.harm, verdict.catastrophe) == (0, 0)
    assert exp(verdict.safe) == pytest.approx(expected)
    assert "baseline has had no traffic" in told(verdict)[-1]
    assert judge([Row(100, 0, 0, 0)] * 60, RULES).decision is Answer.ADVANCE


def test_a_failing_canary_without_a_baseline_neither_advances_nor_rolls_back() -> None:
    assert judge([Row(100, 100, 0, 0)] * 60, RULES).decision is Answer.HOLD


def test_reasons_name_counts_evidence_and_outlook() -> None:
    verdict = judge([HEALTHY] * 5, RULES)

    assert told(verdict)[1] == "canary 5 errors in 500 requests (1.00%), baseline 45 errors in 4,500 requests (1.00%)"
    assert "of 25 needed" in told(verdict)[2]
    assert f"about {verdict.requests_needed:,} more canary requests" in told(verdict)[3]


@pytest.mark.parametrize(
    ("row", "decision"),
    [
        pytest.param(Row(100, 0, 900, 0), Answer.ADVANCE, id="no errors at all"),
        pytest.param(HEALTHY, Answer.ADVANCE, id="as good as the baseline"),
        pytest.param(Row(100, 3, 900, 9), Answer.ROLL_BACK, id="three times as bad"),
    ],
)
def test_the_outlook_is_about_right_if_things_go_on(row: Row, decision: Answer) -> None:
    known = [row] * 3
    estimate = judge(known, RULES).requests_needed
    more = next(n for n in range(1, 500) if judge([*known, *[row] * n], RULES).decision is not Answer.HOLD)

    assert judge([*known, *[row] * more], RULES).decision is decision
    assert estimate is not None
    assert estimate == pytest.approx(more * 100, rel=0.35)


def test_between_safe_and_harmful_no_number_of_requests_decides() -> None:
    rules = replace(RULES, harm_ratio=2.0, safe_ratio=2.0, safe_margin=0.0)
    verdict = judge([Row(10_000, 200, 90_000, 900)], rules)

    assert (verdict.decision, verdict.requests_needed) == (Answer.HOLD, None)
    assert "no number of requests" in told(verdict)[-1]


@pytest.mark.parametrize("counts", [(1, 2, 0, 0), (-1, 0, 0, 0), (1, -1, 0, 0), (0, 0, 1, 2), (0, 0, -2, -3)])
def test_impossible_rows_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="errors in"):
        Row(*counts)


@pytest.mark.parametrize(
    "changes",
    [
        {"alpha": 0.0},
        {"beta": 1.0},
        {"first_share": 1.0},
        {"hazard": 0.0},
        {"harm_ratio": 0.9},
        {"safe_ratio": 1.0},
        {"safe_ratio": inf},
        {"safe_margin": -0.1},
        {"periods_to_prove": -1},
        {"periods_to_prove_safe": -1},
        {"catastrophe_margin": 1.0},
        {"alpha": float("nan")},
        {"safe_margin": float("nan")},
    ],
)
def test_rules_without_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|within"):
        replace(RULES, **changes)


def test_less_tolerance_and_no_cap_make_the_judge_more_eager() -> None:
    doubtful = [Row(100, 3, 900, 9)] * 8
    eager, default, slow = (last(doubtful, rules).harm for rules in (EAGER, RULES, SLOW))

    assert eager > default > slow


# --- the guarantee, exactly ----------------------------------------------------------------------------


def _outcomes(requests: int, rate: float) -> Iterator[tuple[int, float]]:
    for errors in range(requests + 1):
        yield errors, comb(requests, errors) * rate**errors * (1 - rate) ** (requests - errors)


def _mean_factor(bound: Bound, alternative: float, canary_rate: float, baseline_rate: float) -> float:
    return sum(
        p * q * exp(bound.log_factor(Row(6, x, 9, y), alternative))
        for (x, p), (y, q) in product(_outcomes(6, canary_rate), _outcomes(9, baseline_rate))
    )


@pytest.mark.parametrize("baseline_rate", [0.0, 0.01, 0.2, 0.4])
@pytest.mark.parametrize("bound", [RULES.harm_bound, RULES.catastrophe_bound, Bound(ratio=1.0)])
def test_no_bet_on_harm_is_expected_to_gain_while_the_canary_is_tolerable(bound: Bound, baseline_rate: float) -> None:
    worst_tolerable = min(1.0, bound.ratio * baseline_rate + bound.margin)
    for alternative in HARM_ALTERNATIVES:
        for rate in (worst_tolerable, worst_tolerable / 2, 0.0):
            assert _mean_factor(bound, alternative, rate, baseline_rate) <= 1 + 1e-12


@pytest.mark.parametrize("baseline_rate", [0.0, 0.01, 0.2, 0.4])
@pytest.mark.parametrize("bound", [RULES.safe_bound, Bound(ratio=2.0, margin=0.05), Bound(ratio=1.0)])
def test_no_bet_on_safety_is_expected_to_gain_while_the_canary_is_not_safe(bound: Bound, baseline_rate: float) -> None:
    best_unsafe = min(1.0, bound.ratio * baseline_rate + bound.margin)
    for alternative in SAFE_ALTERNATIVES:
        for rate in (best_unsafe, (best_unsafe + 1) / 2, 1.0):
            assert _mean_factor(bound, alternative, rate, baseline_rate) <= 1 + 1e-12


# --- for any rows ----------------------------------------------------------------------------------------


@st.composite
def any_row(draw: st.DrawFn, most: int = 300) -> Row:
    canary, baseline = draw(st.integers(0, most)), draw(st.integers(0, most))
    return Row(canary, draw(st.integers(0, canary)), baseline, draw(st.integers(0, baseline)))


ANY_ROWS = st.lists(any_row(), max_size=12)
ANY_RULES = st.sampled_from([RULES, EAGER, SLOW])


@given(ANY_ROWS, ANY_RULES)
def test_looking_again_is_the_same_as_going_on(rows: list[Row], rules: Rules) -> None:
    assert [last(rows[: n + 1], rules) for n in range(len(rows))] == weigh(rows, rules.hypotheses).path


@given(ANY_ROWS, any_row(), st.integers(0, 12), ANY_RULES)
def test_one_more_canary_error_never_lowers_harm_nor_raises_safety(
    rows: list[Row], row: Row, place: int, rules: Rules
) -> None:
    if row.canary_errors == row.canary_requests:
        row = replace(row, canary_requests=row.canary_requests + 1)
    worse = replace(row, canary_errors=row.canary_errors + 1)
    before, after = (judge([*rows[:place], each, *rows[place:]], rules) for each in (row, worse))

    assert after.harm >= before.harm - 1e-9
    assert after.catastrophe >= before.catastrophe - 1e-9
    assert after.safe <= before.safe + 1e-9


@given(ANY_ROWS, any_row(), st.integers(0, 12), ANY_RULES)
def test_one_more_baseline_error_never_raises_harm_nor_lowers_safety(
    rows: list[Row], row: Row, place: int, rules: Rules
) -> None:
    if row.baseline_errors == row.baseline_requests:
        row = replace(row, baseline_requests=row.baseline_requests + 1)
    worse = replace(row, baseline_errors=row.baseline_errors + 1)
    before, after = (judge([*rows[:place], each, *rows[place:]], rules) for each in (row, worse))

    assert after.harm <= before.harm + 1e-9
    assert after.catastrophe <= before.catastrophe + 1e-9
    assert after.safe >= before.safe - 1e-9


@given(ANY_ROWS, st.integers(0, 12), st.integers(0, 300), ANY_RULES)
def test_a_row_without_canary_traffic_changes_nothing(rows: list[Row], place: int, baseline: int, rules: Rules) -> None:
    silent = Row(0, 0, baseline, baseline // 2)
    with_silence = judge([*rows[:place], silent, *rows[place:]], rules)
    without = judge(rows, rules)

    # Only the number of the period in which harm was proven may move by the row that was put in.
    assert replace(with_silence, harm_proven_at=None) == replace(without, harm_proven_at=None)


@given(ANY_ROWS, st.integers(0, 12), st.integers(1, 300), ANY_RULES)
def test_a_row_without_baseline_traffic_teaches_harm_nothing(
    rows: list[Row], place: int, canary: int, rules: Rules
) -> None:
    alone = Row(canary, canary, 0, 0)
    with_it, without = judge([*rows[:place], alone, *rows[place:]], rules), judge(rows, rules)

    assert (with_it.harm, with_it.catastrophe) == (without.harm, without.catastrophe)
    assert with_it.safe <= without.safe


@given(
    st.lists(any_row(), min_size=1, max_size=12).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows)))
)
def test_safety_does_not_depend_on_the_order_of_rows(both: tuple[list[Row], list[Row]]) -> None:
    assert last(both[0]).safe == pytest.approx(last(both[1]).safe, abs=1e-9)


def test_harm_does_depend_on_the_order_because_it_may_begin_late() -> None:
    early, late = [OUTAGE, HEALTHY], [HEALTHY, OUTAGE]

    assert judge(early, RULES).harm > judge(late, RULES).harm


@given(ANY_ROWS, st.floats(0.01, 1.0))
def test_what_is_seen_beside_a_failing_baseline_only_ever_speaks_against_the_canary(
    rows: list[Row], incident_share: float
) -> None:
    wary, naive = judge(rows, replace(RULES, incident_share=incident_share)), judge(rows, RULES)
    alone = [row for row in rows if row.baseline_errors <= incident_share * row.baseline_requests]

    assert wary.safe <= min(naive.safe, judge(alone, RULES).safe) + 1e-9
    assert (wary.harm, wary.catastrophe) == (naive.harm, naive.catastrophe)


@given(ANY_ROWS, ANY_RULES)
def test_only_proof_moves_anything(rows: list[Row], rules: Rules) -> None:
    verdict = judge(rows, rules)
    proven = verdict.harm >= rules.harm_needed or verdict.catastrophe >= rules.catastrophe_needed

    assert (verdict.decision is Answer.ROLL_BACK) == proven == (verdict.harm_proven_at is not None)
    if verdict.decision is Answer.ADVANCE:
        assert verdict.safe >= rules.safe_needed
    assert verdict.requests_needed is None or verdict.decision is Answer.HOLD


@given(st.lists(any_row(most=10**12), max_size=6), ANY_RULES)
def test_evidence_stays_finite_for_any_counts(rows: list[Row], rules: Rules) -> None:
    for evidence in weigh(rows, rules.hypotheses).path:
        assert all(isfinite(value) for value in (evidence.harm, evidence.catastrophe, evidence.safe))
    assert all(told(judge(rows, rules), rules))


# --- the canary's share of the traffic -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("canary", "baseline", "starved"),
    [
        pytest.param(10, 90, False, id="as the weight says"),
        pytest.param(5, 95, False, id="half of it is still tolerated"),
        pytest.param(0, 20, False, id="nothing of a few requests proves nothing"),
        pytest.param(0, 110, True, id="nothing of many requests"),
        pytest.param(1, 999, True, id="next to nothing"),
        pytest.param(0, 0, False, id="no traffic at all"),
    ],
)
def test_missing_traffic_is_noticed(canary: int, baseline: int, starved: bool) -> None:
    assert is_starved([Row(canary, 0, baseline, 0)], weight=0.1) is starved


def test_the_evidence_of_missing_traffic_is_exact() -> None:
    # Each baseline request multiplies by (1 - 0.005) / (1 - 0.05); 99 of them stay below 100, 100 reach it.
    needed = next(n for n in range(1, 1000) if n * log(0.995 / 0.95) >= log(100))

    assert not is_starved([Row(0, 0, needed - 1, 0)], weight=0.1)
    assert is_starved([Row(0, 0, needed, 0)], weight=0.1)


@pytest.mark.parametrize("weight", [0.0, -0.1, 2.0])
def test_a_weight_without_sense_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        is_starved([HEALTHY], weight=weight)
