"""``sluice outcome`` sends what any client would, and refuses here what nobody could count."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sluice.aws.clients import lazy_clients
from sluice.rollout.ab_outcomes.outcome import InferenceOutcome

from cli.failures import BadInputError, CommandError, NotFoundError
from cli.main import command_line
from tests.builders.fake_aws import FakeAws
from tests.builders.spec_examples import spec_with
from tests.fakes.ab_world import world_under_test
from tests.fakes.sluice_world import SluiceWorld, sluice_world


class Bus:
    """A bus that takes events or does not."""

    def __init__(self) -> None:
        self.failed = 0
        self.entries: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.entries += Entries
        return {"FailedEntryCount": self.failed, "Entries": [{"ErrorMessage": "slow down"}]}


class Stage:
    """A stage in which version 7 of fraud is tested against version 6."""

    def __init__(self, world: SluiceWorld) -> None:
        self.world, self.bus, self.aws = world, Bus(), FakeAws()
        self.aws.ssm.parameters["/sluice/dev/models/fraud"] = json.dumps(spec_with())

    def run(self, *words: str, model: str = "fraud") -> str:
        def client(service: str) -> Any:
            return self.bus if service == "events" else self.aws.client(service)

        session = replace(self.aws.session(), clients=lazy_clients(client))
        arguments = command_line({}).parse_args(["outcome", model, "--inference-id", "order-1", *words])
        assert arguments.run(arguments, session) == 0
        return self.aws.shown


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(world_under_test())
    monkeypatch.setattr("cli.rollouts.outcome.ports_of", lambda _session: made.world.ports)
    return made


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--variant", "v7", "--value", "1"], {"variant": "v7", "metric": "conversion", "value": 1.0}),
        (["--variant", "v7", "--value", "true"], {"variant": "v7", "metric": "conversion", "value": 1.0}),
        (
            ["--version", "7", "--value", "12.5", "--metric", "conversion"],
            {"version": 7, "metric": "conversion", "value": 12.5},
        ),
    ],
)
def test_an_outcome_is_sent_as_clients_send_it(stage: Stage, words: list[str], wanted: dict[str, Any]) -> None:
    assert "of order-1 is sent" in stage.run(*words)
    (entry,) = stage.bus.entries
    assert (entry["Source"], entry["DetailType"]) == ("sluice.outcomes", "InferenceOutcome")
    detail = json.loads(entry["Detail"])
    assert detail == {"model": "fraud", "inference_id": "order-1", **wanted}
    assert InferenceOutcome.parse(detail).value == wanted["value"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--variant", "v7", "--value", "nan"], "value is nan; allowed"),
        (["--variant", "v7", "--value", "1", "--metric", "latency"], "metric is 'latency'; allowed"),
        (["--version", "0", "--value", "1"], "version is 0; allowed"),
        (["--version", "9", "--value", "1"], "version is 9; allowed: what fraud-7-1 compares, v7"),
        (["--variant", "v9", "--value", "1"], "variant is 'v9'; allowed: what fraud-7-1 compares"),
        (["--version", "7", "--value", "1", "--metric", "clicks"], "--metric is 'clicks'; allowed: conversion"),
    ],
)
def test_what_could_not_be_counted_is_bad_input_and_not_sent(stage: Stage, words: list[str], reason: str) -> None:
    with pytest.raises(BadInputError, match=reason):
        stage.run(*words)
    assert stage.bus.entries == []


def test_an_unknown_model_has_no_outcomes(stage: Stage) -> None:
    with pytest.raises(NotFoundError, match="no model nomodel in stage dev; there are: fraud"):
        stage.run("--version", "3", "--value", "1", model="nomodel")
    assert stage.bus.entries == []


def test_without_a_test_that_counts_nothing_is_sent(stage: Stage) -> None:
    stage.world = sluice_world()
    with pytest.raises(CommandError, match="No A/B test of fraud counts outcomes now, so nothing is sent"):
        stage.run("--variant", "v7", "--value", "1")
    assert stage.bus.entries == []


def test_a_bus_that_refuses_is_reported(stage: Stage) -> None:
    stage.bus.failed = 1
    with pytest.raises(CommandError, match="did not take the outcome: slow down"):
        stage.run("--variant", "v7", "--value", "1")


def test_it_has_to_be_said_who_answered(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        stage.run("--value", "1")
    assert "--variant --version" in capsys.readouterr().err
