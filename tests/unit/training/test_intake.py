"""Uploads on their way into a run: duplicates, redeliveries, crashes and everything that is not good data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sluice.errors import AwsLibraryError, Problem, RetryableError, SpecError
from sluice.spec.model import ModelSpec
from sluice.training.manifest import File
from sluice.training.pending_inputs import InputStatus
from sluice.training.run_queue import MAX_EVENT_FILES
from sluice.training.start_backoff import FIRST_SECONDS, JITTER, LONGEST_SECONDS, seconds_to_retry
from sluice.training.unreadable_upload import UnreadableUploadError

from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.sluice_world import SPEC, SluiceWorld, sluice_world

GOOD = b"age,risk\n30,1\n"
PIPELINE = "sluice-dev-fraud"
RAW = SPEC.to_json()
LATEST = ModelSpec.parse({**RAW, "data": {**RAW["data"], "mode": "latest"}})


@pytest.fixture
def world() -> SluiceWorld:
    made = sluice_world()
    for name in ("a", "b", "c", "d"):
        made.bucket.objects[f"data/fraud/{name}.csv"] = GOOD
    made.specs.specs["fraud"] = LATEST
    return made


def created(key: str, *, version: str = "v1", size: int = 14) -> dict[str, Any]:
    found = {"key": key, "size": size, "etag": "e", "version-id": version, "sequencer": "00"}
    return {"detail": {"bucket": {"name": "sluice-dev-data"}, "object": found}}


def batch(*bodies: Any) -> dict[str, Any]:
    """An SQS event whose messages are called m0, m1 …; a name stands for that file of fraud."""
    events = [created(f"data/fraud/{body}.csv") if isinstance(body, str) else body for body in bodies]
    return {
        "Records": [
            {"messageId": f"m{index}", "body": body if isinstance(body, bytes) else json.dumps(body)}
            for index, body in enumerate(events)
        ]
    }


def returned(result: Mapping[str, Any]) -> list[str]:
    """Ids of the messages that go back to the queue."""
    assert list(result) == ["batchItemFailures"]
    return [each["itemIdentifier"] for each in result["batchItemFailures"]]


def deliver(world: SluiceWorld, *bodies: Any) -> list[str]:
    """Deliver a batch, and the wake-ups that it leads to."""
    result = returned(start_pipeline(batch(*bodies), world.ports))
    world.wake()
    return result


def runs(world: SluiceWorld) -> list[list[str]]:
    """The files of each started run, from the manifest that it was given."""
    uris = [each.parameters["InputData"] for each in world.pipelines.started.values()]
    manifests = [json.loads(world.bucket.objects[uri.removeprefix("s3://sluice-dev-data/")]) for uri in uris]
    return sorted(entries[1:] for entries in manifests)


def test_one_batch_is_one_run_per_model(world: SluiceWorld) -> None:
    world.specs.specs["other"] = ModelSpec.parse({**SPEC.to_json(), "name": "other"})
    world.bucket.objects["data/other/x.csv"] = GOOD
    assert deliver(world, "b", "a", created("data/other/x.csv")) == []
    assert runs(world) == [["a.csv", "b.csv"], ["x.csv"]]
    assert {each.pipeline for each in world.pipelines.started.values()} == {PIPELINE, "sluice-dev-other"}


def test_a_message_that_comes_twice_changes_nothing(world: SluiceWorld) -> None:
    assert deliver(world, "a", "a", "b") == []
    assert deliver(world, "b", "a") == []
    assert runs(world) == [["a.csv", "b.csv"]]


@pytest.mark.parametrize(
    ("first", "again"),
    [
        pytest.param("ab", "b", id="part of it"),
        pytest.param("a", "ab", id="with a new file"),
        pytest.param("ab", "bc", id="torn apart"),
        pytest.param("abc", "cbad", id="shuffled"),
    ],
)
def test_a_redelivery_in_other_company_stays_with_its_run(world: SluiceWorld, first: str, again: str) -> None:
    deliver(world, *first)
    deliver(world, *again)
    assert runs(world) == [[f"{name}.csv" for name in sorted(first)]]
    world.end_run()
    later = [f"{name}.csv" for name in sorted({*again} - {*first})]
    assert runs(world) == sorted([*([later] if later else []), [f"{name}.csv" for name in sorted(first)]])


def test_a_new_version_of_a_file_is_a_new_run(world: SluiceWorld) -> None:
    deliver(world, "a")
    world.end_run()
    world.bucket.versions["data/fraud/a.csv"] = "v2"
    deliver(world, created("data/fraud/a.csv", version="v2"))
    assert len(world.pipelines.started) == 2


REJECTED: dict[str, tuple[bytes | None, dict[str, Any], str]] = {
    "unknown model": (GOOD, created("data/nobody/x.csv"), "no spec for model 'nobody'"),
    "empty": (b"", created("data/fraud/x.csv", size=0) | {"sluice-waited": True}, "min_rows: the file is empty"),
    "deleted": (None, created("data/fraud/x.csv"), "the file was deleted before it was read"),
    "wrong columns": (b"x,y\n1,2\n", created("data/fraud/x.csv"), "columns: column 'risk' is missing"),
    "not gzip": (b"\x1f\x8b, no more", created("data/fraud/x.csv.gz"), "gzip: the gzip file is damaged"),
    "no CSV": (GOOD, created("data/fraud/x.parquet"), "name: the name does not end in .csv or .csv.gz"),
    "wrong cell": (b"age,risk\nold,1\n", created("data/fraud/x.csv"), "type: column 'age': expected a number"),
}


@pytest.mark.parametrize(("content", "event", "reason"), REJECTED.values(), ids=REJECTED)
def test_a_bad_file_is_reported_once_and_holds_up_no_other(
    world: SluiceWorld, content: bytes | None, event: dict[str, Any], reason: str
) -> None:
    key = event["detail"]["object"]["key"]
    if content is not None:
        world.bucket.objects[key] = content
    assert deliver(world, event, "a") == []
    assert runs(world) == [["a.csv"]]
    (rejection,) = (detail for kind, detail in world.events.published if kind == "DataRejected")
    assert rejection["key"] == key
    assert rejection["reason"].startswith(reason)
    uploaded = File(bucket="sluice-dev-data", key=key, version_id="v1", etag="e", size=14)
    assert world.ports.pending_inputs.file_status(uploaded) == InputStatus(state="rejected", reason=rejection["reason"])


BAD = b"age,risk\nold,1\n"


def quarantined(world: SluiceWorld) -> dict[str, Any]:
    """What lies in quarantine; reasons without their time."""
    kept = {key: content for key, content in world.bucket.objects.items() if key.startswith("quarantine/")}
    return {key: json.loads(content)["reason"] if "reason" in key else content for key, content in kept.items()}


def test_a_file_that_breaks_the_contract_moves_to_quarantine_with_its_reason(world: SluiceWorld) -> None:
    world.bucket.objects["data/fraud/2026/x.csv"] = BAD
    deliver(world, created("data/fraud/2026/x.csv"), "a")
    reason = "type: column 'age': expected a number, found 'old' (row 2)"
    assert quarantined(world) == {
        "quarantine/fraud/2026/x.csv": BAD,
        "quarantine/fraud/2026/x.csv.reason.json": reason,
    }
    assert "data/fraud/2026/x.csv" not in world.bucket.objects
    (told,) = (detail for kind, detail in world.events.published if kind == "DataRejected")
    assert told["quarantine"] == "quarantine/fraud/2026/x.csv"
    assert [each["rule"] for each in told["breaches"]] == ["type"]
    assert runs(world) == [["a.csv"]]


def test_the_event_of_a_file_in_quarantine_changes_nothing_when_it_comes_again(world: SluiceWorld) -> None:
    world.bucket.objects["data/fraud/x.csv"] = BAD
    deliver(world, "x")
    before, told = quarantined(world), list(world.events.published)
    deliver(world, "x", "x")
    assert (quarantined(world), world.events.published) == (before, told)


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
def test_a_fault_at_any_call_of_a_rejection_leaves_the_file_in_one_place(after_effect: bool) -> None:
    for at in range(1, 12):
        world = sluice_world()
        world.bucket.objects["data/fraud/x.csv"] = BAD
        world.faults.at, world.faults.after_effect = at, after_effect
        while returned(start_pipeline(batch("x"), world.ports)):
            pass
        world.faults.at = 0
        world.wake()
        assert "data/fraud/x.csv" not in world.bucket.objects, at
        assert set(quarantined(world)) == {"quarantine/fraud/x.csv", "quarantine/fraud/x.csv.reason.json"}, at
        assert "DataRejected" in world.events.kinds(), at
        assert runs(world) == [], at


def test_a_run_is_given_the_live_version_only_when_the_gate_compares(world: SluiceWorld) -> None:
    deliver(world, "a")
    assert [set(each.parameters) for each in world.pipelines.started.values()] == [{"InputData"}]


def test_a_rejected_file_stays_rejected_when_its_message_comes_again(world: SluiceWorld) -> None:
    known = world.specs.specs.pop("fraud")
    deliver(world, "a")
    world.specs.specs["fraud"] = known
    deliver(world, "a", "b")
    told = [detail["files"] for kind, detail in world.events.published if kind == "PipelineStarted"]
    assert told == [["data/fraud/b.csv"]]


def test_a_spec_that_this_release_cannot_read_costs_no_upload(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(world.specs, "get", unreadable)
        assert deliver(world, "a", created("data/nobody-else.txt")) == ["m0"]
    assert world.events.published == []
    assert world.ports.pending_inputs.get("fraud").files == ()
    deliver(world, "a")
    told = [detail["files"] for kind, detail in world.events.published if kind == "PipelineStarted"]
    assert told == [["data/fraud/a.csv"]]


def unreadable(_model: str) -> ModelSpec:
    raise SpecError([Problem("rollout.hover", None, "nothing", "unknown field")])


def test_a_folder_marker_is_no_data(world: SluiceWorld) -> None:
    assert deliver(world, created("data/fraud/2026/", size=0)) == []
    assert world.events.published == []


@pytest.mark.parametrize(
    "body",
    [b"hello?", b"", b"[]", b"5", b"null", b'{"detail": null}', b'{"detail": {"object": {}}}'],
    ids=["text", "nothing", "list", "number", "null", "no detail", "no key"],
)
def test_a_message_that_is_no_event_goes_back_alone(world: SluiceWorld, body: bytes) -> None:
    event = batch("a", "b")
    event["Records"][0]["body"] = body.decode()
    assert returned(start_pipeline(event, world.ports)) == ["m0"]
    world.wake()
    assert runs(world) == [["b.csv"]]


def test_a_file_under_a_key_that_may_not_be_used_is_told_with_its_cause_and_stays(world: SluiceWorld) -> None:
    def refuse(_upload: object) -> None:
        raise UnreadableUploadError("it is encrypted with a KMS key that cannot be used: kms:Decrypt")

    world.ports.quarantine.open = refuse  # type: ignore[method-assign,assignment]
    for _ in range(2):
        assert returned(start_pipeline(batch("a"), world.ports)) == []
    kinds = [kind for kind, _ in world.events.published]
    assert kinds == ["DataRejected", "DataRejected"], "at least once"
    assert "KMS key that cannot be used" in world.events.published[0][1]["reason"]
    assert "data/fraud/a.csv" in world.bucket.objects
    assert [line for _, line, _ in world.telemetry.lines].count("upload rejected") == 1


@pytest.mark.parametrize(("may_pass", "minutes", "comes_back"), [(True, 1, True), (True, 13, False), (False, 1, False)])
def test_a_key_that_is_denied_right_after_the_upload_is_tried_again(
    world: SluiceWorld, *, may_pass: bool, minutes: int, comes_back: bool
) -> None:
    """As after a deploy with that key: IAM lets a new permission take effect within minutes."""

    def refuse(_upload: object) -> None:
        raise UnreadableUploadError("its KMS key cannot be used", may_pass=may_pass)

    world.ports.quarantine.open = refuse  # type: ignore[method-assign,assignment]
    message = {**created("data/fraud/a.csv"), "time": (world.clock.now() - timedelta(minutes=minutes)).isoformat()}
    assert returned(start_pipeline(batch(message), world.ports)) == (["m0"] if comes_back else [])
    assert [kind for kind, _ in world.events.published] == ([] if comes_back else ["DataRejected"])


def test_what_cannot_start_now_is_started_later(world: SluiceWorld) -> None:
    world.pipelines.refusing = True
    assert returned(start_pipeline(batch("a", "b"), world.ports)) == []
    (booked,) = world.wakeups.booked
    assert booked == ("fraud", LATEST.data.settle_seconds)
    for refusals in range(7):
        world.wake_once()
        (booked,) = world.wakeups.booked
        usual = min(FIRST_SECONDS * 2**refusals, LONGEST_SECONDS)
        assert (1 - JITTER) * usual <= booked[1] <= (1 + JITTER) * usual
    assert world.events.kinds() == ["PipelineDelayed"]
    world.pipelines.refusing = False
    world.wake()
    assert runs(world) == [["a.csv", "b.csv"]]


def test_models_that_wait_for_an_execution_do_not_storm_sagemaker(world: SluiceWorld) -> None:
    """40 models wait for an hour: every 20 seconds, they would ask 7,200 times, and all at once."""
    models = [f"m{number}" for number in range(40)]
    attempts: list[tuple[float, str]] = []
    for model in models:
        world.specs.specs[model] = ModelSpec.parse({**LATEST.to_json(), "name": model})
        world.bucket.objects[f"data/{model}/a.csv"] = GOOD
        start_pipeline(batch(created(f"data/{model}/a.csv")), world.ports)

    def refuse(pipeline: str, *_request: object) -> str:
        attempts.append((world.clock.now().timestamp(), pipeline))
        raise RetryableError("ResourceLimitExceeded")

    world.pipelines.start = refuse  # type: ignore[method-assign,assignment]
    began = world.clock.now()
    due = {model: began + timedelta(seconds=delay) for model, delay in world.wakeups.booked}
    world.wakeups.booked.clear()
    while (next_model := min(due, key=lambda model: due[model])) and due[next_model] - began < timedelta(hours=1):
        world.clock.at = max(world.clock.at, due.pop(next_model))
        start_pipeline(batch({"detail-type": "WakeUp", "detail": {"model": next_model}}), world.ports)
        ((model, delay),) = world.wakeups.booked
        due[model] = world.clock.now() + timedelta(seconds=delay)
        world.wakeups.booked.clear()
    assert len(attempts) < 7_200 / 5
    late = Counter(int(at) for at, _ in attempts if at - began.timestamp() > 1800)
    assert max(late.values()) <= 4, "in one second, once they have waited for half an hour"


def test_the_delay_of_a_start_grows_to_a_limit_that_a_message_can_wait() -> None:
    assert [seconds_to_retry(refusals, 0.5) for refusals in (0, 1, 2, 3, 4, 100)] == [20, 40, 80, 120, 120, 120]
    assert (seconds_to_retry(0, 0.0), seconds_to_retry(9, 1.0)) == (15, 150)


def test_what_cannot_start_now_is_tried_at_one_pace_whoever_wakes_it(world: SluiceWorld) -> None:
    world.pipelines.refusing = True
    wake_up = batch({"detail-type": "WakeUp", "detail": {"model": "fraud"}})
    start_pipeline(batch("a"), world.ports)
    world.wake_once()
    for _ in range(5):  # uploads that settle, and the sweep
        start_pipeline(wake_up, world.ports)
    assert len(world.wakeups.booked) == 1
    assert [kind for kind, _ in world.events.published] == ["PipelineDelayed"]
    world.pipelines.refusing = False
    world.wake()
    assert runs(world) == [["a.csv"]]


def test_a_request_that_botocore_itself_refuses_is_refused(world: SluiceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pipelines.offered = ("",)
    deliver(world, "a")
    world.end_run()
    start = world.pipelines.start

    def strict(pipeline: str, run: str, token: str, parameters: Mapping[str, str]) -> str:
        if "" in parameters:
            raise AwsLibraryError(
                "Invalid length for parameter PipelineParameters[0].Name", code="ParamValidationError"
            )
        return start(pipeline, run, token, parameters)

    monkeypatch.setattr(world.pipelines, "start", strict)
    detail = {"model": "fraud", "request": "r1", "parameters": {"": "1"}}
    assert deliver(world, {"detail-type": "TrainRequested", "detail": detail}) == []
    status = world.ports.pending_inputs.request_status("fraud", "r1")
    assert status is not None
    assert status.state == "refused"
    deliver(world, "b")
    assert runs(world) == [["a.csv"], ["b.csv"]]


def test_a_model_whose_manifest_was_deleted_holds_up_no_other(world: SluiceWorld) -> None:
    world.specs.specs["other"] = ModelSpec.parse({**SPEC.to_json(), "name": "other"})
    world.bucket.objects["data/other/x.csv"] = GOOD
    deliver(world, "a")
    world.end_run()
    kept = {key: body for key, body in world.bucket.objects.items() if key.startswith("manifests/")}
    for key in kept:
        del world.bucket.objects[key]
    start_pipeline(batch("b", created("data/other/x.csv")), world.ports)
    world.clock.pass_seconds(LATEST.data.settle_seconds)
    wake_ups = ({"detail-type": "WakeUp", "detail": {"model": model}} for model in ("fraud", "other"))
    assert returned(start_pipeline(batch(*wake_ups), world.ports)) == ["m0"]
    assert [each.pipeline for each in world.pipelines.running("sluice-dev-other")] == ["sluice-dev-other"]
    world.bucket.objects |= kept
    world.wake()
    assert runs(world) == [["a.csv"], ["b.csv"], ["x.csv"]]


def delivered_with_fault(at: int, *, after_effect: bool) -> tuple[SluiceWorld, int]:
    """The world after a delivery whose ``at``-th call failed and the redelivery of what came back; calls so far."""
    files = ("a", "b")
    world = sluice_world()
    world.bucket.objects |= {f"data/fraud/{name}.csv": GOOD for name in files}
    world.faults.at, world.faults.after_effect = at, after_effect
    back = returned(start_pipeline(batch(*files), world.ports))
    while back:
        back = returned(
            start_pipeline(batch(*(files[int(message.removeprefix("m"))] for message in back)), world.ports)
        )
    world.wake()
    calls, world.faults.at = world.faults.seen, 0
    return world, calls


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
def test_a_fault_at_any_call_and_a_redelivery_is_as_no_fault(after_effect: bool) -> None:
    _, calls = delivered_with_fault(0, after_effect=after_effect)
    assert calls >= 20, "two validations, two statuses, a wake-up, a manifest, a start, an event, the slot's own steps"
    for at in range(1, calls + 1):
        world, _ = delivered_with_fault(at, after_effect=after_effect)
        assert runs(world) == [["a.csv", "b.csv"]], f"after a fault at call {at}"
        assert _started_files(world) == ["data/fraud/a.csv", "data/fraud/b.csv"], f"after a fault at call {at}"


def overtaken(at: int) -> tuple[SluiceWorld, int]:
    """A wake-up for file b, overtaken before its ``at``-th call by one that also takes c, and by that run's end."""
    world = sluice_world(LATEST)
    world.bucket.objects |= {f"data/fraud/{name}.csv": GOOD for name in "abc"}
    deliver(world, "a")
    world.end_run()
    start_pipeline(batch("b"), world.ports)

    def overtake() -> None:
        start_pipeline(batch("c"), world.ports)
        world.wake()
        if world.pipelines.running(PIPELINE):
            world.end_run()

    seen, world.faults.meanwhile = world.faults.seen, overtake
    world.faults.at = seen + at if at else 0
    world.wake_once()
    calls, world.faults.at, world.faults.meanwhile = world.faults.seen - seen, 0, None
    world.wake()
    while world.pipelines.running(PIPELINE):
        world.end_run()
    return world, calls


def test_one_that_is_overtaken_between_any_two_calls_runs_nothing_twice() -> None:
    _, calls = overtaken(0)
    assert calls >= 10
    for at in range(1, calls + 1):
        world, _ = overtaken(at)
        files = [name for run in runs(world) for name in run]
        assert sorted(files) == ["a.csv", "b.csv", "c.csv"], f"overtaken at call {at}"


def _started_files(world: SluiceWorld) -> Sequence[str]:
    told = (detail["files"] for kind, detail in world.events.published if kind == "PipelineStarted")
    return sorted({name for files in told for name in files})


def test_an_event_names_no_more_files_than_it_can_hold(world: SluiceWorld) -> None:
    keys = [f"data/fraud/{number:04}.csv" for number in range(1000)]
    world.bucket.objects |= dict.fromkeys(keys, GOOD)
    deliver(world, *(created(key) for key in keys))
    ((_, detail),) = world.events.published
    assert detail["files"] == keys[:MAX_EVENT_FILES]
    assert detail["file_count"] == 1000
    ((manifest,),) = ([run] for run in runs(world))
    assert len(manifest) == 1000
