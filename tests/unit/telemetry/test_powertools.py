"""What functions print: JSON lines that Lambda's filter understands, and metrics in the embedded format."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from sluice.telemetry.powertools import SERVICE, PowertoolsTelemetry

SAMPLE_RATE = "POWERTOOLS_LOGGER_SAMPLE_RATE"


@dataclass(frozen=True)
class Context:
    aws_request_id: str = "request-1"


@pytest.fixture(autouse=True)
def no_logger_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has the process to itself: Powertools keeps one logger per service, with its stream and level."""
    monkeypatch.delenv(SAMPLE_RATE, raising=False)
    root, level = logging.getLogger(), logging.getLogger().level
    logging.Logger.manager.loggerDict.pop(SERVICE, None)
    yield
    logging.Logger.manager.loggerDict.pop(SERVICE, None)
    root.setLevel(level)


def telemetry() -> PowertoolsTelemetry:
    return PowertoolsTelemetry("dev", "roll_back")


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [line for line in printed(capsys) if "_aws" not in line]


def test_a_line_has_the_keys_of_the_function_and_of_what_it_works_on(capsys: pytest.CaptureFixture[str]) -> None:
    found = telemetry()
    found.begin({"id": "event-1"}, Context())
    found.identify("rollout", "fraud-7-1")
    found.identify("version", 7)
    found.log("rollback ended", cause="alarm")
    (line,) = lines(capsys)
    assert (
        line.items()
        >= {
            "level": "INFO",
            "message": "rollback ended",
            "service": "sluice",
            "stage": "dev",
            "function": "roll_back",
            "function_request_id": "request-1",
            "correlation_id": "event-1",
            "cold_start": True,
            "rollout": "fraud-7-1",
            "version": "7",
            "cause": "alarm",
        }.items()
    )


def test_a_line_names_the_place_in_the_code_that_logs(capsys: pytest.CaptureFixture[str]) -> None:
    found = telemetry()
    found.begin({}, Context())
    found.log("here")
    (line,) = lines(capsys)
    assert line["location"].startswith("test_a_line_names_the_place_in_the_code_that_logs:")


def test_lambda_can_read_the_time_of_a_line_and_so_its_level(capsys: pytest.CaptureFixture[str]) -> None:
    """Lambda takes a line whose time is not in RFC 3339 for one of level INFO."""
    found = telemetry()
    found.begin({}, Context())
    found.log("now")
    (line,) = lines(capsys)
    assert "T" in line["timestamp"]
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


def test_nothing_is_carried_over_to_the_next_invocation(capsys: pytest.CaptureFixture[str]) -> None:
    found = telemetry()
    found.begin({"rollout_id": "fraud-7-1"}, Context())
    found.identify("rollout", "fraud-7-1")
    found.begin({"Records": []}, Context("request-2"))
    found.log("done")
    (line,) = lines(capsys)
    assert not {"rollout", "correlation_id"} & line.keys()
    assert line.items() >= {"stage": "dev", "service": "sluice", "cold_start": False}.items()
    assert line["function_request_id"] == "request-2"


@pytest.mark.parametrize(
    ("event", "correlation"),
    [({"id": "e-1"}, "e-1"), ({"rollout_id": "fraud-7-1", "stage": 0}, "fraud-7-1"), ({"Records": []}, None)],
    ids=["EventBridge", "the state machine", "SQS"],
)
def test_an_event_gives_the_correlation_id(
    event: dict[str, Any], correlation: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    found = telemetry()
    found.begin(event, Context())
    found.log("done")
    assert lines(capsys)[0].get("correlation_id") == correlation


def test_an_error_comes_with_its_stack_trace_once(capsys: pytest.CaptureFixture[str]) -> None:
    found = telemetry()
    found.begin({}, Context())
    try:
        raise LookupError("no rollout")
    except LookupError:
        found.error("roll_back failed", error="LookupError")
    (line,) = lines(capsys)
    assert line["level"] == "ERROR"
    assert line["exception_name"] == "LookupError"
    assert "no rollout" in line["exception"]
    assert "stack_trace" not in line, "the same again, at the same price"


@pytest.mark.parametrize("lambda_level", ["INFO", "DEBUG"])
@pytest.mark.parametrize(("rate", "kept"), [(None, 0), ("0", 0), ("1", 3)])
def test_debug_lines_are_printed_in_sampled_invocations(
    rate: str | None,
    kept: int,
    lambda_level: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever Lambda's own filter is set to: at DEBUG it would have every invocation print them."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", lambda_level)
    if rate is not None:
        monkeypatch.setenv(SAMPLE_RATE, rate)
    found = telemetry()
    for _ in range(3):
        found.begin({}, Context())
        found.debug("seen", rows=3)
    assert [line["level"] for line in lines(capsys)] == ["DEBUG"] * kept


def test_libraries_print_no_debug_lines_in_a_sampled_invocation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of botocore hold requests and responses."""
    monkeypatch.setenv(SAMPLE_RATE, "1")
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)  # as Lambda's runtime does where ApplicationLogLevel is DEBUG
    found = telemetry()
    found.begin({}, Context())
    assert not logging.getLogger("botocore.endpoint").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("botocore.endpoint").isEnabledFor(logging.INFO)
    assert lines(capsys) == []


def metric_of(document: dict[str, Any]) -> tuple[Any, ...]:
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    (metric,) = directive["Metrics"]
    (names,) = directive["Dimensions"]
    dimensions = {name: document[name] for name in names}
    return directive["Namespace"], metric["Name"], metric["Unit"], document[metric["Name"]], dimensions


def test_a_metric_has_the_stage_and_the_model_as_dimensions(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry().measure("TimeToRestore", 12.5, model="fraud", unit="Seconds")
    (document,) = printed(capsys)
    assert metric_of(document) == ("Sluice", "TimeToRestore", "Seconds", [12.5], {"stage": "dev", "model": "fraud"})


def test_a_cause_is_a_further_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry().measure("RolloutRolledBack", model="fraud", cause="alarm")
    (document,) = printed(capsys)
    dimensions = {"stage": "dev", "model": "fraud", "cause": "alarm"}
    assert metric_of(document) == ("Sluice", "RolloutRolledBack", "Count", [1], dimensions)


def test_a_cold_start_is_measured_once(capsys: pytest.CaptureFixture[str]) -> None:
    found = telemetry()
    for _ in range(3):
        found.begin({}, Context())
    (document,) = printed(capsys)
    assert metric_of(document) == ("Sluice", "ColdStart", "Count", [1], {"stage": "dev", "function": "roll_back"})
