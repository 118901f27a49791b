"""Looks: which periods count, what they hold, and what follows from alarms, judge and time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sluice.endpoint import EndpointState, VariantState
from sluice.judge import Decision, Row, Verdict
from sluice.metrics import Counts, whole_periods
from sluice.names import Names
from sluice.plan import Plan, make_plan
from sluice.rollout import RolloutId, RolloutRecord
from sluice.watch import LAG_SECONDS, Conclusion, Seen, Window, conclude, rows, rules_of, windows

from tests.fakes.sluice_world import SPEC

T0 = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
BASELINE = VariantState(name="v6", weight=100, desired_count=1, instance_type="ml.m5.large", model="m")
LIVE = EndpointState(name="e", status="InService", config="c", variants=(BASELINE,))
PLAN = make_plan(SPEC, Names("dev"), "fraud-7-1", 7, LIVE)
LAG = LAG_SECONDS[60]


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def record(shifted: dict[int, float], shifting: dict[int, float]) -> RolloutRecord:
    return RolloutRecord(
        id=RolloutId(model="fraud", version=7, attempt=1),
        package_arn="arn",
        endpoint="e",
        phase="baking",
        opened_at=T0,
        approved_at=T0,
        plan=PLAN,
        shifted_at={stage: at(seconds) for stage, seconds in shifted.items()},
        shifting_at={stage: at(seconds) for stage, seconds in shifting.items()},
    )


WINDOWS: dict[str, tuple[dict[int, float], dict[int, float], float, list[tuple[float, float]]]] = {
    "the first stage grows, but for late metrics": ({0: 0}, {0: -5}, 600, [(0, 600 - LAG)]),
    "nothing is complete yet": ({0: 0}, {0: -5}, 30, [(0, 30 - LAG)]),
    "the next stage ends it": ({0: 0}, {0: -5, 1: 300}, 900, [(0, 300)]),
    "a stage that ended just now may still have late metrics": ({0: 0}, {0: -5, 1: 300}, 350, [(0, 350 - LAG)]),
    "two stages, without the shift between them": (
        {0: 0, 1: 330},
        {0: -5, 1: 300},
        900,
        [(0, 300), (330, 900 - LAG)],
    ),
}


@pytest.mark.parametrize(("shifted", "shifting", "now", "expected"), WINDOWS.values(), ids=WINDOWS)
def test_weights_did_not_change_within_a_window(
    shifted: dict[int, float], shifting: dict[int, float], now: float, expected: list[tuple[float, float]]
) -> None:
    found = windows(record(shifted, shifting), at(now))
    assert found == [Window(at(start), at(end)) for start, end in expected]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param(0, 180, [0, 60, 120], id="aligned"),
        pytest.param(1, 181, [60, 120], id="cut at both ends"),
        pytest.param(0.5, 120, [60], id="a half second too late"),
        pytest.param(0, 59.9, [], id="shorter than a period"),
        pytest.param(70, 110, [], id="within a period"),
        pytest.param(0, -120, [], id="ends before it starts"),
    ],
)
def test_only_whole_periods_count(start: float, end: float, expected: list[int]) -> None:
    assert whole_periods(at(start), at(end), 60) == [at(seconds) for seconds in expected]


def test_a_row_per_period_and_silence_is_no_request() -> None:
    canary = {at(60): Counts(10, 1), at(600): Counts(99, 99)}
    baseline = {at(0): Counts(90, 2), at(60): Counts(91, 0)}
    found = rows([Window(at(0), at(120)), Window(at(590), at(670))], canary, baseline, 60)
    assert found == [Row(0, 0, 90, 2), Row(10, 1, 91, 0), Row(99, 99, 0, 0)]


def verdict(decision: Decision) -> Verdict:
    return Verdict(
        decision=decision,
        reasons=(f"judge says {decision}", "counts"),
        harm=0.0,
        catastrophe=0.0,
        safe=0.0,
        harm_proven_at=None,
        requests_needed=None,
        canary_requests=0,
        canary_errors=0,
        baseline_requests=0,
        baseline_errors=0,
    )


OK: dict[str, str | None] = {"errors": "OK", "latency": "INSUFFICIENT_DATA"}
MISSING: dict[str, str | None] = {"errors": "OK", "latency": None}
RINGING: dict[str, str | None] = {"errors": "ALARM", "latency": None}
BAKE, HOLD = 300, 600  # of SPEC
ADVANCE, ROLL_BACK, DOUBT = Decision.ADVANCE, Decision.ROLL_BACK, Decision.HOLD

CONCLUSIONS: dict[str, tuple[Decision, dict[str, str | None], float, Conclusion]] = {
    "an alarm vetoes proof": (ADVANCE, RINGING, 900, Conclusion("roll_back", "alarm errors", "alarm")),
    "an alarm does not wait for the bake": (DOUBT, RINGING, 1, Conclusion("roll_back", "alarm errors", "alarm")),
    "nor does proven harm": (ROLL_BACK, OK, 1, Conclusion("roll_back", "judge: judge says ROLL_BACK; counts")),
    "proof waits for the bake": (ADVANCE, OK, BAKE - 1, Conclusion("hold", "baking until 10:05:00")),
    "at the end of the bake proof advances": (ADVANCE, OK, BAKE, Conclusion("advance", "judge says ADVANCE; counts")),
    "a missing alarm is doubt": (ADVANCE, MISSING, BAKE, Conclusion("hold", "alarm latency is missing")),
    "doubt holds": (DOUBT, OK, BAKE + HOLD - 1, Conclusion("hold", "judge says HOLD; counts")),
    "late proof is proof": (ADVANCE, OK, BAKE + 10 * HOLD, Conclusion("advance", "judge says ADVANCE; counts")),
    "doubt does not last for ever": (
        DOUBT,
        OK,
        BAKE + HOLD,
        Conclusion("roll_back", "in doubt for 600 s after the bake: judge says HOLD; counts", is_doubt=True),
    ),
    "nor does a missing alarm": (
        ADVANCE,
        MISSING,
        BAKE + HOLD,
        Conclusion("roll_back", "in doubt for 600 s after the bake: alarm latency is missing", is_doubt=True),
    ),
}


def look(decision: Decision, alarms: dict[str, str | None], seconds: float, plan: Plan = PLAN) -> Conclusion:
    return conclude(Seen(verdict=verdict(decision), alarms=alarms, now=at(seconds), in_force_since=T0), plan, 0)


@pytest.mark.parametrize(("decision", "alarms", "seconds", "expected"), CONCLUSIONS.values(), ids=CONCLUSIONS)
def test_what_follows(decision: Decision, alarms: dict[str, str | None], seconds: float, expected: Conclusion) -> None:
    assert look(decision, alarms, seconds) == expected


def test_a_spec_may_ask_for_a_person_instead() -> None:
    paused = look(DOUBT, OK, BAKE + HOLD, replace(PLAN, on_doubt="pause"))
    assert paused == Conclusion("pause", "judge says HOLD; counts")


def test_all_ringing_alarms_are_named() -> None:
    both: dict[str, str | None] = {"latency": "ALARM", "errors": "ALARM"}
    assert look(DOUBT, both, 1).reason == "alarm errors, latency"


def test_the_judge_gets_the_rules_of_the_plan() -> None:
    rules = rules_of(PLAN)
    assert (rules.harm_ratio, rules.safe_ratio, rules.safe_margin) == (1.1, 2.0, 0.01)
    assert (rules.alpha, rules.beta) == (0.05, 0.05)
