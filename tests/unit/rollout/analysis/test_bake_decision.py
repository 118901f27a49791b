"""Analyses: which periods count, what they hold, and what follows from alarms, judge and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sluice.aws.metric_data import Counts, Span, readable_period, whole_periods
from sluice.endpoint.state import EndpointState, VariantState
from sluice.names import Names
from sluice.rollout.analysis.bake_decision import Decision, apply_command, decide
from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.analysis.metric_windows import (
    LAG_SECONDS,
    MetricWindow,
    judged_periods,
    row_seconds,
    rows,
    rows_by_threshold,
    windows,
)
from sluice.rollout.model.maintenance import Maintenance
from sluice.rollout.model.plan import Plan, PlannedStage, experiment_from
from sluice.rollout.model.record import Command, CommandKind, FenceKind, RolloutRecord
from sluice.rollout.planning.planner import make_plan
from sluice.rollout_id import RolloutId
from sluice.spec.strategies import ABTest

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
    found = windows(PLAN, record(shifted, shifting), at(now))
    assert found == [MetricWindow(at(start), at(end)) for start, end in expected]


def test_maintenance_is_cut_out_with_the_time_before_it_was_seen_and_a_warm_up_after_it() -> None:
    seen = tuple(Maintenance(since=at(a), until=at(b), is_over=True) for a, b in [(30, 50), (300, 420), (1000, 1100)])
    maintained = replace(record({0: 0, 1: 900}, {0: -5, 1: 870}), maintenance={0: seen[:2], 1: seen[2:]})
    expected = [(50 + WARM, 300 - 60), (420 + WARM, 870), (900 + WARM, 1000 - 60), (1100 + WARM, 1400 - LAG)]
    expected = [(start, end) for start, end in expected if start < end]
    assert windows(PLAN, maintained, at(1400)) == [MetricWindow(at(start), at(end)) for start, end in expected]
    judged = judged_periods(PLAN, maintained, at(1400))
    assert judged.starts == [at(s) for s in (120, 180, *range(480, 840, 60), *range(1200, 1260, 60))]
    assert judged.in_this_stage == 1
    young = windows(PLAN, maintained, at(1110))
    assert young[-1] == MetricWindow(at(1100 + WARM), at(1110 - LAG)), "it has not begun"


def test_the_warm_up_is_as_long_as_the_spec_says() -> None:
    plan = replace(PLAN, judge=replace(PLAN.judge, warm_up_periods=0), period_seconds=10)
    found = windows(plan, replace(record({0: 0}, {0: -5}), plan=plan), at(60))
    assert found == [MetricWindow(at(0), at(60 - LAG_SECONDS[10]))]


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
    first, second = whole_periods(at(0), at(120), 60), whole_periods(at(590), at(670), 60)
    found = rows([*first, *second], canary, baseline)
    assert found == [Row(0, 0, 90, 2), Row(10, 1, 91, 0), Row(99, 99, 0, 0)]
    assert rows_by_threshold([*first, *second], {"p90": canary}, {"p90": baseline}) == {"p90": found}


def test_all_stages_are_judged_and_the_newest_is_distinguished() -> None:
    found = judged_periods(PLAN, record({0: 0, 1: 330}, {0: -5, 1: 300}), at(900))
    assert found.starts == [at(seconds) for seconds in (60, 120, 180, 240, 420, 480, 540, 600, 660, 720)]
    assert found.in_this_stage == 6
    assert found.spans == (Span(start=at(60), end=at(900), period_seconds=60),)
    assert found.experiment is None


HOURS = 3600
QUICK = replace(PLAN, judge=replace(PLAN.judge, warm_up_periods=0), period_seconds=10)


def test_a_stage_held_for_hours_is_judged_by_the_minutes_that_cloudwatch_still_has() -> None:
    """Two stages within the last hours by ten seconds; the first of them, once it is old, by whole minutes."""
    shifted, shifting = {0: 0.0, 1: 3.5 * HOURS}, {0: -5.0, 1: 3.5 * HOURS - 20}
    young = judged_periods(QUICK, record({0: 0}, {0: -5}), at(2 * HOURS))
    assert young.spans == (Span(start=at(0), end=at(2 * HOURS), period_seconds=10),)

    found = judged_periods(QUICK, record(shifted, shifting), at(3.5 * HOURS + 120))
    assert found.spans == (
        Span(start=at(0), end=at(3.5 * HOURS - 20), period_seconds=60),
        Span(start=at(3.5 * HOURS), end=at(3.5 * HOURS + 120), period_seconds=10),
    )
    old, new = found.starts[: -found.in_this_stage], found.starts[-found.in_this_stage :]
    assert (old[0], old[-1], len(old)) == (at(0), at(3.5 * HOURS - 120), 209)
    assert (new[0], new[-1], len(new)) == (at(3.5 * HOURS), at(3.5 * HOURS + 100), 11)


@pytest.mark.parametrize(("age", "row"), [(2 * HOURS, 10), (4 * HOURS, 60)])
def test_a_test_that_is_held_is_compared_in_rows_that_cloudwatch_has(age: float, row: int) -> None:
    plan = replace(QUICK, experiment=experiment_from(ABTest(max_duration_seconds=2 * HOURS), 10))
    found = judged_periods(plan, record({0: 0}, {0: -5}), at(age))
    assert found.experiment == Span(start=at(0), end=at(age - LAG_SECONDS[10]), period_seconds=row)


@pytest.mark.parametrize(
    ("age", "period", "readable"),
    [
        pytest.param(2.8 * HOURS, 10, 10, id="ten seconds, of today"),
        pytest.param(2.9 * HOURS, 10, 60, id="ten seconds, which will be too old in a moment"),
        pytest.param(14 * 24 * HOURS, 10, 60, id="of two weeks ago"),
        pytest.param(15 * 24 * HOURS, 60, 300, id="minutes of fifteen days ago"),
        pytest.param(15 * 24 * HOURS, 900, 900, id="longer rows stay as they are"),
        pytest.param(63 * 24 * HOURS, 900, 3600, id="of two months ago"),
    ],
)
def test_old_data_is_read_at_a_period_that_cloudwatch_has(age: float, period: int, readable: int) -> None:
    assert readable_period(T0, period, at(age)) == readable


@settings(max_examples=200, deadline=None)
@given(
    gaps=st.lists(st.floats(30, 40 * 24 * HOURS), min_size=1, max_size=5),
    since=st.floats(0, 20 * 24 * HOURS),
    period=st.sampled_from([10, 60]),
)
def test_no_moment_lies_in_two_rows_whatever_their_resolution(gaps: list[float], since: float, period: int) -> None:
    """Nothing is counted twice, and a row lies in one stage, however long the stages are held."""
    times = [0.0]
    for gap in gaps:
        times.append(times[-1] + gap)
    shifted = dict(enumerate(times[:-1]))
    shifting = {0: -5.0} | {stage: at_second - 15 for stage, at_second in list(shifted.items())[1:]}
    now = at(times[-2] + since)
    plan = replace(QUICK, period_seconds=period)
    found = judged_periods(plan, record(shifted, shifting), now)
    stages = windows(plan, record(shifted, shifting), now)
    lengths = {start: row_of(start, found.spans) for start in found.starts}
    assert sorted(found.starts) == found.starts
    ends = [start + timedelta(seconds=lengths[start]) for start in found.starts]
    assert all(end <= following for end, following in pairwise_of(ends, found.starts))
    assert all(any(w.start <= s and s + timedelta(seconds=lengths[s]) <= w.end for w in stages) for s in found.starts)
    for span in found.spans:
        aged = (now - span.start).total_seconds()
        assert span.period_seconds >= (60 if aged > 3 * HOURS else 10)
        assert span.period_seconds >= (300 if aged > 15 * 24 * HOURS else 10)


def row_of(start: datetime, spans: tuple[Span, ...]) -> int:
    """The resolution at which the row is read: that of the one span in which it begins."""
    (found,) = [span.period_seconds for span in spans if span.start <= start < span.end]
    return found


def pairwise_of(ends: list[datetime], starts: list[datetime]) -> Iterator[tuple[datetime, datetime]]:
    return zip(ends, starts[1:], strict=False)


def test_before_the_warm_up_is_over_nothing_is_judged() -> None:
    found = judged_periods(PLAN, record({0: 0}, {0: -5}), at(30))
    assert (found.starts, found.in_this_stage) == ([], 0)


def finding(answer: Answer, name: str = "errors", by: FenceKind = "judge") -> Finding:
    return Finding(name=name, answer=answer, reason=f"says {answer}", by=by)


BAKE, HOLD = 300, 600  # of SPEC
QUIET = finding(Answer.ABSTAIN, "alarm", "alarm")
MISSING = finding(Answer.HOLD, "alarm", "alarm")
RINGING = finding(Answer.ROLL_BACK, "alarm", "alarm")
SAFE, DOUBT, HARM = finding(Answer.ADVANCE), finding(Answer.HOLD), finding(Answer.ROLL_BACK)
SLOW = finding(Answer.HOLD, "latency")
RANG = "alarm: says ROLL_BACK"

DECISIONS: dict[str, tuple[tuple[Finding, ...], float, Decision]] = {
    "an alarm vetoes proof": ((RINGING, SAFE), 900, Decision("roll_back", RANG, "alarm")),
    "an alarm does not wait for the bake": ((RINGING, DOUBT), 1, Decision("roll_back", RANG, "alarm")),
    "nor does proven harm": ((QUIET, HARM), 1, Decision("roll_back", "errors: says ROLL_BACK")),
    "all harm is told": (
        (RINGING, HARM),
        1,
        Decision("roll_back", f"{RANG}; errors: says ROLL_BACK", "alarm"),
    ),
    "proof waits for the bake": ((QUIET, SAFE), BAKE - 1, Decision("hold", "baking until 10:05:00")),
    "at the end of the bake proof advances": ((QUIET, SAFE), BAKE, Decision("advance", "errors: says ADVANCE")),
    "one open question holds": ((QUIET, SAFE, SLOW), BAKE, Decision("hold", "latency: says HOLD")),
    "a missing alarm is doubt": ((MISSING, SAFE), BAKE, Decision("hold", "alarm: says HOLD")),
    "that nobody objects is no proof": ((QUIET,), BAKE, Decision("hold", "nothing that was seen proves it safe")),
    "doubt holds": ((QUIET, DOUBT), BAKE + HOLD - 1, Decision("hold", "errors: says HOLD")),
    "late proof is proof": ((QUIET, SAFE), BAKE + 10 * HOLD, Decision("advance", "errors: says ADVANCE")),
    "doubt does not last for ever": (
        (QUIET, DOUBT),
        BAKE + HOLD,
        Decision("roll_back", "in doubt for 600 s after the bake: errors: says HOLD", is_doubt=True),
    ),
    "nor does a missing alarm": (
        (MISSING, SAFE),
        BAKE + HOLD,
        Decision("roll_back", "in doubt for 600 s after the bake: alarm: says HOLD", is_doubt=True),
    ),
}


def decision(findings: tuple[Finding, ...], seconds: float, plan: Plan = PLAN) -> Decision:
    return decide(findings, plan, 0, in_force_since=T0, now=at(seconds))


@pytest.mark.parametrize(("findings", "seconds", "expected"), DECISIONS.values(), ids=DECISIONS)
def test_what_follows(findings: tuple[Finding, ...], seconds: float, expected: Decision) -> None:
    assert decision(findings, seconds) == expected


def test_a_spec_may_ask_for_a_person_instead() -> None:
    paused = decision((QUIET, DOUBT), BAKE + HOLD, replace(PLAN, on_doubt="pause"))
    assert paused == Decision("pause", "errors: says HOLD", asks_a_person=True)


def command(kind: CommandKind) -> Command:
    return Command(kind=kind, by="arn:aws:iam::1:user/ada", reason="", at=T0)


HELD, PROVEN = Decision("hold", "not proven"), Decision("advance", "proven")
HARMFUL, DOUBTFUL = Decision("roll_back", "harm"), Decision("roll_back", "doubt", is_doubt=True)
BY = "by arn:aws:iam::1:user/ada"


@pytest.mark.parametrize(
    ("before", "kind", "after"),
    [
        pytest.param(HELD, "resume", HELD, id="resumed is as nothing was said"),
        pytest.param(HELD, "pause", Decision("pause", f"{BY}; not proven"), id="paused while it holds"),
        pytest.param(PROVEN, "pause", Decision("pause", f"{BY}; proven"), id="paused in spite of proof"),
        pytest.param(HELD, "promote", Decision("promote", BY), id="promoted without proof"),
        pytest.param(DOUBTFUL, "promote", Decision("promote", BY), id="promoted against doubt"),
        pytest.param(
            DOUBTFUL, "pause", Decision("pause", f"{BY}; doubt", is_doubt=True), id="paused in place of a rollback"
        ),
        pytest.param(HARMFUL, "promote", HARMFUL, id="harm is never overruled by a promotion"),
        pytest.param(HARMFUL, "pause", HARMFUL, id="nor by a pause"),
    ],
)
def test_a_command_holds_or_hurries_and_never_overrules_harm(
    before: Decision, kind: CommandKind, after: Decision
) -> None:
    assert apply_command(before, command(kind)) == after
    assert apply_command(before, None) == before


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
