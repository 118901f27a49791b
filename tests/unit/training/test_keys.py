"""Keys of uploads: read as themselves and kept apart, or in quarantine with the reason where no job could take them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from sluice.aws.s3 import MAX_KEY_BYTES, path_problem
from sluice.spec.model import ModelSpec
from sluice.training.quarantine import REASON, quarantine_key

from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.sluice_world import SPEC, SluiceWorld, sluice_world

GOOD = b"age,risk\n30,1\n"
RAW = SPEC.to_json()
LATEST = ModelSpec.parse({**RAW, "data": {**RAW["data"], "mode": "latest"}})
ODD = (
    *("a+b.csv", "a%2Bb.csv", "a b.csv", "a?versionId=1.csv", "a#b.csv", "caf\u00e9.csv", "cafe\u0301.csv", "...csv"),
    *("'\"<&>.csv", "n" * 251 + ".csv", "/".join(["n" * 200] * 4) + "/a.csv", "export.csv/part-0.csv"),
)
UNFIT = {
    "a//b.csv": "an empty part",
    "./a.csv": "the part '.'",
    "../other/a.csv": "the part '..'",
    "n" * 252 + ".csv": "has 256 bytes",
    "\u00fc" * 128 + "/a.csv": "has 256 bytes",
    "a\x1b[1m.csv": "control character",
    "a\n.csv": "control character",
    "a\x7f.csv": "control character",
    "a\x9b31m.csv": "control character",
}


@pytest.fixture
def world() -> SluiceWorld:
    made = sluice_world()
    made.specs.specs["fraud"] = LATEST
    return made


def send(world: SluiceWorld, *messages: Any) -> None:
    """Messages, all at once, and the wake-ups that they lead to."""
    records = [{"messageId": f"m{at}", "body": json.dumps(each)} for at, each in enumerate(messages)]
    assert start_pipeline({"Records": records}, world.ports) == {"batchItemFailures": []}
    world.wake()


def created(key: str, version: str = "v1", size: int = len(GOOD)) -> dict[str, Any]:
    found = {"key": key, "size": size, "etag": "e", "version-id": version, "sequencer": "00"}
    return {"detail": {"bucket": {"name": "sluice-dev-data"}, "object": found}}


def send_waited(world: SluiceWorld) -> None:
    """The messages that were put into the queue once more."""
    again, world.ports.wakeups.again = world.ports.wakeups.again, []
    send(world, *(message for message, _ in again))


def runs(world: SluiceWorld) -> list[Any]:
    uris = [each.parameters["InputData"] for each in world.pipelines.started.values()]
    return [json.loads(world.bucket.objects[uri.removeprefix("s3://sluice-dev-data/")]) for uri in uris]


def rejected(world: SluiceWorld) -> list[dict[str, Any]]:
    return [dict(detail) for kind, detail in world.events.published if kind == "DataRejected"]


def test_odd_keys_are_each_a_file_of_its_own_in_one_run(world: SluiceWorld) -> None:
    keys = [f"data/fraud/{name}" for name in ODD]
    world.bucket.objects |= dict.fromkeys(keys, GOOD)
    send(world, *map(created, keys))
    assert rejected(world) == []
    (run,) = runs(world)
    assert run == [{"prefix": "s3://sluice-dev-data/data/fraud/"}, *sorted(ODD)]


@pytest.mark.parametrize("name", UNFIT, ids=range(len(UNFIT)))
def test_a_key_that_no_job_could_take_is_in_quarantine_with_the_reason(world: SluiceWorld, name: str) -> None:
    key, reason = f"data/fraud/{name}", UNFIT[name]
    assert reason in path_problem(name)
    world.bucket.objects[key] = GOOD
    send(world, created(key))
    (told,) = rejected(world)
    assert reason in told["reason"]
    assert told["reason"].isprintable()
    assert world.bucket.objects[told["quarantine"]] == GOOD
    assert json.loads(world.bucket.objects[told["quarantine"] + REASON])["key"] == key
    assert key not in world.bucket.objects
    assert runs(world) == []


def test_the_longest_key_has_a_place_in_quarantine_for_itself_and_for_its_reason() -> None:
    keys = ["data/fraud/" + ("/".join(["n" * 200] * 5) + letter * 9) for letter in "ab"]
    assert {len(key) for key in keys} == {1024}
    kept = {quarantine_key(key) for key in keys}
    assert len(kept) == 2
    assert all(len((key + REASON).encode()) <= MAX_KEY_BYTES for key in kept)
    wide = quarantine_key("data/fraud/" + "\u20ac" * 337)
    assert len((wide + REASON).encode()) <= MAX_KEY_BYTES


def test_a_file_called_like_a_reason_does_not_take_the_place_of_another_ones() -> None:
    assert quarantine_key("data/fraud/a.csv") + REASON != quarantine_key(f"data/fraud/a.csv{REASON}")
    assert not quarantine_key(f"data/fraud/a.csv{REASON}").endswith(REASON)


def test_an_empty_object_that_gets_its_content_at_once_is_one_file(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "data/fraud/a.csv"
    monkeypatch.setattr(
        world.ports.quarantine, "open", lambda upload: io.BytesIO(GOOD if upload.version_id == "v2" else b"")
    )
    world.bucket.objects[key] = GOOD
    world.bucket.versions[key] = "v2"
    send(world, created(key, size=0), created(key, "v2"))
    send_waited(world)
    assert rejected(world) == []
    assert [run[1:] for run in runs(world)] == [["a.csv"]]


def test_an_empty_object_that_stays_empty_is_refused_after_a_minute(world: SluiceWorld) -> None:
    key = "data/fraud/a.csv"
    world.bucket.objects[key] = b""
    send(world, created(key, size=0))
    assert rejected(world) == []
    assert [seconds for _, seconds in world.ports.wakeups.again] == [60]
    send_waited(world)
    (told,) = rejected(world)
    assert "the file is empty" in told["reason"]
