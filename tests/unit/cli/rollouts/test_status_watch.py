"""``sluice status --watch`` shows what changes, and asks AWS seldom."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cli.main import command_line
from tests.builders.aws_clients import client_error
from tests.builders.fake_aws import START, FakeAws
from tests.builders.status_stage import change, run

pytestmark = pytest.mark.usefixtures("in_utc")


def watch(aws: FakeAws, *events: Callable[[], None], output: str = "text", words: str = "status fraud --watch") -> None:
    """Watch while one thing after the other happens between two looks, and interrupt it after the last."""
    left = list(events)

    def next_event() -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    aws.on_sleep = next_event
    with pytest.raises(KeyboardInterrupt):
        run(aws, *words.split(), output=output)


def nothing() -> None:
    """As most of the time."""


def test_watching_in_a_pipe_prints_what_has_changed_and_nothing_twice(busy: FakeAws) -> None:
    def move_on() -> None:
        change(busy, stage="1")
        endpoint = busy.sagemaker.endpoints["sluice-dev-fraud"]
        for variant, weight in zip(endpoint["ProductionVariants"], (50.0, 50.0), strict=True):
            variant["DesiredWeight"] = weight

    watch(busy, nothing, move_on, nothing)
    lines = busy.shown.splitlines()
    assert len(lines) == len(set(lines))
    first = lines.index("fraud-2-1  baking, stage 2 of 2 at 50%")
    assert [" ".join(line.split()) for line in lines[first:]] == [
        "fraud-2-1 baking, stage 2 of 2 at 50%",
        "v1 50% 1",
        "v2 50% 1",
    ]


def test_programs_that_watch_get_a_document_when_something_has_changed(busy: FakeAws) -> None:
    watch(busy, nothing, nothing, lambda: change(busy, stage="1"), nothing, output="json")
    states = [json.loads(line)["models"][0]["rollouts"][0]["state"] for line in busy.shown.splitlines()]
    assert states == ["baking, stage 1 of 2 at 10%", "baking, stage 2 of 2 at 50%"]


class Counted:
    """A client whose calls are counted."""

    def __init__(self, client: Any, calls: list[str]) -> None:
        self._client, self._calls = client, calls

    def __getattr__(self, name: str) -> Any:
        if not callable(getattr(self._client, name)):
            return getattr(self._client, name)

        def call(**request: Any) -> Any:
            self._calls.append(name)
            return getattr(self._client, name)(**request)

        return call


@pytest.mark.parametrize(("words", "most"), [("status fraud --watch", 600), ("status --watch", 700)])
def test_watching_for_ten_minutes_asks_aws_seldom(busy: FakeAws, words: str, most: int) -> None:
    """Once it was 19 calls every two seconds: 5,700."""
    calls: list[str] = []
    session = busy.session()

    def sleep(seconds: float) -> None:
        session.sleep(seconds)
        if busy.clock > START + timedelta(minutes=10):
            raise KeyboardInterrupt

    def client(service: str) -> Any:
        return Counted(session.clients(service), calls)

    arguments = command_line({}).parse_args(words.split())
    with pytest.raises(KeyboardInterrupt):
        arguments.run(arguments, replace(session, sleep=sleep, clients=client))
    assert len(calls) < most


def test_watching_goes_on_when_aws_asks_for_fewer_calls(busy: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    describe, waited = busy.sagemaker.describe_endpoint, []

    def refuse(**_request: Any) -> Any:
        raise client_error("DescribeEndpoint", "ThrottlingException", "Rate exceeded")

    def recover() -> None:
        waited.append(busy.clock)
        monkeypatch.setattr(busy.sagemaker, "describe_endpoint", describe)

    watch(busy, lambda: monkeypatch.setattr(busy.sagemaker, "describe_endpoint", refuse), nothing, recover, nothing)
    assert "Rate exceeded" in busy.shown
    assert waited[0] > START + timedelta(seconds=6)


@pytest.mark.parametrize(("outcome", "code"), [("promoted", 0), ("rolled_back", 1), ("superseded", 1), ("failed", 1)])
def test_watching_ends_with_the_rollout_and_tells_how_it_went(busy: FakeAws, outcome: str, code: int) -> None:
    frames: list[float] = []

    def end_after_two(_seconds: float) -> None:
        frames.append(_seconds)
        if len(frames) == 2:
            change(busy, phase="closed", outcome=outcome, closed_at=session.now().isoformat())

    session = replace(busy.session("text"), sleep=end_after_two)
    arguments = command_line({}).parse_args(["status", "fraud", "--watch"])
    assert arguments.run(arguments, session) == code
    assert len(frames) == 2
    assert "fraud-2-1  baking" in busy.shown
    assert f"fraud-2-1  {outcome}" in busy.shown


def test_a_rollout_that_ended_before_is_not_the_one_that_is_watched(busy: FakeAws) -> None:
    change(busy, phase="closed", outcome="promoted", closed_at=(START - timedelta(minutes=1)).isoformat())

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    session = replace(busy.session("text"), sleep=interrupt)
    arguments = command_line({}).parse_args(["status", "fraud", "--watch"])
    with pytest.raises(KeyboardInterrupt):
        arguments.run(arguments, session)
