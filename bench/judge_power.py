"""How often the judge and other rules roll back simulated canaries, healthy and not, and how fast.

    python -m bench.judge_power [--runs 2000] [--seed 1]

Every rule sees the same rows. 2000 runs take about six minutes on one core.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table
from sluice.rollout.analysis.judge import Rules

from bench.canary_traffic import (
    QUIET,
    USUAL,
    Cell,
    Rollout,
    lonely_bursts,
    outage,
    rows,
    shared_bursts,
    shared_drift,
    simpson,
    staged,
    steady,
    uneasy_instances,
)
from bench.confidence import at_least, at_most
from bench.rollback_rules import RULES, first_safe

GRID = [
    Cell(requests, weight, rate)
    for requests in (10, 100, 1000)
    for weight in (0.05, 0.1, 0.5)
    for rate in (0.001, 0.01, 0.05)
]
NOISE: Mapping[str, Rollout] = {
    "bursts on both": shared_bursts(USUAL),
    "drift on both": shared_drift(USUAL),
    "worse as the weight rises": simpson(1000),
    "bursts on one": lonely_bursts(USUAL),
    "each wanders by 30 %": uneasy_instances(USUAL, 0.3),
    "each wanders by 50 %": uneasy_instances(USUAL, 0.5),
}
HARM: Mapping[str, Rollout] = {
    **{f"1000/min 10 % x{ratio:g}": steady(USUAL, ratio) for ratio in (1.5, 2, 3, 5)},
    **{f"100/min 10 % x{ratio:g}": steady(QUIET, ratio) for ratio in (2, 5, 20)},
    "1000/min 10 % x5 from minute 31": steady(USUAL, 5, onset=30),
    "1000/min 10 % outage from minute 31": outage(USUAL, 30),
}
HEALTHY: Mapping[str, Rollout] = {
    "1000/min 10 % 1 %": steady(USUAL),
    "1000/min 10 % 0.1 %": steady(Cell(1000, 0.1, 0.001)),
    "1000/min staged 1 %": staged(1000, 0.01),
    "1000/min staged 0.1 %": staged(1000, 0.001),
    "100/min staged 1 %": staged(100, 0.01),
}
LATE = 30  # minutes before a late onset


def main() -> None:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000, help="simulated rollouts of an hour per cell")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    console = Console(width=150)  # wide tables, also into a file
    generator = random.Random(options.seed)  # noqa: S311 - a study, not a secret
    console.print(_false_rollbacks(options.runs, generator))
    console.print(_per_scenario("Rolled back although both variants are alike", NOISE, options.runs, generator))
    console.print(_per_scenario("Rolled back, and the median minute after the onset", HARM, options.runs, generator))
    console.print(_safety(options.runs, generator))


def _false_rollbacks(runs: int, generator: random.Random) -> Table:
    shares: dict[str, list[float]] = {name: [] for name in RULES}
    for cell in GRID:
        for name, found in _decide_all(steady(cell), runs, generator).items():
            shares[name].append(sum(at is not None for at in found) / runs)
    table = Table("rule", "worst", "median", "cells over 5 %", title=f"Healthy canaries rolled back, {len(GRID)} cells")
    for name, values in shares.items():
        over = sum(value > 0.05 for value in values)
        table.add_row(name, f"{max(values):.3f}", f"{median(values):.3f}", str(over))
    return table


def _per_scenario(title: str, scenarios: Mapping[str, Rollout], runs: int, generator: random.Random) -> Table:
    table = Table("scenario", *RULES, title=title)
    for name, rollout in scenarios.items():
        onset = LATE if name.endswith("31") else 0
        table.add_row(name, *(_share(found, onset) for found in _decide_all(rollout, runs, generator).values()))
    return table


def _decide_all(rollout: Rollout, runs: int, generator: random.Random) -> dict[str, list[int | None]]:
    found: dict[str, list[int | None]] = {name: [] for name in RULES}
    for _ in range(runs):
        played = rows(rollout, generator)
        for name, rule in RULES.items():
            found[name].append(rule(played))
    return found


def _share(found: Sequence[int | None], onset: int) -> str:
    """The share found at or after the onset and their median minute; what came before it was false."""
    minutes = [at - onset + 1 for at in found if at is not None and at >= onset]
    early = sum(at is not None and at < onset for at in found)
    text = f"{len(minutes) / len(found):.3f}"
    if 2 * len(minutes) >= len(found):
        text += f" / {median(minutes):.0f}"
    return text + (f" ({early / len(found):.3f} before)" if early else "")


def _safety(runs: int, generator: random.Random) -> Table:
    table = Table("rollout", "found safe", "at least", "median minute", title="The judge: safe within the hour")
    for name, rollout in HEALTHY.items():
        minutes = [first_safe(rows(rollout, generator), Rules()) for _ in range(runs)]
        safe = [minute for minute in minutes if minute is not None]
        middle = f"{median(safe):.0f}" if safe else "-"
        table.add_row(name, f"{len(safe) / runs:.3f}", f"{at_least(len(safe), runs):.3f}", middle)
    for cell in (QUIET, USUAL, Cell(1000, 0.1, 0.001), Cell(1000, 0.05, 0.01)):
        rules = Rules()
        wrong = steady(cell, rules.safe_ratio, margin=rules.safe_margin)
        hits = sum(first_safe(rows(wrong, generator), rules) is not None for _ in range(runs))
        bound = f"at most {at_most(hits, runs):.3f}"
        name = f"just too bad: {cell.requests:g}/min {cell.weight:.0%} {cell.rate:.1%}"
        table.add_row(name, f"{hits / runs:.3f}", bound, "")
    return table


if __name__ == "__main__":
    main()
