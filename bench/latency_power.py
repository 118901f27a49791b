"""How often rules on latency roll back simulated canaries, as fast as the live version and slower, and when.

    python -m bench.latency_power [--runs 500] [--seed 1]

Every rule sees the same traffic: per minute the requests beyond the live version's 90th and 99th percentile of before
the rollout, and, in a study of its own, mean latencies. 500 runs take about five minutes on one core.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median

from rich.console import Console
from rich.table import Table
from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.judge import Rules
from sluice.rollout.analysis.latency import ERRORS_SHARE_OF_ALPHA, PERIODS_TO_PROVE, SLOWER_CHANCES, sign_path
from sluice.spec.rollout import Judge

from bench.latency_traffic import Load, means, slow_rows
from bench.rollback_rules import FAILED_CHECKS, alarm, failed_checks, judged, peeking_z_test

Rows = tuple[Sequence[Row], Sequence[Row]]  # for the 90th and for the 99th percentile
Found = int | None  # minute, from 1

SPEC = Judge()
ALPHA = SPEC.alpha * (1 - ERRORS_SHARE_OF_ALPHA)
JUDGED = Rules(
    harm_ratio=SPEC.slow_ratio,
    safe_ratio=SPEC.safe_ratio,
    alpha=ALPHA / 2,
    periods_to_prove=PERIODS_TO_PROVE,
    catastrophe_share=0.0,
)
P99_SHARE = 0.02  # of the canary's requests beyond the old p99, where 0.01 is usual: its p99 has risen a good deal

LOADS: Mapping[str, Load] = {
    "100/min, 10 %": Load(100, 0.1),
    "1000/min, 10 %, wander 3 %": Load(1000, 0.1, wander=0.03),
    "1000/min, 50 %, wander 10 %": Load(1000, 0.5, wander=0.1),
    "1000/min, 10 %, spikes": Load(1000, 0.1, spikes=True),
}
SLOWER = (1.0, 1.1, 1.25, 1.5, 2.0)


def main() -> None:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500, help="simulated rollouts of an hour per cell")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    console = Console(width=150)  # wide tables, also into a file
    for name, load in LOADS.items():
        console.print(_study(name, load, options.runs, random.Random(options.seed)))  # noqa: S311 - a study


def _study(name: str, load: Load, runs: int, generator: random.Random) -> Table:
    rows = {"judge": _judged(SPEC.slower_percent / 100), "judge without tolerance": _judged(0.0), **_OTHERS}
    table = Table("rule", *(f"x{slower:g}" for slower in SLOWER), title=f"Rolled back / median minute: {name}")
    columns = [_decide_all(replace(load, slower=slower), rows, runs, generator) for slower in SLOWER]
    for rule in [*rows, "judge by means"]:
        table.add_row(rule, *(_share(column[rule]) for column in columns))
    return table


def _decide_all(
    load: Load, rules: Mapping[str, Callable[[Load, int], Found]], runs: int, generator: random.Random
) -> dict[str, list[Found]]:
    """Each run has a seed of its own, from which every rule's view of the same hour is drawn."""
    found: dict[str, list[Found]] = {name: [] for name in [*rules, "judge by means"]}
    for _ in range(runs):
        seed = generator.getrandbits(64)
        for name, rule in rules.items():
            found[name].append(rule(load, seed))
        if len(found["judge by means"]) < min(runs, 50):  # each request is drawn, which takes its time
            found["judge by means"].append(_by_means(load, seed))
    return found


def _judged(tolerance: float) -> Callable[[Load, int], Found]:
    def decide(load: Load, seed: int) -> Found:
        return _earliest(judged(JUDGED)(rows) for rows in _hour(load, seed, tolerance))

    return decide


def _by_means(load: Load, seed: int) -> Found:
    margin = SPEC.slower_percent / 100
    signs = [canary > (1 + margin) * baseline for canary, baseline in means(load, random.Random(seed))]  # noqa: S311
    path = enumerate(sign_path(signs, SLOWER_CHANCES), start=1)
    needed = Rules(alpha=ALPHA, catastrophe_share=0.0).harm_needed
    return next((minute for minute, evidence in path if evidence >= needed), None)


def _on_p99(rule: Callable[[Sequence[Row]], Found]) -> Callable[[Load, int], Found]:
    return lambda load, seed: _earliest([rule(_hour(load, seed)[1])])


def _too_many_stragglers(row: Row) -> bool:
    return row.canary_errors > P99_SHARE * row.canary_requests


_OTHERS: Mapping[str, Callable[[Load, int], Found]] = {
    "p99 up, 1 of 1": _on_p99(alarm(_too_many_stragglers, breaches=1, periods=1)),
    "p99 up, 2 of 3": _on_p99(alarm(_too_many_stragglers, breaches=2, periods=3)),
    "p99 up, 5 failed checks": _on_p99(failed_checks(_too_many_stragglers, FAILED_CHECKS)),
    "z-test on p90 at each look": lambda load, seed: _earliest([peeking_z_test(_hour(load, seed)[0])]),
}


def _hour(load: Load, seed: int, tolerance: float = 0.0) -> Rows:
    return slow_rows(load, random.Random(seed), tolerance=tolerance)  # noqa: S311 - a study, not a secret


def _earliest(indices: Iterable[int | None]) -> Found:
    return min((index + 1 for index in indices if index is not None), default=None)


def _share(found: Sequence[Found]) -> str:
    minutes = [minute for minute in found if minute is not None]
    text = f"{len(minutes) / len(found):.3f}"
    return f"{text} / {median(minutes):.0f}" if 2 * len(minutes) >= len(found) else text


if __name__ == "__main__":
    main()
