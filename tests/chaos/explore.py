"""Runs seeds on all cores, adds up what they met, and makes what broke a promise short."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.chaos import message_rules, rules
from tests.chaos.draw import draw
from tests.chaos.people import tools
from tests.chaos.scenario import Scenario
from tests.chaos.senders import SENT
from tests.chaos.shrink import shrink
from tests.chaos.simulation import Simulation

SHOWN_EACH = 3
"""How many runs that break the same promise are made short."""

CHUNK = 25


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that a run broke."""

    seed: int
    rule: str
    said: str


@dataclass
class Explored:
    """What some runs met and found."""

    runs: int = 0
    by_name: Counter[str] = field(default_factory=Counter)
    by_fault: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)

    @property
    def faults(self) -> int:
        return self.by_fault.total()

    def add(self, other: Explored) -> None:
        self.runs += other.runs
        self.by_name += other.by_name
        self.by_fault += other.by_fault
        self.broken += other.broken

    @property
    def last_line(self) -> str:
        return f"{self.runs:,} runs, {self.faults:,} faults, {len(self.broken):,} violations"


def simulate(scenario: Scenario) -> Simulation:
    """One run, with everything checked."""
    simulation = Simulation(scenario, rules)
    simulation.run()
    rules.at_rest(simulation)
    if simulation.is_at_rest:
        message_rules.at_rest(simulation)
    return simulation


def run_seeds(seeds: Iterable[int]) -> Explored:
    """The runs of these seeds, one after the other."""
    explored = Explored()
    with tools():
        for seed in seeds:
            scenario = draw(seed)
            simulation = simulate(scenario)
            explored.runs += 1
            explored.by_name[scenario.name] += 1
            explored.by_fault.update(each.kind for _, each, _ in simulation.met if each.kind not in ("approve", *SENT))
            said = {each.rule: each.said for each in reversed(simulation.violations)}
            explored.broken += [Broken(seed, rule, what) for rule, what in said.items()]
    return explored


def explore(runs: int, seed: int, processes: int | None = None) -> Explored:
    """``runs`` seeds beginning with ``seed``, on all cores."""
    chunks = [range(at, min(at + CHUNK, seed + runs)) for at in range(seed, seed + runs, CHUNK)]
    whole = Explored()
    count = processes or len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(count, mp_context=get_context("fork")) as pool:
        for part in pool.map(run_seeds, chunks):
            whole.add(part)
    return whole


def breaks(scenario: Scenario, rule: str) -> bool:
    """Whether the scenario breaks this promise."""
    return any(each.rule == rule for each in simulate(scenario).violations)


def shortest(scenario: Scenario, rule: str) -> Scenario:
    """The scenario with what it takes to break the promise, and no more."""
    with tools():
        return shrink(scenario, lambda smaller: breaks(smaller, rule))


def shown(broken: Iterable[Broken], each: int = SHOWN_EACH) -> Iterator[str]:
    """The violations by promise, the first few made short."""
    by_rule: dict[str, list[Broken]] = {}
    for one in broken:
        by_rule.setdefault(one.rule, []).append(one)
    for rule, found in sorted(by_rule.items()):
        yield f"\n{rule}: broken by {len(found)} runs, seeds {', '.join(str(one.seed) for one in found[:12])}"
        for one in found[:each]:
            scenario = shortest(draw(one.seed), rule)
            with tools():
                said = next(each.said for each in simulate(scenario).violations if each.rule == rule)
            yield f"seed {one.seed}: {scenario}\n  -> {said}"
