"""Traces of a handler, in a process of their own: the SDK patches botocore for good, and is loaded by no one else."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LAYER = Path(__file__).parents[3] / "layers" / "sluice"
ROOT_ID = "1-5759e988-bd862e3fe1be46a994272793"

TRACED = """
import boto3
from botocore.stub import Stubber
from sluice.telemetry.tracing import traced

client = boto3.client("sqs", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
stubber = Stubber(client)
stubber.add_response("get_queue_url", {"QueueUrl": "https://queue"})
stubber.activate()

def handler(event, context):
    client.get_queue_url(QueueName="uploads")
    return {"status": "a value that no trace may hold"}

traced(handler)({}, None)
"""

FAILED = """
from sluice.errors import AwsRefusedError
from sluice.telemetry.tracing import traced

def handler(event, context):
    answer = {"Error": {"Code": "ValidationException"}, "Detail": "a value that no trace may hold"}
    raise AwsRefusedError("refused", code="ValidationException", message="no", operation="PutItem", response=answer)

try:
    traced(handler)({}, None)
except AwsRefusedError:
    pass
"""

NOT_TRACED = """
import sys
import sluice.bootstrap.entry, sluice.telemetry.powertools
sluice.telemetry.powertools.PowertoolsTelemetry("dev", "sweep").measure("SweepFinding", model="fraud")
sys.exit(any(name.startswith("aws_xray_sdk") for name in sys.modules))
"""


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    """Where Lambda has the X-Ray daemon listen."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(20)
        yield listening


def run(code: str, **variables: str) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAYER), **variables}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def received(daemon: socket.socket) -> dict[str, Any]:
    header, document = daemon.recv(65536).decode().split("\n", 1)
    assert json.loads(header)["format"] == "json"
    found: dict[str, Any] = json.loads(document)
    return found


def test_a_traced_handler_sends_itself_and_its_calls_of_aws_but_no_values(daemon: socket.socket) -> None:
    run(
        TRACED,
        AWS_XRAY_DAEMON_ADDRESS=f"127.0.0.1:{daemon.getsockname()[1]}",
        LAMBDA_TASK_ROOT="/var/task",
        _X_AMZN_TRACE_ID=f"Root={ROOT_ID};Parent=53995c3f42cd8ad8;Sampled=1",
    )
    call, handler = received(daemon), received(daemon)
    assert call["name"] == "sqs"
    assert call["aws"]["operation"] == "GetQueueUrl"
    assert handler["name"] == "## handler"
    assert handler["annotations"]["Service"] == "sluice"
    assert call["parent_id"] == handler["id"]
    assert {call["trace_id"], handler["trace_id"]} == {ROOT_ID}
    assert "a value that no trace may hold" not in str(call) + str(handler)


def test_a_failure_is_traced_without_what_the_error_carries(daemon: socket.socket) -> None:
    run(
        FAILED,
        AWS_XRAY_DAEMON_ADDRESS=f"127.0.0.1:{daemon.getsockname()[1]}",
        LAMBDA_TASK_ROOT="/var/task",
        _X_AMZN_TRACE_ID=f"Root={ROOT_ID};Parent=53995c3f42cd8ad8;Sampled=1",
    )
    handler = received(daemon)
    assert handler["fault"]
    assert handler["cause"]["exceptions"][0]["type"] == "AwsRefusedError"
    assert "a value that no trace may hold" not in str(handler)


def test_without_tracing_the_sdk_is_not_loaded() -> None:
    run(NOT_TRACED)
