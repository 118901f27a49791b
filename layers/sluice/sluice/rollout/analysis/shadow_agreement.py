"""Whether a shadow predicts what the live version predicts: pairs of answers to the same request, compared. Pure.

Whether enough of them agree is decided by two betting wealths on the share p of agreeing pairs, as ``e_process`` does
for errors: each pair multiplies the wealth on an alternative q by q/m if it agrees and by (1-q)/(1-m) if it does not,
where m is the least share wanted. That has a mean of at most 1 as long as p <= m (q above m) or p >= m (q below m), so
by Ville's inequality it exceeds 1/alpha with probability at most alpha, at any number of analyses.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isclose, log
from typing import Literal

from sluice.rollout.analysis.data_capture import Captured
from sluice.rollout.analysis.e_process import log_sum

_ABOVE = (0.25, 0.5, 0.75, 0.9, 0.99)  # of the way from the least share up to 1
_BELOW = (0.98, 0.9, 0.7, 0.4, 0.1)  # of the least share


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The tolerance that counts as agreement, and the required share of it. Shares are fractions."""

    tolerance: float  # relative, for numbers
    min_share: float
    min_pairs: int
    alpha: float
    beta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How many answers were compared and agreed; evidence in natural logarithms."""

    decision: Literal["agrees", "unknown", "differs"]
    compared: int
    agreed: int
    evidence_for: float
    evidence_against: float
    reason: str


def pairs(live: Iterable[Captured], shadow: Iterable[Captured]) -> Iterator[tuple[Captured, Captured]]:
    """Exchanges of both versions that answer the same request: by an id that both have, else by the request's body.

    AWS does not say whether a mirrored request keeps its event id. Each exchange is part of at most one pair.
    """
    by_id: dict[str, int] = {}
    by_request: dict[str, list[int]] = defaultdict(list)
    kept = list(live)
    for index, each in enumerate(kept):
        by_id |= dict.fromkeys(each.ids, index)
        by_request[each.request].append(index)
    unmatched: list[Captured] = []
    taken: set[int] = set()
    for each in shadow:
        found = next((by_id[one] for one in each.ids if one in by_id), None)
        if found is None or found in taken:
            unmatched.append(each)
        else:
            taken.add(found)
            yield kept[found], each
    for each in unmatched:
        waiting = by_request[each.request]
        while waiting and waiting[0] in taken:
            waiting.pop(0)
        if waiting:
            taken.add(waiting[0])
            yield kept[waiting.pop(0)], each


def answers_agree(one: str, other: str, tolerance: float) -> bool:
    """Whether two answers say the same: equal text, or the same shape with numbers within a relative tolerance."""
    if one == other:
        return True
    left, right = _parsed(one), _parsed(other)
    return left is not None and right is not None and _alike(left, right, tolerance)


def judge_agreement(found: Iterable[tuple[Captured, Captured]], terms: Terms) -> Agreement:
    """Proof that enough answers agree, proof that too few do, or neither yet."""
    outcomes = [answers_agree(live.answer, shadow.answer, terms.tolerance) for live, shadow in found]
    compared, agreed = len(outcomes), sum(outcomes)
    least = terms.min_share
    share_for = _wealth(compared, agreed, least, [least + (1 - least) * part for part in _ABOVE])
    share_against = _wealth(compared, agreed, least, [least * part for part in _BELOW])
    if share_against >= -log(terms.alpha):
        decision: Literal["agrees", "unknown", "differs"] = "differs"
    elif compared >= terms.min_pairs and (share_for >= -log(terms.beta) or (least >= 1 and agreed == compared)):
        decision = "agrees"
    else:
        decision = "unknown"
    return Agreement(
        decision=decision,
        compared=compared,
        agreed=agreed,
        evidence_for=share_for,
        evidence_against=share_against,
        reason=_reason(decision, compared, agreed, terms),
    )


def _wealth(compared: int, agreed: int, least: float, alternatives: Sequence[float]) -> float:
    """Log of the mean wealth over the alternatives; at the ends of the scale a single pair can be proof."""
    differed = compared - agreed
    if least >= 1:
        return inf if differed and alternatives[0] < 1 else 0.0
    if least <= 0:
        return inf if compared and alternatives[0] > 0 else 0.0
    bets = [agreed * log(each / least) + differed * log((1 - each) / (1 - least)) for each in alternatives]
    return log_sum(bets) - log(len(bets))


def _reason(decision: str, compared: int, agreed: int, terms: Terms) -> str:
    share = f"{agreed:,} of {compared:,} answers agree" + (f" ({agreed / compared:.2%})" if compared else "")
    wanted = f"at least {terms.min_share:.2%}"
    if decision == "agrees":
        return f"{share}: proven to be {wanted}"
    if decision == "differs":
        return f"{share}: proven not to be {wanted}"
    if compared < terms.min_pairs:
        return f"{share}; {terms.min_pairs:,} are to be compared"
    return f"{share}: not yet proven to be {wanted}, nor that they are not"


def _parsed(text: str) -> object:
    """JSON, or the fields of CSV; None for what is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return [[field.strip() for field in line.split(",")] for line in text.strip().splitlines()] or None


def _alike(one: object, other: object, tolerance: float) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[key], other[key], tolerance) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(
            _alike(left, right, tolerance) for left, right in zip(one, other, strict=True)
        )
    left, right = _number(one), _number(other)
    if left is None or right is None:
        return type(one) is type(other) and one == other  # True is no 1
    return isclose(left, right, rel_tol=tolerance, abs_tol=1e-12)  # never of NaN


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | str):
        try:
            return float(value)
        except (ValueError, OverflowError):
            return None
    return None
