"""Sequences that the exploration found and that broke a promise about what is sent, made short: none breaks one now."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.chaos.explore import simulate
from tests.chaos.people import tools
from tests.chaos.scenario import Call, Incident, Scenario

RUN_ENDS = "event:SageMaker Model Building Pipeline Execution Status Change"

SEQUENCES: Mapping[str, Scenario] = {
    "EventBridge throttles while a batch run is skipped": Scenario(
        family="batch",
        strategy="all_at_once",
        endpoint="batch",
        incidents=(
            Incident(6.6, "throttling", "events", seconds=900),
            Incident(54.4, "request batch", version=4),
        ),
    ),
    "EventBridge refuses right after a batch run was requested that is skipped": Scenario(
        family="batch",
        strategy="all_at_once",
        endpoint="batch",
        incidents=(
            Incident(19.2, "request batch", version=4),
            Incident(19.8, "refusal", "events", seconds=900),
        ),
    ),
    "the table is out when the end of a run is told, and the sweep's event is lost": Scenario(
        family="uploads",
        strategy="all_at_once",
        incidents=(
            Incident(Call(RUN_ENDS, 3), "event lost"),
            Incident(16.7, "upload", version=3),
            Incident(60, "upload", version=1),
            Incident(660, "upload", version=3),
            Incident(780, "out", "dynamodb", seconds=900),
        ),
    ),
    "an older attempt is stored as accepted only after the next one, whose notification is lost": Scenario(
        family="async",
        strategy="all_at_once",
        endpoint="async",
        incidents=(
            Incident(Call("event:notification", 6), "event lost"),
            Incident(Call("handle_async_result", 3, "replace"), "stalled", seconds=20),
            Incident(785.9, "infer", version=4),
        ),
    ),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_no_promise_is_broken_any_more(name: str) -> None:
    with tools():
        simulation = simulate(SEQUENCES[name])
    assert simulation.violations == []
