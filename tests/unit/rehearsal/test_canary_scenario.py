"""The canary scenario sees what is right, and does not overlook what is wrong."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rehearsal.drivers.progress import Progress
from rehearsal.drivers.surroundings import Surroundings
from rehearsal.drivers.timeline import Event, Timeline
from rehearsal.drivers.traffic import Sent, Traffic
from rehearsal.scenarios.canary import play_canary
from rehearsal.scenarios.scenario_context import ScenarioContext

GOOD, BAD = 2, 3
WEIGHTS = (20, 50)


class HeardTimeline(Timeline):
    """All events are there from the beginning."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._news = threading.Condition()


@dataclass(slots=True)
class EndedRollouts(Surroundings):
    """The endpoint and the registry after both rollouts."""

    serving: str = f"v{GOOD}"
    status: str = "Rejected"
    reason: str = "the alarm on errors rang"

    def shares(self, endpoint: str) -> dict[str, float]:
        return {self.serving: 1.0}

    def package(self, group: str, version: int) -> dict[str, Any]:
        return {"ModelApprovalStatus": self.status, "ApprovalDescription": self.reason}


class PastTraffic(Traffic):
    """A client whose requests have all been answered, or not."""

    def __init__(self, error: str = "") -> None:
        self._error = error

    def sent(self, since: float = 0.0) -> list[Sent]:
        return [Sent(at=time.time(), variant="v2", latency_ms=5.0, error=self._error)]


@dataclass
class Versions:
    """Numbers of versions that exist already; keeps what it was called for."""

    reached: list[tuple[int, int]] = field(default_factory=list)

    def release_good(self) -> int:
        return GOOD

    def release_bad(self) -> int:
        return BAD

    def on_weight(self, version: int, weight: int) -> None:
        self.reached.append((version, weight))


def event(kind: str, version: int, **detail: object) -> Event:
    return Event(time.time(), "sluice", kind, {"model": "churn", "version": version, **detail})


def shifts(version: int, *weights: int) -> list[Event]:
    return [event("RolloutShifted", version, stage=stage, weight=weight) for stage, weight in enumerate(weights)]


USUAL = [*shifts(GOOD, *WEIGHTS), event("RolloutPromoted", GOOD), *shifts(BAD, 20), event("RolloutRolledBack", BAD)]


def play(versions: Versions, events: list[Event], traffic: PastTraffic, **state: str) -> dict[str, bool]:
    """The outcomes: what -> whether it was right."""
    progress = Progress()
    progress.begin("canary")
    around = EndedRollouts(repo=Path(), folder=Path(), environment={})
    for name, value in state.items():
        setattr(around, name, value)
    context = ScenarioContext(
        model="churn",
        around=around,
        timeline=HeardTimeline(events),
        progress=progress,
        traffics=[traffic],
    )
    play_canary(context, versions, WEIGHTS)
    return {each.what: each.right for each in progress.outcomes()}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


def test_a_promotion_and_a_rollback_are_right() -> None:
    versions = Versions()
    outcomes = play(versions, USUAL, PastTraffic())
    assert versions.reached == [(GOOD, 20), (GOOD, 50), (BAD, 20)]
    assert outcomes == dict.fromkeys(
        ("good version", "client during the promotion", "bad version", "registry", "client after the rollback"), True
    )


@pytest.mark.parametrize(
    ("good_end", "bad_end", "error", "state", "wrong"),
    [
        ("RolloutRolledBack", "RolloutRolledBack", "", {}, {"good version"}),
        ("RolloutPromoted", "RolloutPromoted", "", {}, {"bad version"}),
        ("RolloutPromoted", "RolloutRolledBack", "", {"serving": "v3"}, {"good version", "bad version"}),
        ("RolloutPromoted", "RolloutRolledBack", "", {"status": "Approved"}, {"registry"}),
        ("RolloutPromoted", "RolloutRolledBack", "", {"reason": ""}, {"registry"}),
        (
            "RolloutPromoted",
            "RolloutRolledBack",
            "ModelError",
            {},
            {"client during the promotion", "client after the rollback"},
        ),
    ],
)
def test_what_is_wrong_is_recorded(
    good_end: str, bad_end: str, error: str, state: dict[str, str], wrong: set[str]
) -> None:
    events = [*shifts(GOOD, *WEIGHTS), event(good_end, GOOD), *shifts(BAD, 20), event(bad_end, BAD)]
    outcomes = play(Versions(), events, PastTraffic(error), **state)
    assert {what for what, right in outcomes.items() if not right} == wrong


def test_a_stage_that_the_plan_does_not_have_is_wrong() -> None:
    events = [*shifts(GOOD, 20, 50, 80), event("RolloutPromoted", GOOD), *USUAL[3:]]
    outcomes = play(Versions(), events, PastTraffic())
    assert {what for what, right in outcomes.items() if not right} == {"good version"}
