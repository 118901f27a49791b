"""Whether a shadow agrees with the live version is proved from pairs of answers, or it is not known."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.rollout.analysis.data_capture import Captured
from sluice.rollout.analysis.shadow_agreement import Agreement, Terms, answers_agree, judge_agreement, pairs

TERMS = Terms(tolerance=0.1, min_share=0.9, min_pairs=100, alpha=0.05, beta=0.05)


def exchange(request: str, answer: str = "1", *ids: str) -> Captured:
    return Captured(ids=ids, request=request, answer=answer)


def outcome(agreed: int, compared: int, terms: Terms = TERMS) -> Agreement:
    same, other = (exchange("a", "1"), exchange("a", "1")), (exchange("a", "1"), exchange("a", "2"))
    return judge_agreement([same] * agreed + [other] * (compared - agreed), terms)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0.50", "0.5"),
        ("100\n7", "109,\n7".replace(",", "")),
        ('{"score": 1.0, "label": "a"}', '{"label": "a", "score": 1.05}'),
        ("cat,0.9", "cat,0.91"),
        ("[1, [2, 3]]", "[1.0, [2.1, 3]]"),
    ],
)
def test_answers_agree_within_the_tolerance(one: str, other: str) -> None:
    assert answers_agree(one, other, 0.1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.2"),
        ("1,2", "1"),
        ("cat,0.9", "dog,0.9"),
        ('{"score": 1}', '{"score": 1, "more": 2}'),
        ("true", "1"),
        ("nan", "1"),
        ("[1" + "0" * 400 + "]", "[1]"),  # an integer that no float can hold
        ("1", ""),
    ],
)
def test_answers_differ(one: str, other: str) -> None:
    assert not answers_agree(one, other, 0.1)


def test_pairs_are_found_by_id_and_else_by_what_was_asked() -> None:
    live = [exchange("a", "1", "i1"), exchange("b", "2", "e2"), exchange("b", "3", "e3"), exchange("c", "4")]
    shadow = [exchange("b", "20", "other"), exchange("a", "10", "i1"), exchange("b", "30", "x"), exchange("b", "40")]
    found = {(one.answer, other.answer) for one, other in pairs(live, shadow)}
    assert found == {("1", "10"), ("2", "20"), ("3", "30")}


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_nobody_is_in_two_pairs(live: list[str], shadow: list[str]) -> None:
    ours = [exchange(each, str(index)) for index, each in enumerate(live)]
    theirs = [exchange(each, str(index)) for index, each in enumerate(shadow)]
    found = list(pairs(ours, theirs))
    assert len({one.answer for one, _ in found}) == len({other.answer for _, other in found}) == len(found)
    assert all(one.request == other.request for one, other in found)
    assert len(found) == sum(min(live.count(each), shadow.count(each)) for each in "abc")


def test_enough_equal_answers_are_proof() -> None:
    found = outcome(300, 300)
    assert found.decision == "agrees"
    assert "300 of 300" in found.reason


def test_few_answers_are_no_proof_however_equal() -> None:
    assert outcome(99, 99).decision == "unknown"
    assert outcome(0, 0).decision == "unknown"


def test_too_few_that_agree_are_proof_against_it_at_any_number() -> None:
    assert outcome(5, 20).decision == "differs"


def test_a_share_at_the_limit_is_never_settled_quickly() -> None:
    assert outcome(900, 1000).decision == "unknown"


@pytest.mark.parametrize(
    ("least", "agreed", "decision"), [(1.0, 200, "agrees"), (1.0, 199, "differs"), (0.0, 0, "agrees")]
)
def test_the_ends_of_the_scale(least: float, agreed: int, decision: str) -> None:
    terms = Terms(tolerance=0.1, min_share=least, min_pairs=100, alpha=0.05, beta=0.05)
    assert outcome(agreed, 200, terms).decision == decision


@given(st.integers(0, 500), st.integers(0, 500))
def test_one_more_agreement_never_speaks_against_it(agreed: int, differed: int) -> None:
    less, more = outcome(agreed, agreed + differed), outcome(agreed + 1, agreed + 1 + differed)
    assert more.evidence_against <= less.evidence_against
    assert more.evidence_for >= less.evidence_for


def test_looking_often_does_not_make_a_version_at_the_limit_look_bad() -> None:
    """The chance of ever calling it different is at most alpha; 400 looks each, 400 versions."""
    chance = random.Random(7)
    wrong = 0
    for _ in range(400):
        agreed = 0
        for look in range(1, 41):
            agreed += sum(chance.random() < 0.9 for _ in range(10))
            if outcome_of(agreed, look * 10) == "differs":
                wrong += 1
                break
    assert wrong / 400 <= 0.05


def outcome_of(agreed: int, compared: int) -> str:
    return outcome(agreed, compared).decision
