"""A local AWS as a whole: one at a time in a process, and nothing of it goes on once it is stopped."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from localaws.context import Context
from localaws.local_aws import LocalAws
from localaws.service_api import Service
from localaws.services.cloudwatch.service import CloudWatch
from localaws.services.events.service import EventBridge
from localaws.tests.interpreters import INTERPRETERS

TRUST = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}


def services(context: Context) -> Sequence[Service]:
    metrics, bus = CloudWatch(context), EventBridge(context)
    context.metrics, context.bus = metrics, bus
    return [metrics, bus]


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_second_one_of_a_process_is_refused_until_the_first_is_stopped(tmp_path: Path) -> None:
    with LocalAws(tmp_path / "first", INTERPRETERS, services=services) as first:
        first.client("s3").create_bucket(Bucket="kept")
        with pytest.raises(RuntimeError, match=r"a local AWS already, in .*first"):
            LocalAws(tmp_path / "second", INTERPRETERS, services=services)
        assert [bucket["Name"] for bucket in first.client("s3").list_buckets()["Buckets"]] == ["kept"]
    with LocalAws(tmp_path / "second", INTERPRETERS, services=services) as second:
        first.stop()  # once more changes nothing for its successor
        with pytest.raises(RuntimeError, match=r"a local AWS already, in .*second"):
            LocalAws(tmp_path / "third", INTERPRETERS, services=services)
        assert second.client("s3").list_buckets()["Buckets"] == []


def test_one_that_could_not_be_made_is_in_nobodys_way(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            LocalAws(tmp_path / "first", INTERPRETERS, port=taken.getsockname()[1], services=services)
    with LocalAws(tmp_path / "second", INTERPRETERS, services=services) as second:
        assert second.client("s3").list_buckets()["Buckets"] == []


def test_executions_end_with_their_local_aws(tmp_path: Path) -> None:
    waits = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    with LocalAws(tmp_path, INTERPRETERS, services=services) as ended:
        document = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
        role = ended.client("iam").create_role(RoleName="waiter", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        client = ended.client("stepfunctions")
        made = client.create_state_machine(name="waiter", definition=json.dumps(waits), roleArn=role)
        client.start_execution(stateMachineArn=made["stateMachineArn"], name="long")
        eventually(lambda: "WaitStateEntered" in json.dumps(history(client, made), default=str), "it waits")
        from moto.stepfunctions.parser.utils import TMP_THREADS  # all threads of all executions

        assert any(thread.is_alive() for thread in TMP_THREADS)
    eventually(lambda: not any(thread.is_alive() for thread in TMP_THREADS), "the execution has ended")
    with pytest.raises(EndpointConnectionError):
        client.list_state_machines()


def history(client: Any, made: dict[str, Any]) -> list[dict[str, Any]]:
    execution = made["stateMachineArn"].replace(":stateMachine:", ":execution:") + ":long"
    return list(client.get_execution_history(executionArn=execution)["events"])
