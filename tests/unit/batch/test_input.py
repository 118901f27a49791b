"""Batch input is checked before any instance is paid for, and what no job can score fails the run or is set aside."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sluice.batch.lost_runs import replay_lost_batch_events
from sluice.batch.run import BatchRun
from sluice.errors import RetryableError
from sluice.spec.model import ModelSpec

from functions.complete_batch.app import run as complete_batch
from functions.start_batch.app import run as start_batch
from tests.fakes.batch_world import BATCH_SPEC, JOB, batch_world, job_ended, requested
from tests.fakes.sluice_world import SluiceWorld

INPUT = "batch/fraud/input/"
NAMES = ",".join(column.name for column in BATCH_SPEC.data.columns).encode()


def world_of(files: dict[str, bytes], **batch: object) -> SluiceWorld:
    """A batch model with these settings beside its own, and these files."""
    world = batch_world()
    raw = BATCH_SPEC.to_json()
    raw["endpoint"]["batch"] |= batch
    world.specs.specs["fraud"] = ModelSpec.parse(raw)
    world.bucket.objects |= {INPUT + name: content for name, content in files.items()}
    return world


def the_run(world: SluiceWorld) -> BatchRun:
    (run,) = world.ports.batches.runs("fraud")
    return run


def scored(world: SluiceWorld) -> dict[str, bytes]:
    """What the job gets, by the name of the file."""
    uri = world.transforms.requests[JOB]["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    head, *names = json.loads(world.bucket.objects[uri.removeprefix("s3://sluice-dev-data/")])
    folder = head["prefix"].removeprefix("s3://sluice-dev-data/")
    return {name: world.bucket.objects[folder + name] for name in names}


def announced(world: SluiceWorld, kind: str) -> dict[str, Any]:
    (detail,) = [detail for found, detail in world.events.published if found == kind]
    return dict(detail)


REFUSED = {
    "header": (NAMES + b"\n1,30,1\n", "line 1: it looks like a header; batch.header: true"),
    "blank line": (b"1,30,1\n\n2,31,1\n", "line 2: it is blank"),
    "line end in a cell": (b'1,"a\nb"\n2,c\n', "line 1: a cell holds a line end"),
    "bare quote": (b'1,pine "kernels" mix,3\n', "line 1: a quote stands inside of a cell"),
    "zip": (b"PK\x03\x04\x14\0\0\0", "this is a zip (or Excel) file, not CSV"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_input_that_no_job_can_score_is_refused_before_any_instance_is_paid_for(case: str) -> None:
    content, reason = REFUSED[case]
    world = world_of({"a.csv": b"9,30,1\n", "b.csv": content})
    found = start_batch(requested(), world.ports)
    assert found["phase"] == "skipped"
    assert "batch/fraud/input/b.csv" in found["reason"]
    assert reason in found["reason"]
    assert world.transforms.jobs == {}
    assert announced(world, "BatchSkipped")["reason"] == found["reason"]
    assert the_run(world).input_digest == "", "no version is compared on it either"
    assert start_batch(requested(), world.ports) == found, "asked again, it is still refused, and not checked again"


def test_the_reason_names_the_first_bad_lines_and_no_control_characters() -> None:
    world = world_of({"a\u200b.csv": b"\n" * 9})
    reason = start_batch(requested(), world.ports)["reason"]
    assert reason.count("it is blank") == 5
    assert reason.endswith("; and more")
    assert reason.isprintable()


def test_a_header_that_is_announced_does_not_reach_the_job() -> None:
    titled = NAMES + b"\n1,30,1\n2,31,1"
    world = world_of({"a.csv": titled, "sub/b.csv": titled, "only.csv": NAMES + b"\n"}, header=True)
    start_batch(requested(), world.ports)
    assert scored(world) == {"a.csv": b"1,30,1\n2,31,1", "sub/b.csv": b"1,30,1\n2,31,1"}
    world.transforms.settle()
    complete_batch(job_ended(), world.ports)
    assert (the_run(world).phase, the_run(world).rows_in, the_run(world).rows_out) == ("completed", 4, 4)
    assert f"batch/fraud/output/{JOB}/sub/b.csv.out" in world.bucket.objects


def test_bad_rows_are_set_aside_with_their_reasons_and_the_rest_is_scored() -> None:
    world = world_of(
        {"a.csv": b'1,30,1\n\n2,"x\ny",1\n3,32,1\n', "b.csv": b"4,33,1\n", "bad.csv": b'5,a"b,1\n'},
        on_bad_rows="set_aside",
    )
    start_batch(requested(), world.ports)
    assert scored(world) == {"a.csv": b"1,30,1\n3,32,1\n", "b.csv": b"4,33,1\n"}
    aside = f"batch/fraud/set_aside/{JOB}/"
    kept = [json.loads(line) for line in world.bucket.objects[f"{aside}a.csv.jsonl"].splitlines()]
    assert [(line["line"], line["row"]) for line in kept] == [(2, ""), (3, '2,"x\ny",1')]
    assert all(line["reason"] for line in kept)
    assert set(_below(world, aside)) == {f"{aside}a.csv.jsonl", f"{aside}bad.csv.jsonl"}
    world.transforms.settle()
    complete_batch(job_ended(), world.ports)
    done = announced(world, "BatchCompleted")
    assert (done["rows_in"], done["rows_out"], done["rows_set_aside"]) == (3, 3, 3)
    assert done["set_aside"] == f"s3://sluice-dev-data/{aside}"


def test_the_answer_stands_behind_its_row_and_not_behind_a_carriage_return() -> None:
    """Whether a job takes the return of a line end for a part of the row is not documented."""
    world = world_of({"a.csv": b"1,30,1\r\n2,31,1\r", "b.csv": b"3,32,1\n"})
    start_batch(requested(), world.ports)
    assert scored(world) == {"a.csv": b"1,30,1\n2,31,1", "b.csv": b"3,32,1\n"}


@pytest.mark.parametrize(("ends", "joins"), [(b"\n", True), (b"\r\n", False)])
def test_files_in_order_are_scored_where_they_are(ends: bytes, *, joins: bool) -> None:
    content = b"1,30,1" + ends + b"2,31,1" + ends
    world = world_of({"a.csv": content}, on_bad_rows="set_aside", join_input=joins)
    start_batch(requested(), world.ports)
    assert scored(world) == {"a.csv": content}
    assert _below(world, "batch/fraud/prepared/") == []


@pytest.mark.parametrize("spare", [0, -1], ids=["fits", "too long"])
def test_a_file_whose_answers_would_have_a_key_that_s3_refuses_is_refused_first(spare: int) -> None:
    """SageMaker may put the last part of the input's prefix, or of that of its copies, before the name."""
    longest = max(f"batch/fraud/set_aside/{JOB}/.jsonl", f"batch/fraud/output/{JOB}/{JOB}/.out", key=len)
    name = "/".join(["ä" * 120] * 3) + "/"
    name += "x" * (1024 - len(longest) - len(name.encode()) - spare)
    world = world_of({name: b"1,30,1\n"})
    found = start_batch(requested(), world.ports)
    assert found["phase"] == ("skipped" if spare else "running")
    assert ("its answers have room for" in found["reason"]) is bool(spare)


def test_where_nothing_is_left_no_job_starts() -> None:
    world = world_of({"a.csv": b"\n\n"}, on_bad_rows="set_aside")
    reason = start_batch(requested(), world.ports)["reason"]
    assert reason == "no row of 1 files can be scored: batch/fraud/input/a.csv, line 1: it is blank"


def test_input_that_cannot_be_checked_in_time_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of({"a.csv": b"1,30,1\n", "b.csv": b"1,30,1\n"})
    read = type(world.ports.files).chunks

    def slowly(files: Any, key: str, etag: str) -> Any:
        world.clock.at += timedelta(minutes=7)
        return read(files, key, etag)

    monkeypatch.setattr(type(world.ports.files), "chunks", slowly)
    reason = start_batch(requested(), world.ports)["reason"]
    assert reason.startswith(
        "14 bytes cannot be checked within 12 minutes: 1 of 2 files were; put the files into several"
    )
    assert world.transforms.jobs == {}


def test_a_file_overwritten_while_it_is_checked_is_named() -> None:
    world = world_of({"a.csv": b"1,30,1\n"})
    stored = world.ports.batches.open

    def open_late(run: BatchRun) -> BatchRun:
        world.bucket.objects[f"{INPUT}a.csv"] = b"2,31,1\n"
        return stored(run)

    world.ports.batches.open = open_late  # type: ignore[method-assign]
    reason = start_batch(requested(), world.ports)["reason"]
    assert reason == "batch/fraud/input/a.csv was overwritten or deleted while it was checked"


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
def test_one_fault_anywhere_leaves_the_same_copies_and_one_job(after_effect: bool) -> None:
    def started(at: int) -> tuple[BatchRun, dict[str, bytes], int]:
        world = world_of({"a.csv": NAMES + b"\n1,30,1\n\n"}, header=True, on_bad_rows="set_aside")
        world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, after_effect
        try:
            start_batch(requested(), world.ports)
        except RetryableError:
            start_batch(requested(), world.ports)
        calls, world.faults.at = world.faults.seen, 0
        return the_run(world), scored(world), calls

    *expected, calls = started(0)
    assert calls > 12, "it has to touch AWS for this to mean anything"
    for at in range(1, calls + 1):
        assert list(started(at)[:2]) == expected, f"after a fault at call {at} of {calls}"


def test_a_request_under_check_is_not_replayed_before_the_check_can_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of({"a.csv": b"1,30,1\n"})

    def lost(*_: object) -> Any:
        raise RetryableError("the function's time was over")

    with monkeypatch.context() as broken:
        broken.setattr(type(world.ports.files), "chunks", lost)
        with pytest.raises(RetryableError):
            start_batch(requested(), world.ports)
    world.clock.at = the_run(world).requested_at + timedelta(minutes=15 + 1 + 15 + 2 + 15)  # Lambda tries three times
    assert list(replay_lost_batch_events("fraud", world.ports)) == []
    world.clock.at += timedelta(minutes=12)
    assert list(replay_lost_batch_events("fraud", world.ports)) == [f"{JOB} was never started"]


def _below(world: SluiceWorld, folder: str) -> list[str]:
    return [key for key in world.bucket.objects if key.startswith(folder)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a//b.csv", "an empty part"),
        ("../a.csv", "the part '..'"),
        ("n" * 256, "has 256 bytes"),
        ("a\x1b[31m.csv", "control character"),
        ("/".join(["n" * 200] * 5), "the path has 1004 bytes below its folder; its answers have room for "),
    ],
)
def test_a_file_that_no_job_can_take_or_answer_is_named_before_any_instance_is_paid_for(name: str, reason: str) -> None:
    world = world_of({"fine.csv": b"1,30,1\n", name: b"1,30,1\n"}, on_bad_rows="set_aside")
    found = start_batch(requested(), world.ports)["reason"]
    assert reason in found
    assert found.isprintable()
    assert world.transforms.jobs == {}


def test_odd_keys_are_scored_as_they_are_and_prepared_as_they_are() -> None:
    names = (
        "a+b.csv",
        "a%2Bb.csv",
        "a b?versionId=1#.csv",
        "caf\u00e9.csv",
        "cafe\u0301.csv",
        "n" * 255,
        "x/" * 200 + "y",
    )
    world = world_of({name: NAMES + f"\n{at},30,1\n".encode() for at, name in enumerate(names)}, header=True)
    start_batch(requested(), world.ports)
    assert scored(world) == {name: f"{at},30,1\n".encode() for at, name in enumerate(names)}
    world.transforms.settle()
    complete_batch(job_ended(), world.ports)
    assert (the_run(world).phase, the_run(world).rows_out) == ("completed", len(names))
