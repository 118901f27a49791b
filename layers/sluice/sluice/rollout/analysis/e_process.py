"""Evidence that a canary fails more often than its baseline, or surely not, from counts of closed periods. Pure.

Both are e-processes: a betting wealth that starts at 1 and, if the opposite of what is to be shown were
true, is expected never to grow. By Ville's inequality it then exceeds 1/alpha with probability at most
alpha, however many analyses there are and whenever they stop. Each period bets on how its errors split between the
two variants given how its requests did, so rates that drift, incidents that hit both variants and changes of
weight need no special care. All wealth is kept as natural logarithms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, exp, inf, log, log1p

HARM_ALTERNATIVES = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0)  # times the tolerated error rate
SAFE_ALTERNATIVES = (0.02, 0.1, 0.25, 0.5, 0.7)


@dataclass(frozen=True, slots=True)
class Row:
    """Requests and errors of each variant in one closed period. ValueError unless 0 <= errors <= requests."""

    canary_requests: int
    canary_errors: int
    baseline_requests: int
    baseline_errors: int

    def __post_init__(self) -> None:
        if not 0 <= self.canary_errors <= self.canary_requests:
            raise ValueError(f"canary: {self.canary_errors} errors in {self.canary_requests} requests")
        if not 0 <= self.baseline_errors <= self.baseline_requests:
            raise ValueError(f"baseline: {self.baseline_errors} errors in {self.baseline_requests} requests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What is still tolerable: a canary rate of ``ratio`` x the baseline's plus ``margin`` (a fraction)."""

    ratio: float
    margin: float = 0.0
    log_cap: float = inf  # one period multiplies the wealth by at most e to this
    incident_share: float = 1.0  # if more of the baseline's requests are bad, a period can only lower the wealth

    def log_factor(self, row: Row, alternative: float) -> float:
        """The amount that the row adds to the log wealth staked on ``alternative`` x the tolerated rate.

        Its exponential has a mean of at most 1 whenever the canary's rate is at most the bound (alternative
        above 1) or at least the bound (alternative below 1).
        """
        return min(self.log_cap_in(row), self.uncapped_log_factor(row, alternative))

    def log_cap_in(self, row: Row) -> float:
        """The cap on what a row adds. In an incident it is at most 0: an outage of both must not prove "no worse"."""
        in_incident = row.baseline_errors > self.incident_share * row.baseline_requests
        return min(self.log_cap, 0.0) if in_incident else self.log_cap

    def uncapped_log_factor(self, row: Row, alternative: float) -> float:
        canary, baseline = self.ratio * row.canary_requests, row.baseline_requests
        if baseline == 0:
            # There is no baseline to compare with: only the absolute margin can be tested, and only for being below it.
            up, down = min(alternative, 1.0), 1.0
        else:
            up = (canary + baseline) / (canary + baseline / alternative)
            down = (canary + baseline) / (alternative * canary + baseline)
        gain = row.canary_errors * log(up) + row.baseline_errors * log(down)
        gain -= row.canary_requests * (up - 1.0) * self.margin
        return gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Wealth:
    """Log wealth per alternative after some row, as ``harm_path`` and ``safe_path`` give it."""

    harm: tuple[float, ...]
    catastrophe: tuple[float, ...]
    safe: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Log evidence after some row, from this row and those before it."""

    harm: float
    catastrophe: float
    safe: float


@dataclass(frozen=True, slots=True)
class Onset:
    """Assumptions on when harm begins: the share of the wealth bet from the first period on, then the share of the rest
    that enters the game each period. Waiting wealth neither grows nor shrinks."""

    first_share: float = 0.8
    hazard: float = 1 / 60


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A claim to be proven against a bound; ``needed`` is the log evidence that proves it."""

    bound: Bound
    needed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypotheses:
    """The three that are tested on the same rows."""

    harm: Hypothesis
    catastrophe: Hypothesis
    safe: Hypothesis
    onset: Onset


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """What all rows together prove."""

    path: list[Evidence]  # after each row
    harm: float  # the highest it ever was, from 0 before any row, as harm stays proven
    catastrophe: float  # likewise
    safe: float  # now
    harm_proven_at: int | None  # index of the row that proved harm or catastrophe
    is_safe: bool  # now
    requests_needed: int | None  # about how many more canary requests until a decision; None: decided, or never


def weigh(rows: Sequence[Row], tested: Hypotheses) -> Weighing:
    """Test all hypotheses on the rows, oldest first."""
    path, held = [], None
    for harm, catastrophe, safe in zip(
        harm_path(rows, tested.harm.bound, tested.onset),
        harm_path(rows, tested.catastrophe.bound, tested.onset),
        safe_path(rows, tested.safe.bound),
        strict=True,
    ):
        held = Wealth(harm=harm, catastrophe=catastrophe, safe=safe)
        path.append(Evidence(harm=log_sum(harm), catastrophe=log_sum(catastrophe), safe=log_sum(safe)))
    proven = (
        index
        for index, seen in enumerate(path)
        if seen.harm >= tested.harm.needed or seen.catastrophe >= tested.catastrophe.needed
    )
    proven_at = next(proven, None)
    safe_now = path[-1].safe if path else 0.0
    is_safe = safe_now >= tested.safe.needed
    is_decided = is_safe or proven_at is not None
    return Weighing(
        path=path,
        harm=max([0.0, *(seen.harm for seen in path)]),
        catastrophe=max([0.0, *(seen.catastrophe for seen in path)]),
        safe=safe_now,
        harm_proven_at=proven_at,
        is_safe=is_safe,
        requests_needed=None if held is None or is_decided else _requests_needed(rows, tested, held),
    )


def weigh_each(tested: Iterable[tuple[Sequence[Row], Hypotheses]]) -> list[Weighing]:
    """``weigh`` of each."""
    return [weigh(rows, hypotheses) for rows, hypotheses in tested]


def harm_path(rows: Iterable[Row], bound: Bound, onset: Onset) -> Iterator[tuple[float, ...]]:
    """After each row the log wealth on each harm alternative and, last, the log wealth still waiting.

    Only periods in which both variants had traffic teach anything; others spend no waiting wealth either.
    """
    wealth = [-inf] * len(HARM_ALTERNATIVES)
    waiting, share = 0.0, onset.first_share
    for row in rows:
        if row.canary_requests and row.baseline_requests:
            stake = waiting + log(share / len(HARM_ALTERNATIVES))
            waiting += log1p(-share) if share < 1 else -inf
            share = onset.hazard
            wealth = [
                _log_add(held, stake) + bound.log_factor(row, alternative)
                for held, alternative in zip(wealth, HARM_ALTERNATIVES, strict=True)
            ]
        yield (*wealth, waiting)


def safe_path(rows: Iterable[Row], bound: Bound) -> Iterator[tuple[float, ...]]:
    """After each row the log wealth on each alternative below the bound."""
    wealth = [-log(len(SAFE_ALTERNATIVES))] * len(SAFE_ALTERNATIVES)
    for row in rows:
        if row.canary_requests:
            wealth = [
                held + bound.log_factor(row, alternative)
                for held, alternative in zip(wealth, SAFE_ALTERNATIVES, strict=True)
            ]
        yield tuple(wealth)


def _log_add(one: float, other: float) -> float:
    high, low = (one, other) if one >= other else (other, one)
    return high if low == -inf else high + log1p(exp(low - high))


def log_sum(logs: Sequence[float]) -> float:
    """The logarithm of the sum of numbers given by their logarithms."""
    top = max(logs)
    return top if top == -inf else top + log(sum(exp(value - top) for value in logs))


def log_sums(paths: Iterable[Sequence[float]]) -> list[float]:
    """``log_sum`` of each."""
    return [log_sum(logs) for logs in paths]


def _requests_needed(rows: Sequence[Row], tested: Hypotheses, held: Wealth) -> int | None:
    """About how many more canary requests until a decision at the rates seen so far; ``held`` after all rows.

    None when nothing is known yet, or when the rates lie where neither harm nor safety will be proven.
    An estimate by the best single alternative; chance makes it earlier or later.
    """
    seen = [row for row in rows if row.canary_requests]
    if not seen:
        return None
    candidates = [needed for needed in _periods_needed(seen, tested, held) if needed < inf]
    if not candidates:
        return None
    per_period = sum(row.canary_requests for row in seen) / len(seen)
    return max(1, ceil(min(candidates) * per_period))


def _periods_needed(seen: Sequence[Row], tested: Hypotheses, held: Wealth) -> Iterator[float]:
    total = Row(
        sum(row.canary_requests for row in seen),
        sum(row.canary_errors for row in seen),
        sum(row.baseline_requests for row in seen),
        sum(row.baseline_errors for row in seen),
    )
    for hypothesis, alternatives, wealth in (
        (tested.harm, HARM_ALTERNATIVES, held.harm),
        (tested.catastrophe, HARM_ALTERNATIVES, held.catastrophe),
        (tested.safe, SAFE_ALTERNATIVES, held.safe),
    ):
        for stake, alternative in zip(wealth, alternatives, strict=False):  # harm's last entry is waiting wealth
            growth = _growth_per_period(hypothesis.bound, alternative, total, len(seen))
            yield (hypothesis.needed - stake) / growth if growth > 0 else inf


def _growth_per_period(bound: Bound, alternative: float, total: Row, periods: int) -> float:
    """Factors of equal shares multiply to the factor of their total, which saves averaging counts."""
    return min(bound.log_cap_in(total), bound.uncapped_log_factor(total, alternative) / periods)
