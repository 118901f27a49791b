"""An A/B test in one analysis: how the candidate does beside the baseline, and whether that ends the test. Pure.

The interval of ``confidence_sequence`` holds over all analyses together, so the test may end as soon as the interval
lies on one side of zero: with probability ``alpha`` at most it ever does so when the versions do the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import ceil, exp, log
from typing import Any

from sluice.aws.metric_data import Moments, pooled_each
from sluice.rollout.analysis.confidence_sequence import Interval, Pair, asymptotic_interval, bounded_interval
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.model.plan import Experiment

NAME = "A/B test"

_MOST_ODDS = log(1e6)


class Standing(StrEnum):
    """Where a test stands."""

    EARLY = "early"  # it has to go on for its least time, whatever is seen
    OPEN = "open"
    WON = "won"
    LOST = "lost"
    KEPT = "tie, old version kept"
    PROMOTED = "tie, new version promoted"
    NOTHING = "nothing compared"


_VERDICTS = {
    Standing.EARLY: (Answer.HOLD, "the least time is not over"),
    Standing.OPEN: (Answer.HOLD, "undecided"),
    Standing.WON: (Answer.ADVANCE, "the new version won the A/B test"),
    Standing.LOST: (Answer.ROLL_BACK, "the new version lost the A/B test"),
    Standing.KEPT: (Answer.ROLL_BACK, "a tie at the end of the test, and on_tie says keep"),
    Standing.PROMOTED: (Answer.ADVANCE, "a tie at the end of the test, and on_tie says promote"),
    Standing.NOTHING: (Answer.ROLL_BACK, "nothing was compared until the end of the test"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ABComparison:
    """What is known of both versions. ``interval`` is None while there are too few outcomes."""

    candidate: Moments
    baseline: Moments
    interval: Interval | None
    is_exact: bool  # holds for any number of outcomes, not only for many

    @property
    def is_empty(self) -> bool:
        """Whether one of the versions was never seen: nothing was compared."""
        return not (self.candidate.count and self.baseline.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the test has come."""

    elapsed_seconds: float
    least_seconds: int
    requests: int  # of the candidate

    def is_over(self, experiment: Experiment) -> bool:
        """Whether the most time or the most requests are used up."""
        enough = experiment.max_requests is not None and self.requests >= experiment.max_requests
        return enough or self.elapsed_seconds >= experiment.max_seconds


def compare_versions(pairs: Sequence[Pair], alpha: float, *, is_bounded: bool = True) -> ABComparison:
    """Both versions over all periods so far. ``is_bounded``: every value lies within 0..1, such as yes or no."""
    interval = bounded_interval(pairs, alpha) if is_bounded else asymptotic_interval(pairs, alpha)
    candidate, baseline = pooled_each([[pair.candidate for pair in pairs], [pair.baseline for pair in pairs]])
    return ABComparison(
        candidate=candidate,
        baseline=baseline,
        interval=interval,
        is_exact=is_bounded,
    )


def compare_and_find(
    pairs: Sequence[Pair], alpha: float, experiment: Experiment, progress: Progress, *, is_bounded: bool
) -> Finding:
    """``ab_finding`` of what ``compare_versions`` says."""
    return ab_finding(compare_versions(pairs, alpha, is_bounded=is_bounded), experiment, progress)


def ab_finding(comparison: ABComparison, experiment: Experiment, progress: Progress) -> Finding:
    """A winner advances, a loser goes; a tie at the end follows the plan's rule, but without data nothing advances."""
    standing = _standing(comparison, experiment, progress)
    answer, verdict = _VERDICTS[standing]
    return Finding(
        name=NAME,
        answer=answer,
        reason=": ".join([verdict, "; ".join(_sentences(comparison, experiment, is_open=answer is Answer.HOLD))]),
        is_doubt=standing in (Standing.KEPT, Standing.NOTHING),
        numbers={"standing": str(standing), **_numbers(comparison, experiment)},
    )


def _standing(comparison: ABComparison, experiment: Experiment, progress: Progress) -> Standing:
    if progress.elapsed_seconds < progress.least_seconds:
        return Standing.EARLY
    difference = _proven_difference(comparison)
    if difference:
        is_better = difference > 0 if experiment.better == "higher" else difference < 0
        return Standing.WON if is_better else Standing.LOST
    if not progress.is_over(experiment):
        return Standing.OPEN
    if comparison.is_empty:
        return Standing.NOTHING
    return Standing.PROMOTED if experiment.on_tie == "promote" else Standing.KEPT


def _proven_difference(comparison: ABComparison) -> float:
    """The bound nearest to zero of an interval that excludes it; 0 otherwise."""
    found = comparison.interval
    if found is None:
        return 0.0
    return max(found.low, 0.0) + min(found.high, 0.0)


def _sentences(comparison: ABComparison, experiment: Experiment, *, is_open: bool) -> Iterator[str]:
    """What was compared, in words; the numbers come first."""
    found = comparison.interval
    means = f"{experiment.metric} {_mean_text(comparison.candidate)} against {_mean_text(comparison.baseline)}"
    if found is None:
        yield f"{means}, too little to compare"
        return
    kind = "" if comparison.is_exact else " in the limit of many"
    yield f"{means}, difference {found.estimate:+.4g} ({found.low:+.4g} to {found.high:+.4g}{kind})"
    yield f"{experiment.better} is better"
    odds = "over a million" if found.log_evidence > _MOST_ODDS else f"{exp(found.log_evidence):.3g}"
    yield f"odds against no difference {odds} to 1"
    if is_open and (more := outcomes_needed(comparison)):
        yield f"about {more:,} more of the new version to decide if things go on as they are"


def outcomes_needed(comparison: ABComparison) -> int | None:
    """About how many more outcomes of the candidate until the interval excludes zero; None if it does or may never.

    The interval narrows with the root of the number.
    """
    found = comparison.interval
    if found is None or not found.estimate or _proven_difference(comparison):
        return None
    half = found.estimate - found.low if found.estimate > 0 else found.high - found.estimate
    return max(1, ceil(comparison.candidate.count * ((half / found.estimate) ** 2 - 1)))


def _mean_text(sample: Moments) -> str:
    return f"{sample.total / sample.count:.4g} (n={sample.count:,})" if sample.count else "(n=0)"


def _numbers(comparison: ABComparison, experiment: Experiment) -> dict[str, Any]:
    found = comparison.interval
    return {
        "metric": experiment.metric,
        "better": experiment.better,
        "candidate": asdict(comparison.candidate),
        "baseline": asdict(comparison.baseline),
        "interval": asdict(found) if found else None,
        "is_exact": comparison.is_exact,
        "requests": [comparison.candidate.count, comparison.baseline.count],
        "requests_needed": outcomes_needed(comparison),
    }
