"""Each alarm that Sluice makes rings on what SageMaker publishes for that kind of endpoint, as the local AWS knows it.

The local CloudWatch runs on a clock that the test moves: no request is sent, and nothing waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sluice.aws.cloudwatch import CloudWatch
from sluice.aws.metric_data import STATUS_ERRORS
from sluice.endpoint.scaling_requests import wake_up_alarm
from sluice.endpoint.state import EndpointState, NewConfig, ServerlessSize, VariantState
from sluice.names import Names
from sluice.rollout.analysis.alarms import alarms_for
from sluice.rollout.model.plan import Plan
from sluice.rollout.planning.planner import make_plan
from sluice.rollout.traffic.endpoint_configs import create_config
from sluice.spec.model import ModelSpec

from localaws.services.sagemaker.async_inference.request import AsyncRequest, AsyncSettings
from localaws.services.sagemaker.containers.container import ContainerResponse
from localaws.services.sagemaker.fleets.provisioning import HostingTiming
from localaws.services.sagemaker.models.endpoint_configs import EndpointConfig
from localaws.services.sagemaker.runtime.async_runtime import AsyncTiming
from localaws.services.sagemaker.runtime.async_work import Work
from localaws.services.sagemaker.runtime.invocation import Invocation, record
from localaws.tests.unit.services.cloudwatch.cloudwatch_stage import Stage
from tests.builders.spec_examples import spec_with

NAMES, ROLLOUT, ENDPOINT = Names("dev"), "fraud-7-1", "sluice-dev-fraud"
REFUSED = ContainerResponse(400, b"no such column", {})
FAILED = ContainerResponse(500, b"", {})
ANSWERED = ContainerResponse(200, b"1", {})
MINUTES = 5


@dataclass(frozen=True)
class Kind:
    """A kind of endpoint, and whether SageMaker's guardrails deploy the version."""

    type: str
    strategy: str = "auto"
    period_seconds: int = 10

    @property
    def is_deployed_by_sagemaker(self) -> bool:
        return self.strategy == "blue_green"


KINDS = [
    pytest.param(Kind("real-time"), id="real-time, every 10 s"),
    pytest.param(Kind("real-time", period_seconds=60), id="real-time, every minute"),
    pytest.param(Kind("real-time", "blue_green"), id="real-time, while SageMaker deploys"),
    pytest.param(Kind("async", "all_at_once"), id="async"),
    pytest.param(Kind("async", "blue_green"), id="async, while SageMaker deploys"),
    pytest.param(Kind("serverless"), id="serverless"),
]


def plan_of(kind: Kind) -> Plan:
    spec = ModelSpec.parse(
        spec_with(
            ("endpoint.type", kind.type),
            ("endpoint.metrics_period_seconds", kind.period_seconds),
            ("rollout", {"strategy": kind.strategy, "watch": "10m", "alarms": {"latency_p95_ms": 1000}}),
        )
    )
    size = ServerlessSize(memory_mb=2048, max_concurrency=5) if kind.type == "serverless" else None
    served = VariantState(
        name="v6", weight=1, desired_count=2, instance_type="" if size else "ml.m5.large", model="m", serverless=size
    )
    live = EndpointState(
        name=ENDPOINT, status="InService", config="c", variants=(served,), is_async=kind.type == "async"
    )
    return make_plan(spec, NAMES, ROLLOUT, 7, live)


def config_of(plan: Plan) -> EndpointConfig:
    """The endpoint config that the application makes for the candidate, as the local AWS reads it."""
    made: list[NewConfig] = []
    ports = SimpleNamespace(
        hosting=SimpleNamespace(create_config=made.append),
        async_places=SimpleNamespace(config=lambda _model, _count: {"OutputConfig": {"S3OutputPath": "s3://b/o"}}),
    )
    record_of = SimpleNamespace(id=SimpleNamespace(model="fraud"))
    create_config(plan.candidate.config, plan, cast(Any, record_of), cast(Any, ports))
    request = cast(dict[str, Any], made[0].request())
    return EndpointConfig(name=plan.candidate.config, arn="arn", created=cast(Any, None), request=request)


@dataclass
class Endpoint:
    """The candidate's requests, as the local AWS publishes them in its CloudWatch."""

    kind: Kind
    plan: Plan
    stage: Stage
    has_zeros: bool = True  # whether an error metric to which only zeros were sent has data

    def record(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, **more: Any) -> None:
        """The metrics that the endpoint publishes."""
        if value or self.has_zeros or name not in STATUS_ERRORS:
            self.stage.service.record(namespace, name, dimensions, value, **more)

    @property
    def deploying(self) -> str | None:
        return self.plan.candidate.config if self.kind.is_deployed_by_sagemaker else None

    def answer(self, outcome: ContainerResponse, seconds: float) -> None:
        """One request, answered now."""
        if self.kind.type == "async":
            self._work().measure_answer(outcome, seconds)
            return
        every = config_of(self.plan).metrics_period_seconds
        if self.deploying:
            every = HostingTiming().deploying_metrics_seconds
        invocation = Invocation(
            endpoint=ENDPOINT,
            variant=self.plan.candidate.variant,
            instances=0 if self.kind.type == "serverless" else 2,
            outcome=outcome,
            model_seconds=seconds,
            overhead_seconds=0.001,
            deploying_config=self.deploying,
        )
        record(self, invocation, every)

    def _work(self) -> Work:
        return Work(
            context=cast(Any, SimpleNamespace(metrics=self)),
            request=cast(AsyncRequest, SimpleNamespace(endpoint=ENDPOINT)),
            settings=cast(AsyncSettings, None),
            variant=self.plan.candidate.variant,
            role_arn="arn",
            spool=Path("unused"),
            payload_max_bytes=1,
            metrics_period_seconds=AsyncTiming().metrics_period_seconds,
            deploying_config=self.deploying,
        )

    def play(self, outcome: ContainerResponse, seconds: float) -> None:
        """A request each second for some minutes; the alarms are evaluated when they are due."""
        for second in range(MINUTES * 60):
            self.stage.time += 1
            self.answer(outcome, seconds)
            self.stage.service.evaluate_due_alarms()
            del second


class _Client:
    """A client of the local CloudWatch without a wire between."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def put_metric_alarm(self, **request: Any) -> None:
        self._stage.call("PutMetricAlarm", **request)


def endpoint_with_alarms(kind: Kind, *, has_zeros: bool = True) -> tuple[Endpoint, list[str]]:
    endpoint = Endpoint(kind, plan_of(kind), Stage(), has_zeros=has_zeros)
    config = endpoint.deploying or ""
    alarms = alarms_for(NAMES, ROLLOUT, endpoint.plan, config=config)
    CloudWatch(_Client(endpoint.stage)).put_alarms(alarms)
    return endpoint, [str(alarm["AlarmName"]) for alarm in alarms]


@pytest.mark.parametrize("kind", [Kind("async", "blue_green"), Kind("serverless")], ids=lambda kind: str(kind.type))
def test_alarms_ring_where_a_metric_of_zeros_only_has_no_data(kind: Kind) -> None:
    for outcome, seconds, states in (
        (FAILED, 0.01, ("ALARM", "OK")),
        (REFUSED, 0.01, ("ALARM", "OK")),
        (ANSWERED, 2.0, ("OK", "ALARM")),
        (ANSWERED, 0.01, ("OK", "OK")),
    ):
        endpoint, (errors, latency) = endpoint_with_alarms(kind, has_zeros=False)
        endpoint.play(outcome, seconds)
        assert (endpoint.stage.state(errors), endpoint.stage.state(latency)) == states


@pytest.mark.parametrize("outcome", [pytest.param(FAILED, id="500"), pytest.param(REFUSED, id="400")])
@pytest.mark.parametrize("kind", KINDS)
def test_the_error_alarm_rings_when_the_model_fails(kind: Kind, outcome: ContainerResponse) -> None:
    endpoint, (errors, latency) = endpoint_with_alarms(kind)
    endpoint.play(outcome, 0.01)
    assert (endpoint.stage.state(errors), endpoint.stage.state(latency)) == ("ALARM", "OK")


@pytest.mark.parametrize("kind", KINDS)
def test_the_latency_alarm_rings_when_the_model_is_slow(kind: Kind) -> None:
    endpoint, (errors, latency) = endpoint_with_alarms(kind)
    endpoint.play(ContainerResponse(200, b"1", {}), 2.0)
    assert (endpoint.stage.state(errors), endpoint.stage.state(latency)) == ("OK", "ALARM")


@pytest.mark.parametrize("kind", KINDS)
def test_neither_rings_for_a_model_that_answers(kind: Kind) -> None:
    endpoint, names = endpoint_with_alarms(kind)
    endpoint.play(ContainerResponse(200, b"1", {}), 0.01)
    assert {endpoint.stage.state(name) for name in names} == {"OK"}


def test_a_plan_stored_before_an_update_of_sluice_rings_as_well() -> None:
    kind = Kind("async", "blue_green")
    endpoint = Endpoint(kind, replace(plan_of(kind), period_seconds=10), Stage())
    alarms = alarms_for(NAMES, ROLLOUT, endpoint.plan, config=endpoint.deploying or "")
    CloudWatch(_Client(endpoint.stage)).put_alarms(alarms)
    endpoint.play(FAILED, 0.01)
    assert endpoint.stage.state(str(alarms[0]["AlarmName"])) == "ALARM"


def test_the_alarm_that_wakes_an_async_endpoint_rings_and_keeps_ringing() -> None:
    stage = Stage()
    alarm = wake_up_alarm(NAMES, ENDPOINT, "arn:aws:autoscaling:policy")
    CloudWatch(_Client(stage)).put_alarms([alarm])
    states = set()
    for second in range(MINUTES * 60):
        stage.time += 1
        if second % AsyncTiming().metrics_period_seconds == 0:
            stage.service.record(
                "AWS/SageMaker",
                "HasBacklogWithoutCapacity",
                {"EndpointName": ENDPOINT},
                1.0,
                publish_every_seconds=AsyncTiming().metrics_period_seconds,
            )
        stage.service.evaluate_due_alarms()
        if second > 120:
            states.add(stage.state(str(alarm["AlarmName"])))
    assert states == {"ALARM"}
