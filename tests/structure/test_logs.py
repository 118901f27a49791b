"""Each function logs one line of its own per invocation, whatever it is fed, and no values of its users' data."""

from __future__ import annotations

import json
import logging
import runpy
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import sluice.bootstrap.entry
from sluice.bootstrap.environment import Environment
from sluice.errors import RetryableError
from sluice.telemetry.powertools import SERVICE

from tests.fakes.ab_world import world_under_test
from tests.fakes.batch_world import JOB, batch_world, put_input
from tests.fakes.sluice_world import SluiceWorld, sluice_world

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
SAMPLES = {str(path.relative_to(ROOT / "events").with_suffix("")): path for path in ROOT.glob("events/*/*.json")}
SECRET = "Rosebud"
"""A cell of a table, a feature of a request: what is sent to a model and to nobody else."""

Handler = Callable[[Mapping[str, Any], Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Context:
    aws_request_id: str = "request-1"


@pytest.fixture(autouse=True)
def as_deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every line that code writes is printed, debug lines as well, and no logger is left from another test."""
    monkeypatch.setenv("SLUICE_STAGE", "dev")
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", "1")
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    level = logging.getLogger().level
    logging.Logger.manager.loggerDict.pop(SERVICE, None)
    yield
    logging.Logger.manager.loggerDict.pop(SERVICE, None)
    logging.getLogger().setLevel(level)


def handler_of(function: str, world: SluiceWorld, monkeypatch: pytest.MonkeyPatch) -> Handler:
    """What Lambda calls, as the function's own module makes it, on fakes instead of AWS."""
    real, names = sluice.bootstrap.entry.entry, list[str]()

    def on_fakes(name: str, run: Any, make_ports: Any, **_: Any) -> Any:
        def ports(environment: Environment) -> Any:
            return replace(world.ports, telemetry=environment.telemetry)  # type: ignore[arg-type]

        names.append(name)
        return real(name, run, ports)

    with monkeypatch.context() as patched:
        patched.setattr(sluice.bootstrap.entry, "entry", on_fakes)
        handler: Handler = runpy.run_path(str(ROOT / "functions" / function / "app.py"))["handler"]
    assert names == [function], "a function is made by `entry`, once, and named like its folder"
    return handler


def world_for(function: str) -> SluiceWorld:
    """Version 7 is tested against version 6, or a batch model has a run under way."""
    if function not in ("start_batch", "complete_batch"):
        return world_under_test()
    world = batch_world()
    put_input(world)
    return world


def invoke(handler: Handler, event: Mapping[str, Any], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What one invocation prints, metrics left out."""
    capsys.readouterr()
    with suppress(Exception):  # what fails is logged as well
        handler(event, Context())
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in printed if "_aws" not in line]


def own(function: str, lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (line["level"], line["message"])
        for line in lines
        if line["message"] in (f"{function} done", f"{function} failed")
    ]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_invocation_logs_one_line_of_its_own(
    function: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [name for name in SAMPLES if name.startswith(f"{function}/")]
    seen = []
    for name in names:
        handler = handler_of(function, world_for(function), monkeypatch)
        lines = invoke(handler, json.loads(SAMPLES[name].read_text()), capsys)
        logged = own(function, lines)
        assert logged in ([("INFO", f"{function} done")], [("ERROR", f"{function} failed")]), name
        assert lines[-1]["message"] == logged[0][1], f"{name}: the line that sums up comes last"
        assert all(line["function"] == function and line["stage"] == "dev" for line in lines)
        seen += logged
    assert ("INFO", f"{function} done") in seen, "samples that all fail show little"


def test_rows_of_an_upload_are_in_no_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    world = sluice_world()
    event = json.loads(SAMPLES["start_pipeline/one-file"].read_text())
    (record,) = event["Records"]
    detail = json.loads(record["body"])["detail"]
    uploaded, world.bucket.name = detail["object"], detail["bucket"]["name"]
    world.bucket.objects[uploaded["key"]] = f"age,risk\n30,1\n{SECRET},0\n".encode()
    world.bucket.versions[uploaded["key"]] = uploaded["version-id"]
    lines = invoke(handler_of("start_pipeline", world, monkeypatch), event, capsys)
    assert world.events.kinds() == ["DataRejected"]
    reason = next(name for name in world.bucket.objects if name.endswith(".reason.json"))
    assert SECRET in world.bucket.objects[reason].decode(), "whoever may read the file is told"
    assert SECRET not in str(world.events.published)
    assert SECRET not in str(lines)


def test_what_a_client_reports_is_in_no_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_under_test()
    event = json.loads(SAMPLES["record_outcome/conversion"].read_text())
    body = json.loads(event["Records"][0]["body"])
    handler = handler_of("record_outcome", world, monkeypatch)
    for change in ({"value": SECRET}, {"metric": SECRET}, {"at": SECRET}, {"inference_id": f"{SECRET} {SECRET}"}):
        event["Records"][0]["body"] = json.dumps({**body, "detail": {**body["detail"], **change}})
        lines = invoke(handler, event, capsys)
        assert SECRET not in str(lines)
    assert len(world.refused_outcomes.messages) == 4


def test_what_cannot_be_parked_now_is_in_no_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trace shows what was being handled when something else went wrong, too."""
    world = world_under_test()
    event = json.loads(SAMPLES["record_outcome/conversion"].read_text())
    body = json.loads(event["Records"][0]["body"])
    event["Records"][0]["body"] = json.dumps({**body, "detail": {**body["detail"], "value": SECRET}})
    monkeypatch.setattr(world.refused_outcomes, "park", Mock(side_effect=RetryableError("busy")))
    lines = invoke(handler_of("record_outcome", world, monkeypatch), event, capsys)
    assert "message goes back to the queue" in [line["message"] for line in lines]
    assert SECRET not in str(lines)


def test_rows_of_a_batch_are_in_no_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    world = batch_world()
    world.bucket.objects["batch/fraud/input/a.csv"] = f"1,{SECRET},1\n2,31,1\n".encode()
    event = json.loads(SAMPLES["start_batch/asked-for"].read_text())
    lines = invoke(handler_of("start_batch", world, monkeypatch), event, capsys)
    world.transforms.settle()
    ended = {"detail": {"TransformJobName": JOB, "TransformJobStatus": "Completed"}}
    lines += invoke(handler_of("complete_batch", world, monkeypatch), ended, capsys)
    assert len(lines) >= 2
    assert SECRET not in str(lines)
