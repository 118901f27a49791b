"""A small fleet: idle environments make room, and beyond the limit invocations are throttled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.local_aws import LocalAws
from localaws.service_api import Service
from localaws.services.events.service import EventBridge
from localaws.services.lambda_.service import Lambda
from localaws.tests.contract.services.lambda_.account import Account, Sums
from localaws.tests.interpreters import INTERPRETERS

PID = "import os, time\ndef handler(event, context):\n  time.sleep(event)\n  return os.getpid()\n"


@pytest.fixture
def small_account(tmp_path: Path) -> Iterator[Account]:
    made: list[EventBridge] = []
    metrics = Sums()

    def services(context: Context) -> Sequence[Service]:
        bus = EventBridge(context)
        context.metrics, context.bus = metrics, bus
        made.append(bus)
        return [bus, Lambda(context, most_environments=2)]

    with LocalAws(tmp_path, INTERPRETERS, services=services) as aws:
        yield Account(aws, made[0], metrics)


def test_the_least_recently_used_environment_makes_room(small_account: Account) -> None:
    for name in ("a", "b", "c"):
        small_account.function(name, PID)
    pids = {name: small_account.invoke(name, 0)[0] for name in ("a", "b", "a", "c")}
    assert _exists(pids["a"])
    assert not _exists(pids["b"])
    assert small_account.invoke("a", 0)[0] == pids["a"]


def test_beyond_the_limit_invocations_are_throttled(small_account: Account) -> None:
    small_account.function("busy", PID)

    def attempt(_: int) -> str:
        try:
            small_account.invoke("busy", 1)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "ok"

    with ThreadPoolExecutor(3) as threads:
        assert sorted(threads.map(attempt, range(3))) == ["TooManyRequestsException", "ok", "ok"]
    assert small_account.metric("Throttles", FunctionName="busy") == 1


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
