"""What the sweep finds in S3 of a request whose notification was lost, written by a model and of any size."""

from __future__ import annotations

import json
from dataclasses import replace

from sluice.async_inference.lost_results import replay_lost_results

from tests.builders.async_examples import inference
from tests.fakes.sluice_world import sluice_world


def test_of_a_failure_that_fills_the_memory_only_its_beginning_is_read() -> None:
    world = sluice_world()
    world.ports.results.add(replace(inference(), failure="s3://sluice-dev-data/x-error.out"))
    world.bucket.objects["x-error.out"] = "€".encode() * 1_000_000
    read: list[int | None] = []
    whole = world.bucket.read

    def watched(uri: str, most_bytes: int | None = None) -> bytes | None:
        read.append(most_bytes)
        return whole(uri, most_bytes)

    world.bucket.read = watched  # type: ignore[method-assign]
    world.clock.pass_seconds(10 * 86_400)
    assert list(replay_lost_results("fraud", world.ports)) == ["inference fraud-0001: failed"]
    assert read == [2_000]
    ((body, _),) = world.async_queue.sent
    reason = json.loads(body)["failureReason"]
    assert reason == f"found in s3://sluice-dev-data/x-error.out: {'€' * 500}"
