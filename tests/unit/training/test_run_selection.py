"""Manifests depend on nothing but the files, and the next run on nothing but the pending inputs and what S3 holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.training.debounce import DEBOUNCE_LIMIT, have_settled
from sluice.training.manifest import File, Manifest, added_files
from sluice.training.pending_inputs import InputStatus, PendingFile, PendingInputs, RunRequest
from sluice.training.run_selection import select_run, statuses_after_run
from sluice.training.run_slot import RunSlot
from sluice.training.run_token import Recipe, run_name, run_token

START = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


def file(name: str, version: str = "v1", etag: str = "e1", sequencer: str = "1") -> File:
    return File(bucket="lake", key=f"data/fraud/{name}", version_id=version, etag=etag, size=10, sequencer=sequencer)


FILES = [file("a.csv"), file("2026/b c.csv", "v2", "e2"), file("ä.csv")]


def test_the_native_manifest_is_in_sagemakers_format() -> None:
    made = Manifest.of("fraud", FILES)
    assert json.loads(made.native()) == [{"prefix": "s3://lake/data/fraud/"}, "2026/b c.csv", "a.csv", "ä.csv"]
    assert 32 <= len(made.digest) <= 128, "it is also the token of StartPipelineExecution"


def test_the_rich_manifest_tells_all_and_is_read_back() -> None:
    counted = File(bucket="lake", key="data/fraud/s3://x.csv", version_id="", etag="e", size=7, rows=3)
    made = Manifest.of("fraud", [*FILES, counted])
    told = json.loads(made.complete())
    assert told["files"][-2] == {
        "uri": "s3://lake/data/fraud/s3://x.csv",
        "version_id": "",
        "etag": "e",
        "size": 7,
        "sequencer": "",
        "rows": 3,
    }
    assert told["digest"] == made.digest
    assert Manifest.parse(made.complete()) == made


@given(shuffled=st.permutations(FILES))
def test_order_changes_nothing(shuffled: list[File]) -> None:
    assert Manifest.of("fraud", shuffled) == Manifest.of("fraud", FILES)


@pytest.mark.parametrize(
    "other",
    [file("b.csv"), file("a.csv", "v9"), file("a.csv", etag="e9")],
    ids=["key", "version", "content"],
)
def test_other_files_are_another_manifest(other: File) -> None:
    assert Manifest.of("fraud", [other]).digest != Manifest.of("fraud", FILES[:1]).digest


@pytest.mark.parametrize(
    ("older", "newer"), [("1", "2"), ("FF", "100"), ("", "1"), ("0A", "B")], ids=["value", "length", "none", "padded"]
)
def test_the_sequencer_orders_the_versions_of_a_key(older: str, newer: str) -> None:
    first, second = file("a.csv", "v1", sequencer=older), file("a.csv", "v2", sequencer=newer)
    assert first.is_older_than(second)
    assert not second.is_older_than(first)
    assert not first.is_older_than(first)


def at(seconds: float, name: str = "a.csv") -> PendingFile:
    return PendingFile(file=file(name), since=START + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("since", "now", "settled"),
    [
        ([], 0, True),
        ([0], 29, True),  # clocks may differ by a second
        ([0], 28, False),
        ([0, 20], 40, False),
        ([0, 20], 50, True),
        ([0, DEBOUNCE_LIMIT.total_seconds() - 1], DEBOUNCE_LIMIT.total_seconds(), True),
    ],
)
def test_uploads_settle_when_none_came_for_a_while_or_at_last(
    since: Sequence[float], now: float, settled: bool
) -> None:
    assert have_settled(map(at, since), 30, START + timedelta(seconds=now)) is settled


def request(name: str, seconds: float = 0, **parameters: str) -> RunRequest:
    return RunRequest(id=name, parameters=parameters, is_again=False, since=START + timedelta(seconds=seconds))


def pending(*files: File, requests: Sequence[RunRequest] = ()) -> PendingInputs:
    return PendingInputs(files=tuple(PendingFile(file=each, since=START) for each in files), requests=tuple(requests))


A, B, A2 = file("a.csv"), file("b.csv"), file("a.csv", "v2", "e2", sequencer="2")


@pytest.mark.parametrize(
    ("mode", "fresh", "base", "current", "expected"),
    [
        pytest.param("latest", [B], [A], [A, B], [B], id="latest: new files only"),
        pytest.param("accumulate", [B], [A], [A, B], [A, B], id="accumulate: all files"),
        pytest.param("accumulate", [A2], [A, B], [A2, B], [A2, B], id="a new version replaces the old one"),
        pytest.param("accumulate", [B], [A], [B], [B], id="deleted files are left out"),
        pytest.param("accumulate", [B], [A], [A2, B], [B], id="overwritten by what is not accepted yet"),
        pytest.param("latest", [A, A2], [], [A2], [A2], id="overwritten before the run"),
        pytest.param("latest", [A], [B], [A2, B], None, id="nothing that waits is current"),
    ],
)
def test_the_files_of_the_next_run(
    mode: str, fresh: list[File], base: list[File], current: list[File], expected: list[File] | None
) -> None:
    chosen = select_run(pending(*fresh), base, {each.key: each.version_id for each in current}, mode)
    assert (sorted(chosen.files, key=lambda each: each.key) if chosen else None) == expected


def test_a_request_without_new_data_gets_that_of_the_newest_run() -> None:
    chosen = select_run(pending(requests=[request("r")]), [A], {A.key: "v1"}, "latest")
    assert chosen is not None
    assert (chosen.files, chosen.new) == ((A,), ())


def test_requests_with_equal_parameters_share_a_run_and_others_wait() -> None:
    asked = [request("r1", eta="1"), request("r2", 1, eta="2"), request("r3", 2, eta="1")]
    chosen = select_run(pending(B, requests=asked), [A], {A.key: "v1", B.key: "v1"}, "latest")
    assert chosen is not None
    assert [each.id for each in chosen.requests] == ["r1", "r3"]
    assert chosen.files == (B,)


def test_a_run_settles_its_files_and_older_versions_of_them_only() -> None:
    newer = file("a.csv", "v3", sequencer="3")
    statuses = statuses_after_run(pending(A, A2, newer, B).files, [A2], "r")
    assert {each.file.version_id: status for each, status in statuses} == {
        "v1": InputStatus(state="superseded", successor="v2"),
        "v2": InputStatus(state="run", run="r"),
    }


@pytest.mark.parametrize(
    ("status", "item"),
    [
        (InputStatus(state="waiting"), {"fate": "waiting"}),
        (InputStatus(state="run", run="r"), {"fate": "run", "run": "r"}),
        (InputStatus(state="superseded", successor="v2"), {"fate": "superseded", "by": "v2"}),
        (InputStatus(state="rejected", reason="why"), {"fate": "rejected", "reason": "why"}),
    ],
)
def test_a_status_is_stored_as_it_always_was_and_read_back(status: InputStatus, item: dict[str, str]) -> None:
    assert status.item() == item
    assert InputStatus.parse({**item, "pk": "UPLOAD#k", "sk": "v1", "at": "now"}) == status


def test_what_a_manifest_added_to_another() -> None:
    assert added_files([A2, B], [A, B]) == [A2]


def test_the_same_work_has_the_same_token_and_any_other_work_another() -> None:
    one, other = Manifest.of("fraud", [A]).digest, Manifest.of("fraud", [B]).digest
    tokens = [
        run_token(one, recipe()),
        run_token(other, recipe()),
        run_token(one, recipe(pipeline="other code")),
        run_token(one, recipe(live="mse=4.3")),
        run_token(one, recipe(parameters={"Eta": "1"})),
        run_token(one, recipe(), ["once more"]),
    ]
    assert len(set(tokens)) == len(set(map(run_name, tokens))) == len(tokens)
    assert {len(token) for token in tokens} == {64}
    swapped = recipe(parameters={"B": "2", "A": "1"})
    assert run_token(one, recipe(parameters={"A": "1", "B": "2"}), ["x", "y"]) == run_token(one, swapped, ["y", "x"])


def recipe(**other: Any) -> Recipe:
    return Recipe(**({"pipeline": "as applied", "live": "mse=4.2", "parameters": {}} | other))


def test_a_run_slot_is_read_back_from_its_item() -> None:
    slot = RunSlot(
        model="fraud",
        number=3,
        run="data-1",
        token="t",
        digest="d",
        parameters={"Eta": "0.3"},
        requests=("r1", "r2"),
        claimed_at=START.isoformat(),
        phase="taken",
        execution="arn",
        end_status="Failed",
        newest="d",
    )
    assert RunSlot.parse("fraud", slot.item()) == slot
