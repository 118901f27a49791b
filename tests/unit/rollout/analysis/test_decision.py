"""Looks: which periods count, what they hold, and what follows from alarms, judge and time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sluice.aws.metric_data import Counts, whole_periods
from sluice.endpoint.state import EndpointState, VariantState
from sluice.names import Names
from sluice.rollout.analysis.decision import Conclusion, Seen, conclude
from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.analysis.metric_windows import LAG_SECONDS, Window, row_seconds, rows, windows
from sluice.rollout.model.plan import Plan, PlannedStage
from sluice.rollout.model.record import FenceKind, RolloutRecord
from sluice.rollout.planning.planner import make_plan
from sluice.rollout_id import RolloutId

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


WARM = 60  # one period of warm-up, the default
WINDOWS: dict[str, tuple[dict[int, float], dict[int, float], float, list[tuple[float, float]]]] = {
    "the first stage grows, but for late metrics": ({0: 0}, {0: -5}, 600, [(WARM, 600 - LAG)]),
    "nothing is complete yet": ({0: 0}, {0: -5}, 30, [(WARM, 30 - LAG)]),
    "the next stage ends it": ({0: 0}, {0: -5, 1: 300}, 900, [(WARM, 300)]),
    "a stage that ended just now may still have late metrics": ({0: 0}, {0: -5, 1: 300}, 350, [(WARM, 350 - LAG)]),
    "two stages, each after its warm-up, without the shift between them": (
        {0: 0, 1: 330},
        {0: -5, 1: 300},
        900,
        [(WARM, 300), (330 + WARM, 900 - LAG)],
    ),
}


@pytest.mark.parametrize(("shifted", "shifting", "now", "expected"), WINDOWS.values(), ids=WINDOWS)
def test_weights_did_not_change_within_a_window(
    shifted: dict[int, float], shifting: dict[int, float], now: float, expected: list[tuple[float, float]]
) -> None:
    found = windows(record(shifted, shifting), at(now))
    assert found == [Window(at(start), at(end)) for start, end in expected]


def test_the_warm_up_is_as_long_as_the_spec_says() -> None:
    plan = replace(PLAN, judge=replace(PLAN.judge, warm_up_periods=0), period_seconds=10)
    found = windows(replace(record({0: 0}, {0: -5}), plan=plan), at(60))
    assert found == [Window(at(0), at(60 - LAG_SECONDS[10]))]


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


def finding(answer: Answer, name: str = "errors", by: FenceKind = "judge") -> Finding:
    return Finding(name=name, answer=answer, reason=f"says {answer}", by=by)


BAKE, HOLD = 300, 600  # of SPEC
QUIET = finding(Answer.ABSTAIN, "alarm", "alarm")
MISSING = finding(Answer.HOLD, "alarm", "alarm")
RINGING = finding(Answer.ROLL_BACK, "alarm", "alarm")
SAFE, DOUBT, HARM = finding(Answer.ADVANCE), finding(Answer.HOLD), finding(Answer.ROLL_BACK)
SLOW = finding(Answer.HOLD, "latency")
RANG = "alarm: says ROLL_BACK"

CONCLUSIONS: dict[str, tuple[tuple[Finding, ...], float, Conclusion]] = {
    "an alarm vetoes proof": ((RINGING, SAFE), 900, Conclusion("roll_back", RANG, "alarm")),
    "an alarm does not wait for the bake": ((RINGING, DOUBT), 1, Conclusion("roll_back", RANG, "alarm")),
    "nor does proven harm": ((QUIET, HARM), 1, Conclusion("roll_back", "errors: says ROLL_BACK")),
    "all harm is told": (
        (RINGING, HARM),
        1,
        Conclusion("roll_back", f"{RANG}; errors: says ROLL_BACK", "alarm"),
    ),
    "proof waits for the bake": ((QUIET, SAFE), BAKE - 1, Conclusion("hold", "baking until 10:05:00")),
    "at the end of the bake proof advances": ((QUIET, SAFE), BAKE, Conclusion("advance", "errors: says ADVANCE")),
    "one open question holds": ((QUIET, SAFE, SLOW), BAKE, Conclusion("hold", "latency: says HOLD")),
    "a missing alarm is doubt": ((MISSING, SAFE), BAKE, Conclusion("hold", "alarm: says HOLD")),
    "that nobody objects is no proof": ((QUIET,), BAKE, Conclusion("hold", "nothing that was seen proves it safe")),
    "doubt holds": ((QUIET, DOUBT), BAKE + HOLD - 1, Conclusion("hold", "errors: says HOLD")),
    "late proof is proof": ((QUIET, SAFE), BAKE + 10 * HOLD, Conclusion("advance", "errors: says ADVANCE")),
    "doubt does not last for ever": (
        (QUIET, DOUBT),
        BAKE + HOLD,
        Conclusion("roll_back", "in doubt for 600 s after the bake: errors: says HOLD", is_doubt=True),
    ),
    "nor does a missing alarm": (
        (MISSING, SAFE),
        BAKE + HOLD,
        Conclusion("roll_back", "in doubt for 600 s after the bake: alarm: says HOLD", is_doubt=True),
    ),
}


def look(findings: tuple[Finding, ...], seconds: float, plan: Plan = PLAN) -> Conclusion:
    return conclude(Seen(findings=findings, now=at(seconds), in_force_since=T0), plan, 0)


@pytest.mark.parametrize(("findings", "seconds", "expected"), CONCLUSIONS.values(), ids=CONCLUSIONS)
def test_what_follows(findings: tuple[Finding, ...], seconds: float, expected: Conclusion) -> None:
    assert look(findings, seconds) == expected


def test_a_spec_may_ask_for_a_person_instead() -> None:
    paused = look((QUIET, DOUBT), BAKE + HOLD, replace(PLAN, on_doubt="pause"))
    assert paused == Conclusion("pause", "errors: says HOLD")


def lasting(*bakes: int, period: int = 60, max_hold: int = 3600) -> Plan:
    stages = tuple(
        PlannedStage(weight=10 + each, bake_seconds=bake, candidate_count=1) for each, bake in enumerate(bakes)
    )
    return replace(PLAN, stages=stages, period_seconds=period, max_hold_seconds=max_hold)


MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("plan", "seconds"),
    [
        pytest.param(lasting(10 * MINUTE, 10 * MINUTE), 60, id="minutes"),
        pytest.param(lasting(10 * MINUTE, period=10, max_hold=HOUR), 10, id="ten seconds"),
        pytest.param(lasting(DAY), 60, id="a day"),
        pytest.param(lasting(3 * DAY), 300, id="three days"),
        pytest.param(lasting(14 * DAY), 900, id="two weeks"),
        pytest.param(lasting(10 * MINUTE, 13 * DAY), 60, id="a short stage keeps its rows"),
        pytest.param(lasting(2 * HOUR, 13 * DAY), 300, id="a stage of hours, too"),
    ],
)
def test_long_rollouts_are_judged_by_longer_periods(plan: Plan, seconds: int) -> None:
    assert row_seconds(plan) == seconds
