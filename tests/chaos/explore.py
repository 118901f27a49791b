"""Runs seeds on all cores, adds up what they met, and makes what broke a promise short."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

from tests.chaos import message_rules, rules
from tests.chaos.draw import draw
from tests.chaos.mutations import Mutation
from tests.chaos.people import tools
from tests.chaos.scenario import Call, Scenario
from tests.chaos.senders import SENT
from tests.chaos.simulation import Simulation

SHOWN_EACH = 3
"""How many runs that break the same promise are made short."""

CHUNK = 25

PLAIN = {
    "scaled": False,
    "gate": False,
    "watch": 0,
    "on_doubt": "roll_back",
    "policy": "supersede",
    "pace": 1.0,
    "bad": frozenset(),
    "broken": frozenset(),
}


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
    points: set[str] = field(default_factory=set)  # operations that functions called
    hit: set[str] = field(default_factory=set)  # those of them that had something in their way

    @property
    def faults(self) -> int:
        return self.by_fault.total()

    def add(self, other: Explored) -> None:
        self.runs += other.runs
        self.by_name += other.by_name
        self.by_fault += other.by_fault
        self.broken += other.broken
        self.points |= other.points
        self.hit |= other.hit

    @property
    def coverage(self) -> str:
        """How many of the operations that functions called had something in their way, and which had not."""
        missed = ", ".join(each.replace(":", ": ") for each in sorted(self.points - self.hit))
        return f"{len(self.hit)} of {len(self.points)}" + (f"; not {missed}" if missed else "")

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
            explored.points.update(each for each in simulation.calls if ":" in each)
            explored.hit |= simulation.hit
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


def missed(mutation: Mutation, scenarios: Mapping[int, Scenario]) -> tuple[int, str] | None:
    """The first of these seeds that finds the safeguard missing, and which promise it breaks; None if none does.

    The scenarios are drawn before: a draw looks at the calls of plain runs, which are others without the safeguard.
    """
    with tools(), mutation.in_force():
        for seed, scenario in scenarios.items():
            broken = {each.rule for each in simulate(scenario).violations}
            if rule := next((each for each in mutation.breaks if each in broken), ""):
                return seed, rule
    return None


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


def shrink(scenario: Scenario, is_broken: Callable[[Scenario], bool], tries: int = 150) -> Scenario:
    """The shortest scenario found in so many tries."""
    left = tries
    progress = True
    while progress and left > 0:
        progress = False
        for smaller in _smaller(scenario):
            left -= 1
            if left < 0:
                break
            if is_broken(smaller):
                scenario, progress = smaller, True
                break
    return scenario


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    incidents = scenario.incidents
    for number in reversed(range(len(incidents))):
        yield replace(scenario, incidents=incidents[:number] + incidents[number + 1 :])
    for name, plain in PLAIN.items():
        if getattr(scenario, name) != plain:
            yield replace(scenario, **{name: plain})  # type: ignore[arg-type]
    for number, incident in enumerate(incidents):
        if not isinstance(incident.at, Call) and incident.at > 60 and incident.at % 60:
            whole = replace(incident, at=float(round(incident.at / 60) * 60))
            yield replace(scenario, incidents=(*incidents[:number], whole, *incidents[number + 1 :]))
