"""Who calls an endpoint chooses the inference's id: one of another endpoint's is not theirs to end."""

from __future__ import annotations

from dataclasses import replace

from sluice.async_inference.messages import Notification

from tests.builders.async_examples import PERMANENT, deliver, inference, notification
from tests.fakes.sluice_world import SPEC, SluiceWorld, sluice_world

OUTPUT = "s3://sluice-dev-data/async/houses/output/x.out"


def world_of_two_models() -> SluiceWorld:
    world = sluice_world()
    world.specs.specs["houses"] = replace(SPEC, name="houses")
    return world


def of_houses(reason: str | None, output: str = OUTPUT) -> Notification:
    found = notification(reason, took=1)
    return replace(found, endpoint="sluice-dev-houses", output="" if reason else output)


def test_no_other_endpoint_ends_an_inference_that_was_requested() -> None:
    for reason in (None, PERMANENT):
        world = world_of_two_models()
        world.ports.results.add(inference())
        before = world.ports.results.get(inference().id)
        assert len(deliver(world, of_houses(reason))) == 1, "it goes back, and to the dead letters in the end"
        assert world.ports.results.get(inference().id) == before
        assert world.events.published == []


def test_a_result_stays_when_another_endpoint_answers_under_its_id() -> None:
    world = world_of_two_models()
    success = notification(None, took=5)
    assert deliver(world, success) == []
    assert len(deliver(world, of_houses(None))) == 1, "which ended first"
    found = world.ports.results.get(success.id)
    assert found is not None
    assert (found.model, found.output) == ("fraud", success.output)


def test_of_two_that_come_together_the_first_one_counts_and_the_other_fails_alone() -> None:
    world = world_of_two_models()
    success = notification(None, took=5)
    assert len(deliver(world, success, of_houses(None))) == 1
    found = world.ports.results.get(success.id)
    assert found is not None
    assert (found.model, found.output) == ("fraud", success.output)
