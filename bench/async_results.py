"""How many results a second handle_async_result takes, beside a handler that only parses and acknowledges.

    .venv/bin/python bench/async_results.py

Both run in this process on the same batches, in turns, so the ratio holds whatever else the machine does. AWS is
answered where botocore would send: requests are really made, signed and parsed, and each answer takes `--latency-ms`.
Every result is a new one, read, looked up in S3, written and published; with `--failing` a share of them is to be
retried. The number of calls for each record is printed, because calls are what AWS is paid for.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "layers" / "sluice"))

from botocore.awsrequest import AWSResponse
from botocore.session import Session
from sluice.aws.clients import lazy_clients
from sluice.bootstrap.adapters import Adapters
from sluice.bootstrap.environment import Environment
from sluice.spec.model import ModelSpec
from sluice.telemetry.silent import SilentTelemetry

from functions.handle_async_result.app import run

STARTED = datetime(2026, 3, 4, 10, tzinfo=UTC)
SPEC = ModelSpec.parse(
    {
        "name": "fraud",
        "data": {"target": "risk", "columns": [{"name": "age", "type": "number"}]},
        "pipeline": {"definition": "tabular"},
        "endpoint": {"type": "async"},
    }
).stored()
VARIANT = {"VariantName": "v7", "ModelName": "sluice-dev-fraud-7-1-model", "InstanceType": "ml.m5.large"}
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "BatchGetItem": {"Responses": {"results": []}},
    "BatchWriteItem": {},
    "PutItem": {},
    "PutEvents": {"FailedEntryCount": 0, "Entries": []},
    "SendMessageBatch": {"Successful": [], "Failed": []},
    "GetParameter": {"Parameter": {"Value": SPEC}},
    "DescribeEndpoint": {
        "EndpointName": "sluice-dev-fraud",
        "EndpointStatus": "InService",
        "EndpointConfigName": "c",
        "ProductionVariants": [{"VariantName": "v7", "DesiredWeight": 1, "DesiredInstanceCount": 1}],
    },
    "DescribeEndpointConfig": {"ProductionVariants": [VARIANT]},
}


class Body(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self, **_options: object) -> Iterator[bytes]:
        yield self.read()


class Aws:
    """Clients whose requests are answered before they are sent."""

    def __init__(self, latency_seconds: float) -> None:
        self.calls = 0
        self._latency_seconds = latency_seconds
        self._session = Session()
        self._session.get_component("event_emitter").register("before-send", self._answer)

    def client(self, service: str) -> Any:
        return self._session.create_client(
            service,
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",  # noqa: S106 - no secret
        )

    def _answer(self, request: Any, event_name: str, **_rest: object) -> AWSResponse:
        self.calls += 1
        time.sleep(self._latency_seconds)
        operation = event_name.rsplit(".", 1)[-1]
        headers = {"Content-Length": "812", "Last-Modified": "Wed, 04 Mar 2026 10:00:02 GMT"}
        body = b"" if operation == "HeadObject" else json.dumps(ANSWERS[operation]).encode()
        return AWSResponse(request.url, 200, headers if operation == "HeadObject" else {}, Body(body))


def ports(aws: Aws) -> Adapters:
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = aws.client(service)
        return made[service]

    variables = {
        "SLUICE_STAGE": "dev",
        "SLUICE_TABLE": "state",
        "SLUICE_RESULTS_TABLE": "results",
        "SLUICE_ASYNC_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/results",
    }
    return Adapters(
        Environment(
            variables=variables,
            client=lazy_clients(client),
            now=lambda: STARTED + timedelta(seconds=3),
            telemetry=SilentTelemetry(),
        )
    )


def batch(size: int, failing: float, first: int) -> dict[str, Any]:
    """An event with notifications of different inferences."""
    records = []
    for number in range(first, first + size):
        fails = int((number + 1) * failing) > int(number * failing)
        notification: dict[str, Any] = {
            "awsRegion": "us-east-1",
            "eventTime": "2026-03-04T10:00:02.608Z",
            "receivedTime": "2026-03-04T10:00:00.455Z",
            "invocationStatus": "Failed" if fails else "Completed",
            "requestParameters": {
                "contentType": "text/csv",
                "endpointName": "sluice-dev-fraud",
                "inputLocation": f"s3://data/async/fraud/input/{number}.csv",
            },
            "inferenceId": f"fraud-{number:012}",
            "eventName": "InferenceResult",
        }
        if fails:
            notification["failureReason"] = "ClientError: Received server error (500) from model."
        else:
            output = {"contentType": "text/csv", "outputLocation": f"s3://data/async/fraud/output/{number}.out"}
            notification["responseParameters"] = output
        records.append({"messageId": str(number), "body": json.dumps(notification)})
    return {"Records": records}


def acknowledge(event: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a handler cannot do less than."""
    for record in event["Records"]:
        notification = json.loads(record["body"])
        assert notification["eventName"] == "InferenceResult"
    return {"batchItemFailures": []}


def timed(handler: Callable[[Mapping[str, Any]], Any], event: Mapping[str, Any]) -> tuple[float, float]:
    """Seconds by the wall, and of CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = handler(event)
    assert answer == {"batchItemFailures": []}, answer
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=400, help="in each measurement")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--latency-ms", type=float, default=5.0, help="of each call of AWS")
    parser.add_argument("--failing", type=float, default=0.0, help="share (0..1) of requests that have failed")
    options = parser.parse_args()
    aws = Aws(options.latency_ms / 1000)
    live = ports(aws)
    run(batch(10, 0.5, 0), live)  # clients are made at their first use
    print(f"{'batch':>5} {'records/s':>10} {'CPU µs':>8} {'calls':>6}   only parsed: {'CPU µs':>7} {'ratio':>6}")
    for size in (1, 10, 100):
        walls, ours, theirs = [], [], []
        aws.calls = 0
        for _ in range(options.rounds):
            events = [batch(size, options.failing, first) for first in range(0, options.records, size)]
            parsed = [timed(acknowledge, event)[1] for event in events]
            handled = [timed(lambda event: run(event, live), event) for event in events]
            theirs.append(sum(parsed) / options.records)
            walls.append(sum(wall for wall, _ in handled) / options.records)
            ours.append(sum(cpu for _, cpu in handled) / options.records)
        cpu, bare = statistics.median(ours) * 1e6, statistics.median(theirs) * 1e6
        calls = aws.calls / (options.rounds * options.records)
        rate = 1 / statistics.median(walls)
        print(f"{size:>5} {rate:>10.0f} {cpu:>8.0f} {calls:>6.2f}   {'':>12} {bare:>7.1f} {cpu / bare:>6.0f}")


if __name__ == "__main__":
    main()
