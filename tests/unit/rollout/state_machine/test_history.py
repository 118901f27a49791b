"""No allowed spec leads to more than 10,000 history events: added up for any plan, and counted in long rollouts.

Step Functions ends an execution at 25,000: a way back that takes the rest of the month fits beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sluice.endpoint.state import EndpointState, VariantState
from sluice.errors import SpecError
from sluice.names import Names
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.model.plan import Plan
from sluice.rollout.planning.planner import make_plan
from sluice.rollout.traffic.reconcile import DeleteEndpoint, SetCapacity, SetWeights, StopDeployment, UseConfig
from sluice.rollout.traffic.task_result import poll_seconds, slow_poll_seconds
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from tests.builders.spec_examples import spec_with
from tests.fakes.sluice_world import MACHINE, SPEC, SluiceWorld, sluice_world

MOST_EVENTS = 10_000
LIMIT = 25_000  # of Step Functions
EVENTS_OF = {"Task": 5, "Choice": 2, "Wait": 2, "Succeed": 2, "Fail": 2}
A_TURN = EVENTS_OF["Task"] + EVENTS_OF["Choice"] + EVENTS_OF["Wait"]
A_CHANGE = timedelta(minutes=10)  # that SageMaker takes for a change of weights, capacity or config, both at once
AN_EXECUTION = timedelta(seconds=MACHINE["TimeoutSeconds"])
DAY = 86_400
T0 = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


def turns(wait: Callable[[datetime, datetime], int], lasting: timedelta) -> int:
    """How often is asked in that time, with waits as ``wait`` gives them."""
    asked, now = 1, T0
    while now < T0 + lasting:
        now += timedelta(seconds=wait(T0, now))
        asked += 1
    return asked


OTHERS = turns(slow_poll_seconds, AN_EXECUTION)  # the queue, windows, gates, a person
CHANGE = turns(poll_seconds, A_CHANGE)


def most_events(plan: Plan) -> int:
    """History events of the longest execution that this plan can lead to."""
    deployment = timedelta(seconds=plan.blue_green.timeout_seconds) if plan.blue_green else A_CHANGE
    stages = len(plan.stages) * (CHANGE + 2)  # a shift, and a look as soon as it is in force
    looks = ceil(plan.analysis_duration().total_seconds() / plan.look_seconds) if plan.stages else 0
    watch = ceil(plan.watch_seconds / max(plan.look_seconds, plan.watch_seconds / 100)) + 1
    asked = OTHERS + turns(poll_seconds, deployment) + stages + looks + CHANGE + watch + CHANGE
    return asked * A_TURN + 20


def live() -> EndpointState:
    only = VariantState(name="v6", weight=1.0, desired_count=4, instance_type="ml.c5.xlarge", model="m")
    return EndpointState(name="sluice-dev-fraud", status="InService", config="live-6", variants=(only,))


def span(least: int, most: int) -> st.SearchStrategy[str]:
    return st.sampled_from([least, least * 7, 3600, DAY, most]).map(lambda seconds: f"{min(seconds, most)}s")


ROLLOUTS = st.fixed_dictionaries(
    {
        "strategy": st.sampled_from(["canary", "linear", "shadow", "ab_test", "blue_green", "all_at_once"]),
        "stages": st.integers(1, 20).flatmap(
            lambda count: st.lists(span(10, 14 * DAY), min_size=count, max_size=count).map(
                lambda bakes: [{"weight": number + 1, "bake": bake} for number, bake in enumerate(bakes)]
            )
        ),
        "step": st.builds(
            lambda weight, bake: {"weight": weight, "bake": bake}, st.integers(5, 50), span(10, 14 * DAY)
        ),
        "shadow": st.builds(lambda duration: {"duration": duration}, span(10, 14 * DAY)),
        "ab_test": st.builds(
            lambda most, final: {"min_duration": "60s", "max_duration": most, "final_bake": final},
            span(60, 14 * DAY),
            span(10, DAY),
        ),
        "blue_green": st.just({"wait": "1h", "termination_wait": "1h", "timeout": "8h"}),
        "watch": span(10, DAY),
        "max_hold": span(10, 14 * DAY),
    }
)


def test_a_way_back_that_is_refused_for_a_month_fits_into_what_is_left() -> None:
    """Each attempt that fails is scheduled, started and failed; each state is entered and exited besides."""
    (rule,) = MACHINE["States"]["RollBack"]["Retry"]
    delays = [
        min(rule["IntervalSeconds"] * rule["BackoffRate"] ** number, rule["MaxDelaySeconds"])
        for number in range(rule["MaxAttempts"])
    ]
    a_cycle = sum(delays) + MACHINE["States"]["WaitToRestore"]["Seconds"]
    events = 3 * (len(delays) + 1) + 2 + EVENTS_OF["Wait"]
    assert ceil(AN_EXECUTION.total_seconds() / a_cycle) * events < LIMIT - MOST_EVENTS


def test_a_way_back_that_waits_for_a_month_fits_into_what_is_left() -> None:
    """However often the waits begin anew: after the fence, and after the first step of each kind."""
    kinds = [SetWeights, UseConfig, SetCapacity, DeleteEndpoint, StopDeployment]
    assert (1 + len(kinds)) * turns(poll_seconds, AN_EXECUTION) * A_TURN < LIMIT - MOST_EVENTS


@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])
@given(rollout=ROLLOUTS, period=st.sampled_from([10, 60]))
def test_no_plan_of_an_allowed_spec_can_fill_the_history(rollout: dict[str, Any], period: int) -> None:
    raw = spec_with(("endpoint.metrics_period_seconds", period), ("endpoint.instance_count", 4))
    try:
        spec = ModelSpec.parse({**raw, "rollout": rollout})
    except SpecError:
        assume(False)
    plan = make_plan(spec, Names("dev"), "fraud-7-1", 7, live())
    assert plan.look_seconds >= period
    assert most_events(plan) < MOST_EVENTS


def test_the_bound_is_near_for_the_longest_rollout_that_is_allowed() -> None:
    """Else it would be looked at less often than it could be."""
    stages = [{"weight": number + 1, "bake": "60s"} for number in range(20)]
    spec = ModelSpec.parse(spec_with(("rollout.stages", stages), ("rollout.max_hold", "17h"), ("rollout.watch", "1d")))
    plan = make_plan(spec, Names("dev"), "fraud-7-1", 7, live())
    assert MOST_EVENTS * 0.9 < most_events(plan) < MOST_EVENTS


def played(world: SluiceWorld, rollout: str) -> tuple[int, str]:
    """History events of an execution, and its last state."""
    events = 0

    def count(state: str) -> None:
        nonlocal events
        events += EVENTS_OF[MACHINE["States"][state]["Type"]]

    last = world.play(rollout, on_state=count, limit=20_000)
    return events, last


def world_with(**rollout: object) -> SluiceWorld:
    raw = SPEC.to_json()
    raw["rollout"] |= rollout
    world = sluice_world(ModelSpec.parse(raw))
    world.live(1)
    return world


@pytest.mark.parametrize(
    "rollout",
    [
        pytest.param({"strategy": "ab_test", "ab_test": {"max_duration": "14d"}, "max_hold": "6h"}, id="a/b test"),
        pytest.param({"strategy": "shadow", "shadow": {"duration": "13d"}, "max_hold": "1d"}, id="shadow"),
    ],
)
def test_two_weeks_in_doubt_stay_below_the_bound(rollout: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with(**rollout)
    unknown = Finding(name="errors", answer=Answer.HOLD, reason="nobody knows")
    monkeypatch.setattr(
        "sluice.rollout.tasks.analyze_stage.collect_findings", lambda *_: (unknown,)
    )  # two weeks of evidence take minutes to weigh
    began = world.clock.now()
    events, last = played(world, world.approve(2))
    assert last == "RolledBack"
    assert world.clock.now() - began > timedelta(days=13)
    assert 2_000 < events < MOST_EVENTS
    assert world.ports.store.get(RolloutId.required("fraud-2-1")).is_closed
