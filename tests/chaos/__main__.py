"""``make chaos RUNS=N SEED=S``: explore, and say what was explored and what was found."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests.chaos.draw import draw
from tests.chaos.explore import SHOWN_EACH, explore, missed, shortest, shown, simulate
from tests.chaos.mutations import MUTATIONS
from tests.chaos.people import tools


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="how many runs")
    parser.add_argument("--seed", type=int, default=0, help="the first seed; each run has the next one")
    parser.add_argument("--shown", type=int, default=SHOWN_EACH, help="how many violations of each promise are shrunk")
    parser.add_argument("--trace", type=int, help="show one seed step by step instead")
    parser.add_argument("--safeguards", action="store_true", help="show which seed finds each one missing instead")
    asked = parser.parse_args()
    if asked.trace is not None:
        return _trace(asked.trace)
    if asked.safeguards:
        return _safeguards(range(asked.seed, asked.seed + asked.runs))
    explored = explore(asked.runs, asked.seed)
    for title, counted in (("strategy", explored.by_name), ("fault", explored.by_fault)):
        print(f"\nby {title}:")
        for name, count in sorted(counted.items(), key=lambda each: (-each[1], each[0])):
            print(f"{count:9,}  {name}")
    print(f"\ncalls (function and operation) with a fault, or with somebody acting before them: {explored.coverage}")
    for text in shown(explored.broken, asked.shown):
        print(text)
    print(f"\n{explored.last_line}")
    return 1 if explored.broken else 0


def _safeguards(seeds: range) -> int:
    scenarios = {seed: draw(seed) for seed in seeds}
    with ProcessPoolExecutor(mp_context=get_context("fork")) as pool:
        found = pool.map(partial(missed, scenarios=scenarios), MUTATIONS)
        each_found = list(zip(MUTATIONS, found, strict=True))
    for mutation, first in each_found:
        print(f"\n{mutation.name}: " + (f"seed {first[0]}, {first[1]}" if first else "NOT FOUND"))
        if first is not None:
            with mutation.in_force():
                print(shortest(scenarios[first[0]], first[1]))
    return 0 if all(first for _, first in each_found) else 1


def _trace(seed: int) -> int:
    scenario = draw(seed)
    print(scenario)
    with tools():
        simulation = simulate(scenario)
    for at, said in simulation.notes:
        print(f"{at:%d %H:%M:%S} {said}")
    for each in simulation.violations:
        print(f"VIOLATION {each.rule}: {each.said}")
    return 1 if simulation.violations else 0


if __name__ == "__main__":
    sys.exit(main())
