"""The way into a function: ports are joined once, and each invocation logs one line of its own."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
from sluice.bootstrap.entry import entry
from sluice.bootstrap.environment import Environment
from sluice.telemetry.port import Telemetry
from sluice.telemetry.powertools import SERVICE

NO_CONTEXT = object()


@dataclass
class Ports:
    """Ports as a feature has them: what is joined to a client, and when."""

    environment: Environment

    @property
    def telemetry(self) -> Telemetry:
        return self.environment.telemetry

    @cached_property
    def store(self) -> Any:
        return self.environment.client("dynamodb")


@pytest.fixture(autouse=True)
def lambda_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SLUICE_STAGE", "dev")
    monkeypatch.delenv("POWERTOOLS_LOGGER_SAMPLE_RATE", raising=False)
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    level = logging.getLogger().level
    logging.Logger.manager.loggerDict.pop(SERVICE, None)
    yield
    logging.Logger.manager.loggerDict.pop(SERVICE, None)
    logging.getLogger().setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in printed if "_aws" not in line]


def test_an_invocation_logs_the_plain_fields_of_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    result = {"status": "WAIT", "wait_seconds": 3, "reason": "", "found": {"rows": [1]}, "none": None}
    handler = entry("sweep", lambda event, ports: result, Ports)
    assert handler({}, NO_CONTEXT) is result
    (line,) = lines(capsys)
    assert line.items() >= {"level": "INFO", "message": "sweep done", "status": "WAIT", "wait_seconds": 3}.items()
    assert not {"found", "none"} & line.keys()


def test_the_stage_of_a_rollout_is_distinguished_from_that_of_the_stack(capsys: pytest.CaptureFixture[str]) -> None:
    entry("shift_traffic", lambda event, ports: {"status": "READY", "stage": 1}, Ports)({}, NO_CONTEXT)
    (line,) = lines(capsys)
    assert (line["stage"], line["rollout_stage"]) == ("dev", "1")


def test_messages_that_go_back_to_the_queue_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    failures = {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}
    entry("record_outcome", lambda event, ports: failures, Ports)({"Records": []}, NO_CONTEXT)
    (line,) = lines(capsys)
    assert line["failed_messages"] == 2


def test_an_error_is_logged_once_and_goes_on_to_lambda(capsys: pytest.CaptureFixture[str]) -> None:
    def run(event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
        ports.telemetry.identify("rollout", "fraud-7-1")
        raise LookupError("no rollout fraud-7-1")

    with pytest.raises(LookupError):
        entry("roll_back", run, Ports)({"rollout_id": "fraud-7-1"}, NO_CONTEXT)
    (line,) = lines(capsys)
    expected = {"level": "ERROR", "message": "roll_back failed", "error": "LookupError", "rollout": "fraud-7-1"}
    assert line.items() >= expected.items()


def test_ports_are_joined_at_the_first_invocation_and_kept() -> None:
    joined: list[Ports] = []

    def make_ports(environment: Environment) -> Ports:
        joined.append(Ports(environment))
        return joined[-1]

    seen: list[Ports] = []

    def run(event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
        seen.append(ports)
        return {}

    handler = entry("sweep", run, make_ports)
    assert joined == [], "importing a handler does nothing, e.g. in a test"
    handler({}, NO_CONTEXT)
    handler({}, NO_CONTEXT)
    assert len(joined) == 1
    assert seen == [joined[0], joined[0]]


def test_lambda_has_ports_joined_and_the_certain_ones_made_before_the_first_invocation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    monkeypatch.setattr("sluice.bootstrap.entry.Boto3Clients", lambda: made.append)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "sluice-dev-sweep")
    entry("sweep", lambda event, ports: {}, Ports)
    assert made == []
    entry("sweep", lambda event, ports: {}, Ports, certain=("store",))
    assert made == ["dynamodb"]


@pytest.mark.parametrize(("tracing", "is_traced"), [("Active", True), ("Disabled", False), (None, False)])
def test_a_function_is_traced_where_the_stack_has_tracing_active(
    tracing: str | None, is_traced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def note(handler: Any) -> Any:
        seen.append(handler)
        return handler

    monkeypatch.setattr("sluice.telemetry.tracing.traced", note)
    if tracing is not None:
        monkeypatch.setenv("SLUICE_TRACING", tracing)
    entry("sweep", lambda event, ports: {}, Ports)
    assert bool(seen) is is_traced
