"""A seeded sample of the exploration: no promise is broken, a seed is a run, and a safeguard that is gone is missed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sluice.rollout import first_step_back, rollback
from sluice.rollout.tasks import promote_candidate, provision_candidate

from tests.chaos.draw import draw
from tests.chaos.explore import breaks, run_seeds, shortest, simulate
from tests.chaos.mutations import MUTATIONS, Mutation
from tests.chaos.people import tools
from tests.chaos.scenario import Incident, Scenario
from tests.chaos.sequences import KNOWN, MENDED, ON_ITS_WAY, SEQUENCES, Known

RUNS = 1000
PARTS = 10


@pytest.mark.parametrize("part", range(PARTS))
def test_no_run_of_the_sample_breaks_a_promise(part: int) -> None:
    explored = run_seeds(range(part * RUNS // PARTS, (part + 1) * RUNS // PARTS))
    known = {each.rule for each in KNOWN}
    assert [each for each in explored.broken if each.rule not in known] == []
    assert explored.faults > explored.runs, "most runs have to meet several faults for this to mean anything"


def test_a_known_violation_is_still_there() -> None:
    """The list shrinks as they are mended."""

    def is_there(known: Known) -> bool:
        with tools():
            return breaks(known.scenario, known.rule)

    assert [each.rule for each in KNOWN if not is_there(each)] == []


@pytest.mark.parametrize("name", MENDED)
def test_what_was_mended_breaks_no_promise(name: str) -> None:
    with tools():
        assert simulate(MENDED[name]).violations == []


@pytest.mark.parametrize("name", ON_ITS_WAY)
def test_what_happens_while_an_update_is_on_its_way_is_no_violation(name: str) -> None:
    with tools():
        assert simulate(ON_ITS_WAY[name]).violations == []


def test_a_function_that_does_not_look_again_before_its_update_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is excused while a call is on its way is not excused before it."""
    for module in (provision_candidate, promote_candidate, rollback, first_step_back):
        monkeypatch.setattr(module, "is_as_read", lambda *_: True)
    still = {name: scenario for name, scenario in MENDED.items() if "still before its update" in name}
    with tools():
        found = {name: {each.rule for each in simulate(scenario).violations} for name, scenario in still.items()}
    assert len(found) == 4
    assert all(found.values()), found


def test_a_seed_is_a_run() -> None:
    with tools():
        first, second = (simulate(draw(4711)) for _ in range(2))
    assert first.notes == second.notes
    assert first.met == second.met


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_safeguard_that_is_taken_out_is_missed(mutation: Mutation) -> None:
    """The sequences were found by the exploration, within its first 1,000 runs, and made short by it."""
    scenario = SEQUENCES[mutation.name]
    with tools():
        assert not any(breaks(scenario, rule) for rule in mutation.breaks)
        with mutation.in_force():
            assert any(breaks(scenario, rule) for rule in mutation.breaks)


def test_each_safeguard_has_its_row_in_the_documents() -> None:
    assert list(documented()) == [each.name for each in MUTATIONS]
    assert all(seed < RUNS for seed, _ in documented().values())


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_seed_in_the_documents_finds_the_safeguard_missing(mutation: Mutation) -> None:
    """If a change of the code moved it: ``python -m tests.chaos --runs 1000 --safeguards`` finds the first seed."""
    seed, rule = documented()[mutation.name]
    assert rule in mutation.breaks
    scenario = draw(seed)  # before the safeguard is gone: a draw looks at the calls of plain runs
    with tools():
        assert not breaks(scenario, rule)
        with mutation.in_force():
            assert breaks(scenario, rule)


def documented() -> dict[str, tuple[int, str]]:
    """The table of docs/reliability.md: what is wrong -> the seed that finds it, and the promise that breaks."""
    text = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text()
    table = text.split("## How sharp it is")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    return {what: (int(seed), promise) for what, seed, _, promise in rows[2:]}


def test_a_scenario_that_breaks_a_promise_is_made_short() -> None:
    mutation = next(each for each in MUTATIONS if each.name == "a way back replaces whatever config it finds")
    needed = SEQUENCES[mutation.name].incidents
    noise = (Incident(30, "annotate", version=2), Incident(400, "autoscaling"), Incident(4000, "pause"))
    with mutation.in_force():
        short = shortest(Scenario(incidents=(*needed, *noise), pace=1.0), mutation.breaks[0])
    assert short.incidents == needed
