"""The fake metrics and the adapter on the local AWS's CloudWatch keep the same promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import pytest
from sluice.aws.cloudwatch import CloudWatch
from sluice.aws.metric_data import PERCENTILES, Counts, LatencySummary, Span, dimensions
from sluice.endpoint.state import EndpointState, VariantState
from sluice.errors import MetricsUnknownError
from sluice.names import Names
from sluice.rollout.analysis.alarms import alarm_names, alarms_for, composite_for
from sluice.rollout.model.plan import Plan
from sluice.rollout.planning.planner import make_plan

from localaws.context import Context
from localaws.local_aws import LocalAws
from localaws.service_api import Service
from localaws.services.cloudwatch.metrics.partial_answers import with_incomplete
from localaws.services.cloudwatch.service import CloudWatch as LocalCloudWatch
from localaws.tests.interpreters import INTERPRETERS
from tests.builders.aws_clients import translating
from tests.fakes.aws_state import Faults
from tests.fakes.cloudwatch import FakeMetrics
from tests.fakes.sluice_world import SPEC

ENDPOINT, ROLLOUT = "sluice-dev-fraud", "fraud-7-1"
NAMES = Names("dev")
PERIOD = timedelta(seconds=60)
LIMITS = {"p90": 90_000, "p99": 99_000}


def plan() -> Plan:
    baseline = VariantState(name="v6", weight=1, desired_count=1, instance_type="ml.m5.large", model="m")
    live = EndpointState(name=ENDPOINT, status="InService", config="c", variants=(baseline,))
    return make_plan(SPEC, NAMES, ROLLOUT, 7, live)


@dataclass(frozen=True)
class Board:
    """Metrics, and how requests come to be counted in them."""

    metrics: CloudWatch
    answer: Callable[[str, datetime, Counts], None]  # variant, start of a period, what it saw
    take: Callable[[str, datetime, Sequence[float]], None]  # likewise, the latencies in microseconds
    lose: Callable[[str, str, str], None]  # variant, the series that the next answer lacks, its status


def fake() -> Board:
    metrics = FakeMetrics(Faults())

    def answer(variant: str, _at: datetime, seen: Counts) -> None:
        metrics.per_period[variant] = seen

    def take(variant: str, _at: datetime, latencies: Sequence[float]) -> None:
        metrics.per_period[variant] = Counts(len(latencies), 0)
        metrics.slow = {variant: {name: sum(each > limit for each in latencies) for name, limit in LIMITS.items()}}
        metrics.means[variant] = fmean(latencies)
        ranked = sorted(latencies)
        known = {name: ranked[round(share * len(ranked)) - 1] for name, share in PERCENTILES.items()}
        metrics.summaries = [LatencySummary(requests=len(latencies), percentiles=known)]

    def lose(variant: str, _series: str, status: str) -> None:
        metrics.incomplete = {variant: status}

    return Board(cast(CloudWatch, metrics), answer, take, lose)


class _Silent:
    """No bus: nobody listens to these alarms."""

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        pass


class _Real:
    """CloudWatch alone on a local AWS, whose clock can be turned back to when requests were answered."""

    def __init__(self, run_dir: Path) -> None:
        self._turned_to: datetime | None = None
        self.aws = LocalAws(run_dir, INTERPRETERS, services=self._services)

    def _services(self, context: Context) -> list[Service]:
        context.bus, context.now = _Silent(), self._now
        self._cloudwatch = context.metrics = LocalCloudWatch(context)
        return [self._cloudwatch]

    def _now(self) -> datetime:
        return self._turned_to or datetime.now(UTC)

    def take(self, variant: str, at: datetime, latencies: Sequence[float]) -> None:
        self._turned_to = at + timedelta(seconds=1)
        for latency in latencies:
            dimensions = {"EndpointName": ENDPOINT, "VariantName": variant}
            self._cloudwatch.record("AWS/SageMaker", "ModelLatency", dimensions, latency)
        self._turned_to = None

    def lose(self, _variant: str, series: str, status: str) -> None:
        self.aws.faults.alter("cloudwatch", "GetMetricData", with_incomplete(series, status))

    def answer(self, variant: str, at: datetime, seen: Counts) -> None:
        self._turned_to = at + timedelta(seconds=1)
        for number in range(seen.requests):
            error = 1.0 if number < seen.errors else 0.0
            dimensions = {"EndpointName": ENDPOINT, "VariantName": variant}
            self._cloudwatch.record("AWS/SageMaker", "InvocationModelErrors", dimensions, error)
        self._turned_to = None


@pytest.fixture(scope="module", params=["fake", "local AWS"])
def board(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    if request.param == "fake":
        yield fake()
        return
    real = _Real(tmp_path_factory.mktemp("run"))
    with real.aws as aws:
        yield Board(CloudWatch(translating(aws.client("cloudwatch"))), real.answer, real.take, real.lose)


def a_past_period() -> datetime:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return now - 10 * PERIOD


def span(at: datetime, periods: int = 1) -> Span:
    return Span(start=at, end=at + periods * PERIOD, period_seconds=60)


def test_requests_and_errors_of_a_period(board: Board) -> None:
    at = a_past_period()
    board.answer("v7", at, Counts(200, 3))
    found = board.metrics.counts(dimensions(ENDPOINT, "v7"), span(at))
    assert found == {at: Counts(200, 3)}
    assert all(type(each.requests) is int for each in found.values())


def test_a_variant_without_requests_has_no_periods(board: Board) -> None:
    at = a_past_period()
    assert board.metrics.counts(dimensions(ENDPOINT, "v1"), span(at, 5)) == {}


LATENCIES = [1000.0 * number for number in range(1, 101)]  # 1 to 100 ms


def test_requests_slower_than_a_limit_are_counted(board: Board) -> None:
    at = a_past_period()
    board.take("v8", at, LATENCIES)
    assert board.metrics.slow_counts(dimensions(ENDPOINT, "v8"), LIMITS, span(at)) == {
        "p90": {at: Counts(100, 10)},
        "p99": {at: Counts(100, 1)},
    }


def test_latencies_of_a_stretch_are_summed_up(board: Board) -> None:
    at = a_past_period()
    board.take("v9", at, LATENCIES)
    (found,) = board.metrics.latency_summaries(dimensions(ENDPOINT, "v9"), span(at))
    assert found == LatencySummary(requests=100, percentiles={"p90": 90_000.0, "p99": 99_000.0})
    assert board.metrics.mean_latencies(dimensions(ENDPOINT, "v9"), span(at)) == {at: 50_500.0}


@pytest.mark.parametrize("status", ["InternalError", "PartialData", "Forbidden"])
def test_slow_requests_that_cloudwatch_did_not_answer_are_unknown_and_not_none(board: Board, status: str) -> None:
    at = a_past_period()
    board.take("v10", at, LATENCIES)
    board.lose("v10", "p99", status)
    with pytest.raises(MetricsUnknownError) as unknown:
        board.metrics.slow_counts(dimensions(ENDPOINT, "v10"), LIMITS, span(at))
    assert unknown.value.code == status


def test_alarms_are_put_seen_and_deleted_any_number_of_times(board: Board) -> None:
    names = alarm_names(NAMES, ROLLOUT)[:3]
    assert board.metrics.alarm_states(names) == {}
    for _ in range(2):
        board.metrics.put_alarms(alarms_for(NAMES, ROLLOUT, plan()))
        board.metrics.put_composite_alarm(composite_for(NAMES, ROLLOUT, plan()))
    states = board.metrics.alarm_states(names)
    assert states.keys() == set(names)
    assert set(states.values()) <= {"OK", "INSUFFICIENT_DATA"}
    board.metrics.delete_alarms([names[0], names[2]])
    assert board.metrics.alarm_states(names).keys() == {names[1]}
    for _ in range(2):
        board.metrics.delete_alarms(names)
        assert board.metrics.alarm_states(names) == {}
