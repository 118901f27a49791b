"""Files that are made to take long to read: they hold up no other file, and no model's uploads fail for them."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest
from sluice.data_contract.file_text import BLOCK
from sluice.events import ObjectCreated
from sluice.training.manifest import File

from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.sluice_world import SluiceWorld, sluice_world

GOOD = b"age,risk\n30,1\n"


def created(key: str) -> dict[str, Any]:
    found = {"key": key, "size": 14, "version-id": "v1", "etag": "e", "sequencer": "0A"}
    return {"detail": {"bucket": {"name": "sluice-dev-data"}, "object": found}}


def deliver(world: SluiceWorld, *keys: str) -> list[Any]:
    """Deliver the uploads in one batch; what goes back to the queue."""
    records = [{"messageId": key, "body": json.dumps(created(key))} for key in keys]
    return [*start_pipeline({"Records": records}, world.ports)["batchItemFailures"]]


def state(world: SluiceWorld, key: str) -> str:
    file = File(bucket="sluice-dev-data", key=key, version_id="v1", etag="e", size=14)
    found = world.ports.pending_inputs.file_status(file)
    return found.state if found else ""


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(gzip.compress(GOOD) + bytes(4 << 20), id="padding"),
        pytest.param(gzip.compress(b"") * 100_000, id="empty members"),
        pytest.param(b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * (4 << 20), id="header without end"),
    ],
)
def test_a_gzip_file_that_takes_long_to_read_is_quarantined_and_the_others_go_on(content: bytes) -> None:
    world = sluice_world()
    world.bucket.objects |= {"data/fraud/x.csv.gz": content, "data/fraud/a.csv": GOOD}
    assert deliver(world, "data/fraud/x.csv.gz", "data/fraud/a.csv") == []
    (rejection,) = (detail for kind, detail in world.events.published if kind == "DataRejected")
    assert "pack the text again" in rejection["reason"]
    assert rejection["quarantine"] == "quarantine/fraud/x.csv.gz"
    assert state(world, "data/fraud/x.csv.gz") == "rejected"
    assert state(world, "data/fraud/a.csv") in ("waiting", "run")


def read_slowly(world: SluiceWorld) -> list[int]:
    """Have each read of S3 take 15 seconds; returns the places in the files to which was read."""
    places: list[int] = []

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            world.clock.pass_seconds(15)
            found = super().read(size)
            places.append(self.tell())
            return found

    def open_slowly(upload: ObjectCreated) -> Slow:
        return Slow(world.bucket.objects[upload.key])

    world.ports.quarantine.open = open_slowly  # type: ignore[method-assign]
    return places


def test_a_file_that_takes_longer_than_its_time_is_taken_in_as_far_as_it_was_read() -> None:
    world = sluice_world()
    world.bucket.objects |= {"data/fraud/x.csv": GOOD + b"30,1\n" * 200_000 + b"old,1\n", "data/fraud/a.csv": GOOD}
    places = read_slowly(world)
    assert deliver(world, "data/fraud/x.csv", "data/fraud/a.csv") == []
    assert not any(kind == "DataRejected" for kind, _ in world.events.published)
    assert max(places) < 3 * BLOCK
    assert [state(world, key) for key in ("data/fraud/x.csv", "data/fraud/a.csv")] == ["waiting", "waiting"]


def test_a_file_that_takes_all_of_its_time_to_be_opened_is_validated_in_its_beginning() -> None:
    """Else one without any column of the contract would be taken in."""
    world = sluice_world()
    world.bucket.objects |= {"data/fraud/x.csv": b"x,y\n1,2\n", "data/fraud/a.csv": GOOD}

    def open_late(upload: ObjectCreated) -> io.BytesIO:
        world.clock.pass_seconds(40)
        return io.BytesIO(world.bucket.objects[upload.key])

    world.ports.quarantine.open = open_late  # type: ignore[method-assign]
    assert deliver(world, "data/fraud/x.csv", "data/fraud/a.csv") == []
    assert [state(world, key) for key in ("data/fraud/x.csv", "data/fraud/a.csv")] == ["rejected", "waiting"]


def test_many_files_that_take_long_are_all_taken_in_within_the_time_of_one_call() -> None:
    world = sluice_world()
    keys = [f"data/fraud/{number}.csv" for number in range(4)]
    world.bucket.objects |= {key: GOOD + b"30,1\n" * 200_000 + b"old,1\n" for key in keys}
    read_slowly(world)
    begun = world.clock.now()
    assert deliver(world, *keys) == []
    assert {state(world, key) for key in keys} == {"waiting"}
    assert (world.clock.now() - begun).total_seconds() <= 120, "the function has no more"


def test_files_for_which_a_call_has_no_time_left_come_again_with_the_next() -> None:
    world = sluice_world()
    keys = [f"data/fraud/{number}.csv" for number in range(10)]
    world.bucket.objects |= {key: GOOD + b"30,1\n" * 200_000 for key in keys}
    read_slowly(world)
    again, calls = keys, 0
    while again:
        begun, calls = world.clock.now(), calls + 1
        again = [failure["itemIdentifier"] for failure in deliver(world, *again)]
        assert (world.clock.now() - begun).total_seconds() <= 120, "the function has no more"
    assert {state(world, key) for key in keys} == {"waiting"}
    assert calls == 2
