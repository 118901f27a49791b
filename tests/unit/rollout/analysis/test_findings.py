"""Alarms, the share of the traffic and the baseline's own state, as findings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sluice.endpoint.state import EndpointState, VariantState
from sluice.names import Names
from sluice.rollout.analysis.alarms import alarm_finding, alarm_names, alarms_for, composite_for, watched_alarms
from sluice.rollout.analysis.comparability import incident_finding, traffic_finding
from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.findings import Answer
from sluice.rollout.analysis.judge import Rules, judge
from sluice.rollout.model.plan import Plan
from sluice.rollout.planning.planner import make_plan
from sluice.spec.rollout import Alarms

from localaws.services.cloudwatch.alarms.composite import children, parse_rule
from tests.fakes.sluice_world import SPEC

BASELINE = VariantState(name="v6", weight=100, desired_count=1, instance_type="ml.m5.large", model="m")
LIVE = EndpointState(name="e", status="InService", config="c", variants=(BASELINE,))
NAMES = Names("dev")
OURS = ["sluice-dev-fraud-7-1-errors", "sluice-dev-fraud-7-1-latency"]
ALL = "sluice-dev-fraud-7-1-alarms"


def plan(*also: str) -> Plan:
    made = make_plan(SPEC, NAMES, "fraud-7-1", 7, LIVE)
    return replace(made, alarms=replace(made.alarms, also=also))


def test_one_composite_alarm_ties_ours_and_the_users() -> None:
    made = composite_for(NAMES, "fraud-7-1", plan("orders too few", "budget"))
    assert made["AlarmName"] == ALL
    assert sorted(children(parse_rule(made["AlarmRule"]))) == sorted([*OURS, "orders too few", "budget"])


def test_all_of_them_are_watched_and_ours_are_removed() -> None:
    assert watched_alarms(NAMES, "fraud-7-1", plan("budget")) == [*OURS, "budget", ALL]
    assert set(alarm_names(NAMES, "fraud-7-1")) == {*OURS, ALL, "sluice-dev-fraud-7-1-stop"}


@pytest.mark.parametrize("latency", [None, 500], ids=["without a limit of latency", "with one"])
def test_every_alarm_that_is_made_is_watched(latency: float | None) -> None:
    limited = plan("budget")
    limited = replace(limited, alarms=replace(limited.alarms, latency_p95_ms=latency))
    made = [alarm["AlarmName"] for alarm in alarms_for(NAMES, "fraud-7-1", limited)]
    assert watched_alarms(NAMES, "fraud-7-1", limited) == [*made, "budget", ALL]


@pytest.mark.parametrize(
    ("states", "answer", "told"),
    [
        pytest.param({"a": "OK", "b": "OK"}, Answer.ABSTAIN, "quiet", id="quiet"),
        pytest.param({"a": "OK", "b": "INSUFFICIENT_DATA"}, Answer.ABSTAIN, "quiet", id="without data"),
        pytest.param({"a": "OK", "b": "ALARM"}, Answer.ROLL_BACK, "b rang", id="one rings"),
        pytest.param({"b": "ALARM"}, Answer.ROLL_BACK, "b rang", id="a ringing one matters more than a missing one"),
        pytest.param({"b": "OK"}, Answer.HOLD, "a is missing", id="one is missing"),
        pytest.param({"a": "ALARM", "b": "ALARM"}, Answer.ROLL_BACK, "a, b rang", id="all that ring are told"),
        pytest.param({"a": "ALARM", "b": "OK", "all": "ALARM"}, Answer.ROLL_BACK, "a rang", id="not the one over all"),
        pytest.param({"a": "OK", "b": "OK", "all": "ALARM"}, Answer.ROLL_BACK, "all rang", id="unless it rings alone"),
        pytest.param({"a": "OK", "b": "OK", "all": None}, Answer.HOLD, "all is missing", id="it must exist, too"),
    ],
)
def test_alarms_veto_and_prove_nothing(states: dict[str, str | None], answer: Answer, told: str) -> None:
    given = {"all": "OK"} | states
    found = alarm_finding(["a", "b", "all"], {name: state for name, state in given.items() if state})
    assert (found.answer, found.reason, found.by) == (answer, told, "alarm")
    assert found.numbers["states"] == {name: given.get(name) for name in ("a", "b", "all")}


def test_a_starved_canary_is_reported_with_its_share() -> None:
    found = traffic_finding([Row(2, 0, 998, 0)] * 3, 0.1)
    assert found.answer is Answer.HOLD
    assert found.reason == "the canary is starved: 6 of 3,000 requests (0.2%) where 10% were promised"


@pytest.mark.parametrize("rows", [[], [Row(0, 0, 3, 0)], [Row(100, 0, 900, 0)] * 9], ids=["no rows", "few", "fair"])
def test_a_canary_with_its_share_is_not_in_the_way(rows: list[Row]) -> None:
    assert traffic_finding(rows, 0.1).answer is Answer.ABSTAIN


OUTAGE, HEALTHY, FEW = Row(100, 50, 900, 450), Row(100, 1, 900, 9), Row(1, 1, 4, 4)
LIMITS = Alarms()  # more than 5 %, in 2 of 3 periods with at least 5 requests


@pytest.mark.parametrize(
    ("rows", "holds"),
    [
        pytest.param([], False, id="nothing seen"),
        pytest.param([HEALTHY] * 5, False, id="healthy"),
        pytest.param([HEALTHY] * 5 + [OUTAGE], False, id="one bad period"),
        pytest.param([HEALTHY] * 5 + [OUTAGE, HEALTHY, OUTAGE], True, id="two of three"),
        pytest.param([OUTAGE] * 9 + [HEALTHY, HEALTHY], False, id="over"),
        pytest.param([FEW] * 9, False, id="too few requests to tell"),
    ],
)
def test_nothing_is_promoted_while_the_baseline_is_in_an_incident(rows: list[Row], holds: bool) -> None:
    found = incident_finding(rows, LIMITS)
    assert found.answer is (Answer.HOLD if holds else Answer.ABSTAIN)
    assert not holds or "itself fails 50% of requests" in found.reason


def test_a_shared_outage_proves_nobody_safe() -> None:
    naive, wary = Rules(), Rules(incident_share=0.05)
    assert judge([OUTAGE] * 30, naive).decision is Answer.ADVANCE
    verdict = judge([OUTAGE] * 30, wary)
    assert verdict.decision is Answer.HOLD
    assert verdict.safe <= 0
    assert verdict.requests_needed is None


def test_what_was_proven_before_an_outage_is_not_lost_by_it() -> None:
    wary = Rules(incident_share=0.05)
    before = judge([HEALTHY] * 20, wary)
    assert judge([HEALTHY] * 20 + [OUTAGE] * 5, wary).safe == pytest.approx(before.safe)


@pytest.mark.parametrize("changes", [{"incident_share": 0.0}, {"incident_share": 1.1}, {"catastrophe_share": 1.0}])
def test_shares_without_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Rules(**changes)
