"""Lines of a task name the execution of the state machine that called it."""

from __future__ import annotations

import json

import pytest
from sluice.telemetry.powertools import PowertoolsTelemetry


def test_the_execution_is_a_key_of_the_invocation_that_it_called(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = PowertoolsTelemetry("dev", "shift_traffic")
    telemetry.begin({"rollout_id": "fraud-7-1", "execution": "fraud-7-1-restore-1"}, None)
    telemetry.log("first")
    telemetry.begin({"rollout_id": "fraud-8-1"}, None)
    telemetry.log("second")
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in (printed.out + printed.err).splitlines() if '"message"' in line]
    assert [line.get("execution") for line in lines if line["message"] in ("first", "second")] == [
        "fraud-7-1-restore-1",
        None,
    ]
