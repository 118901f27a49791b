"""The samples of batch inference, fed to their functions: requests for runs, and transform jobs that end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from functions.complete_batch.app import run as handle_batch_result
from functions.start_batch.app import run as start_batch
from tests.builders.batch_sample_events import RESULTS, STARTS
from tests.fakes.batch_world import batch_world, put_input, requested

EVENTS = Path(__file__).parents[2] / "events"


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize("case", STARTS)
def test_requests(case: str) -> None:
    world = batch_world()
    world.bucket.name = "sluice-dev-123456789012-us-east-1"
    put_input(world)
    world.bucket.objects["batch/fraud/backfill/old.csv"] = b"1,2,3\n"
    assert start_batch(sample(f"start_batch/{case}"), world.ports)["phase"] == STARTS[case]


@pytest.mark.parametrize("case", RESULTS)
def test_jobs_that_end(case: str) -> None:
    world = batch_world()
    put_input(world)
    start_batch(requested(), world.ports)
    world.transforms.settle()
    assert handle_batch_result(sample(f"complete_batch/{case}"), world.ports)["phase"] == RESULTS[case]
