"""``sluice results`` lists requests, the newest first, whatever their status."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sluice.async_inference.transitions import mark_refused, new_request

from cli.main import command_line
from tests.builders.async_examples import ENDPOINT, REQUEST
from tests.builders.fake_aws import FakeAws
from tests.builders.spec_examples import spec_with
from tests.fakes.aws_state import START
from tests.fakes.sluice_world import SluiceWorld, sluice_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> SluiceWorld:
    world = sluice_world()
    monkeypatch.setattr("cli.inference.results._ports", lambda _session: world.ports)
    return world


def listed(*words: str) -> list[str]:
    aws = FakeAws()
    aws.ssm.parameters["/sluice/dev/models/fraud"] = json.dumps(spec_with())
    arguments = command_line({}).parse_args(["results", "list", "fraud", *words])
    assert arguments.run(arguments, aws.session("json")) == 0
    return [one["id"] for one in json.loads(aws.shown)["inferences"]]


def park(world: SluiceWorld, name: str, *, since: int, parked: int) -> None:
    """A request that came so many minutes after the start, and was parked so many after it."""
    at = START + timedelta(minutes=since)
    inference = new_request(name, REQUEST, model="fraud", endpoint=ENDPOINT, now=at)
    world.ports.results.add(inference)
    world.ports.results.update(name, lambda one: mark_refused(one, "it was refused", START + timedelta(minutes=parked)))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), ["c", "b", "a"]),
        (("--status", "parked"), ["c", "b", "a"]),
        (("--status", "parked", "--limit", "2"), ["c", "b"]),
        (("--status", "waiting"), []),
    ],
)
def test_the_newest_stand_first_and_a_limit_leaves_them(
    world: SluiceWorld, words: tuple[str, ...], found: list[str]
) -> None:
    park(world, "b", since=2, parked=10)
    park(world, "a", since=1, parked=30)
    park(world, "c", since=3, parked=20)
    assert listed(*words) == found
