"""A CloudWatch on a clock that a test sets, and what it announces."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from botocore.exceptions import ClientError

from localaws.context import Context, Interpreters, Processes
from localaws.service_api import Call, Params
from localaws.services.cloudwatch.service import CloudWatch

NOON = 1_795_348_800  # 2026-11-22T12:00:00Z
ENDPOINT = {"EndpointName": "spend", "VariantName": "v2"}


class FakeBus:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        self.events.append({"source": source, "detail-type": detail_type, "detail": detail, "resources": resources})


class FakeClients:
    """Stands for SNS and Lambda; ``broken`` services refuse, and ``policies`` are those of topics and functions."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Params]] = []
        self.broken: set[str] = set()
        self.policies: dict[str, dict[str, Any]] = {}  # by ARN

    def get(self, service: str, _role_arn: str | None) -> Any:
        return _FakeClient(self, service)


class _FakeClient:
    def __init__(self, clients: FakeClients, service: str) -> None:
        self._clients = clients
        self._service = service

    def get_topic_attributes(self, TopicArn: str) -> dict[str, Any]:
        return {"Attributes": {"Policy": self._policy(TopicArn)}}

    def get_policy(self, FunctionName: str) -> dict[str, Any]:
        return {"Policy": self._policy(FunctionName)}

    def _policy(self, arn: str) -> str:
        anyone = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": arn}
        return json.dumps({"Statement": [self._clients.policies.get(arn, anyone)]})

    def publish(self, **params: Any) -> None:
        self._take(params)

    def invoke(self, **params: Any) -> None:
        self._take(params)

    def _take(self, params: Params) -> None:
        if self._service in self._clients.broken:
            raise ClientError({"Error": {"Code": "NotFound", "Message": "gone"}}, "Publish")
        self._clients.calls.append((self._service, params))


class Stage:
    """A CloudWatch at noon whose clock moves only when told to."""

    def __init__(self) -> None:
        self.time = float(NOON)
        self.bus = FakeBus()
        self.clients = FakeClients()
        context = Context(
            account="123456789012",
            region="us-east-1",
            endpoint_url="http://127.0.0.1:0",
            run_dir=Path("unused"),
            interpreters=Interpreters(Path("unused"), Path("unused")),
            stopping=threading.Event(),
            processes=cast(Processes, None),
            now=lambda: datetime.fromtimestamp(self.time, UTC),
            client=self.clients.get,
            credentials=lambda _role: {},
            refuse_role=lambda _role, _source: None,
            bus=self.bus,
            metrics=cast(Any, None),
        )
        self.service = CloudWatch(context)

    def call(self, operation: str, **params: Any) -> Params:
        """As the gateway calls an operation."""
        caller = Call(service="cloudwatch", operation=operation, region="us-east-1", account="123456789012")
        return self.service.operations[operation](params, caller)

    def sample(self, name: str, value: float, second: float, publish: int = 10, times: int = 1) -> None:
        """Record what an endpoint publishes, ``second`` after noon."""
        self.time = NOON + second
        for _ in range(times):
            self.service.record("AWS/SageMaker", name, ENDPOINT, value, publish_every_seconds=publish)

    def advance_to(self, second: float) -> None:
        """Move the clock to ``second`` after noon and let the evaluation catch up."""
        self.time = NOON + second
        self.service.evaluate_due_alarms()

    def state(self, name: str) -> str:
        described = self.call("DescribeAlarms", AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        found: list[Params] = described["MetricAlarms"] + described["CompositeAlarms"]
        (alarm,) = found
        return str(alarm["StateValue"])

    def put_alarm(self, name: str = "latency", **changes: Any) -> None:
        """An alarm on the 10-second maximum of ModelLatency, 1 of 1, unless changed."""
        settings: Params = {
            "MetricName": "ModelLatency",
            "Namespace": "AWS/SageMaker",
            "Dimensions": dimensions(),
            "Statistic": "Maximum",
            "Period": 10,
            "EvaluationPeriods": 1,
            "Threshold": 100.0,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        kept = {key: value for key, value in (settings | changes).items() if value is not None}
        self.call("PutMetricAlarm", AlarmName=name, **kept)


def dimensions() -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in ENDPOINT.items()]


def metric_query(name: str, metric: str, stat: str, period: int = 10, *, returned: bool = False) -> Params:
    """One entry of a Metrics list."""
    stat_of = {
        "Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions()},
        "Period": period,
        "Stat": stat,
    }
    return {"Id": name, "MetricStat": stat_of, "ReturnData": returned}
