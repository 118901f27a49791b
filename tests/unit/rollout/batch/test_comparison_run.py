"""A newly approved version of a batch model: compared on a sample, then that of the next run, or rejected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from sluice.rollout.model.live_version import live_version
from sluice.rollout.model.record import Hold
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec
from sluice.transform.jobs import NoCapacityError, TransformRefusedError

from functions.open_rollout.app import run as open_rollout
from functions.roll_back.app import run as roll_back
from functions.start_batch.app import run as start_batch
from tests.fakes.batch_world import batch_world, put_input, requested
from tests.fakes.sluice_world import SluiceWorld, outcome_of

NEW = "sluice-dev-fraud-2-1-model"
Answer = Callable[[str], str]


def by_age(line: str) -> str:
    return str(float(line.split(",")[1]) / 10)


def slightly_more(line: str) -> str:
    return str(float(by_age(line)) + (0.5 if line.startswith("1,") else 0.0))


def nothing_for_old_people(line: str) -> str:
    return by_age(line) if line.split(",")[1] < "33" else "nan"


def broken(line: str) -> str:
    raise ValueError("AlgorithmError: See job logs for more information")


@pytest.fixture
def world() -> SluiceWorld:
    """Version 1 has scored files once."""
    return after_a_run()


def after_a_run() -> SluiceWorld:
    world = batch_world()
    put_input(world)
    world.transforms.answers["sluice-dev-fraud-1-1-model"] = by_age
    start_batch(requested(), world.ports)
    world.transforms.settle()
    world.events.published.clear()
    return world


def approval(world: SluiceWorld, answer: Answer) -> str:
    """Approve version 2, which answers like that, and play its rollout; its last state."""
    world.transforms.answers[NEW] = answer
    return world.play(world.approve(2))


def next_model(world: SluiceWorld) -> str:
    job = start_batch(requested(request="next"), world.ports)["job"]
    return str(world.transforms.requests[job]["ModelName"])


def told(world: SluiceWorld, kind: str) -> dict[str, Any]:
    (detail,) = [detail for name, detail in world.events.published if name == kind]
    return detail


def compared_in_logs(world: SluiceWorld) -> list[dict[str, Any]]:
    return [fields for _, message, fields in world.telemetry.lines if message == "batch versions compared"]


def test_what_a_comparison_counted_is_logged_but_no_answers(world: SluiceWorld) -> None:
    approval(world, slightly_more)
    (line,) = compared_in_logs(world)
    assert line.items() >= {"rows": 5, "equal": 4, "within_tolerance": 4, "failures": 0}.items()
    assert all(isinstance(line[name], int) for name in ("rows", "equal", "within_tolerance", "failures"))


def test_a_version_that_answers_takes_over_and_the_difference_is_reported(world: SluiceWorld) -> None:
    assert approval(world, slightly_more) == "Promoted"
    assert told(world, "BatchVersionCompared") == {
        "rollout": "fraud-2-1",
        "model": "fraud",
        "version": 2,
        "current_version": 1,
        "sample": "s3://sluice-dev-data/batch/fraud/samples/fraud-2-1/sample.csv",
        "difference": {
            "rows": 5,
            "equal": 4,
            "within_tolerance": 4,
            "failures": 0,
            "mean_difference": 0.1,
            "mean_absolute_difference": 0.1,
            "share_equal": 0.8,
            "share_within_tolerance": 0.8,
            "tolerance_percent": 1.0,
        },
    }
    assert next_model(world) == NEW
    assert live_version("fraud", world.ports) == 2
    assert world.hosting.endpoints == {}, "a batch model has no endpoint"


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", "\ufeff"), ("latin-1", "")])
def test_the_sample_has_the_bytes_of_the_input_and_no_byte_order_mark_inside(encoding: str, mark: str) -> None:
    world = batch_world()
    raw = world.specs.specs["fraud"].to_json()
    raw["data"]["encoding"] = encoding
    world.specs.specs["fraud"] = ModelSpec.parse(raw)
    put_input(world)
    keys = sorted(key for key in world.bucket.objects if key.startswith("batch/fraud/input/"))
    for key in keys:
        lines = world.bucket.objects[key].splitlines(keepends=True)
        world.bucket.objects[key] = mark.encode() + lines[0] + "7,40,Zürich\n".encode(encoding) * (len(lines) - 1)
    world.transforms.answers["sluice-dev-fraud-1-1-model"] = by_age
    start_batch(requested(), world.ports)
    world.transforms.settle()
    approval(world, by_age)
    sample = world.bucket.objects["batch/fraud/samples/fraud-2-1/sample.csv"]
    assert "Zürich".encode(encoding) in sample
    assert "\ufeff".encode() not in sample


def test_the_sample_is_scored_on_one_instance_and_not_joined(world: SluiceWorld) -> None:
    approval(world, by_age)
    assert {name for name in world.transforms.requests if "fraud-2-1" in name} == {
        "sluice-dev-fraud-2-1-current",
        "sluice-dev-fraud-2-1-new",
    }
    request = world.transforms.requests["sluice-dev-fraud-2-1-new"]
    assert request["TransformResources"]["InstanceCount"] == 1
    assert request["DataProcessing"] == {"InputFilter": "$[1:]", "OutputFilter": "$", "JoinSource": "None"}
    assert world.bucket.objects["batch/fraud/samples/fraud-2-1/sample.csv"].count(b"\n") == 5


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (broken, "version 2 could not score the sample: AlgorithmError: See job logs for more information"),
        (nothing_for_old_people, "version 2 has no answer to 2 of 5 rows that are answered now"),
    ],
)
def test_a_version_that_fails_is_rejected_and_the_current_one_stays(
    world: SluiceWorld, answer: Answer, reason: str
) -> None:
    assert approval(world, answer) == "RolledBack"
    assert outcome_of(world, "fraud-2-1") == ("rolled_back", reason)
    assert approvals(world) == {1: "Approved", 2: "Rejected"}
    assert next_model(world) == "sluice-dev-fraud-1-1-model"
    assert NEW not in world.hosting.models


@pytest.mark.parametrize(
    "reason",
    [
        "CapacityError: Unable to provision requested ML compute capacity. Please retry.",
        "InternalServerError: We encountered an internal error. Please try again.",
        "",
    ],
)
def test_a_job_that_aws_cannot_run_is_no_fault_of_the_version(world: SluiceWorld, reason: str) -> None:
    def fails(_line: str) -> str:
        raise ValueError(reason)

    assert approval(world, fails) == "RolledBack"
    assert outcome_of(world, "fraud-2-1")[0] == "rolled_back"
    assert approvals(world) == {1: "Approved", 2: "Approved"}
    assert next_model(world) == "sluice-dev-fraud-1-1-model"


def test_a_job_that_somebody_stops_is_no_fault_of_the_version(world: SluiceWorld) -> None:
    job = "sluice-dev-fraud-2-1-new"
    rollout = world.approve(2)

    def stop(state: str) -> None:
        if state == "WaitForFleet" and not world.transforms.jobs[job].has_ended:
            world.transforms.stop(job)

    assert world.play(rollout, on_state=stop) == "RolledBack"
    assert outcome_of(world, rollout) == ("rolled_back", "version 2 could not score the sample: Stopped")
    assert approvals(world) == {1: "Approved", 2: "Approved"}


def approvals(world: SluiceWorld) -> dict[int, str]:
    return {each.version: each.approval for each in world.registry.packages.values()}


def test_the_reason_of_a_job_is_in_no_log(world: SluiceWorld) -> None:
    """It may quote a row. People find it in the history, the registry and the event."""
    assert approval(world, broken) == "RolledBack"
    results = [roll_back({"rollout_id": "fraud-2-1", "context": {}}, world.ports)]
    assert "AlgorithmError" in outcome_of(world, "fraud-2-1")[1]
    assert "AlgorithmError" not in str([*world.telemetry.lines, *results])


def test_a_current_version_that_fails_does_not_stop_its_successor(world: SluiceWorld) -> None:
    world.transforms.answers["sluice-dev-fraud-1-1-model"] = broken
    assert approval(world, by_age) == "Promoted"


def test_a_current_version_whose_model_is_gone_does_not_stop_its_successor(world: SluiceWorld) -> None:
    del world.hosting.models["sluice-dev-fraud-1-1-model"]
    assert approval(world, by_age) == "Promoted"
    assert "BatchVersionCompared" not in world.events.kinds()
    assert next_model(world) == NEW


def test_a_model_that_is_not_seen_at_once_is_tried_again(world: SluiceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    create, refused = world.transforms.create, 0

    def late(request: Mapping[str, Any]) -> bool:
        nonlocal refused
        if request["ModelName"] == NEW and refused < 2:
            refused += 1
            raise TransformRefusedError(f"Could not find model {NEW}.")
        return create(request)

    monkeypatch.setattr(world.transforms, "create", late)
    assert (approval(world, by_age), refused) == ("Promoted", 2)


@pytest.mark.parametrize(("instances", "end"), [(1, "Promoted"), (0, "RolledBack")])
def test_versions_take_turns_where_there_is_room_for_few(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch, instances: int, end: str
) -> None:
    create = world.transforms.create

    def if_there_is_room(request: Mapping[str, Any]) -> bool:
        if sum(not job.has_ended for job in world.transforms.jobs.values()) >= instances:
            raise NoCapacityError("ResourceLimitExceeded: the account-level service limit has been reached")
        return create(request)

    monkeypatch.setattr(world.transforms, "create", if_there_is_room)
    assert approval(world, by_age) == end
    assert instances or "was not scored within 6:00:00" in outcome_of(world, "fraud-2-1")[1]
    assert approvals(world) == {1: "Approved", 2: "Approved"}


def test_what_both_versions_fail_at_is_no_proof_for_the_new_one(world: SluiceWorld) -> None:
    world.transforms.answers["sluice-dev-fraud-1-1-model"] = broken
    assert approval(world, broken) == "RolledBack"
    assert "version in use as well" in outcome_of(world, "fraud-2-1")[1]


def test_a_gate_opens_only_after_the_comparison_which_is_reported_once(world: SluiceWorld) -> None:
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, rollout=replace(spec.rollout, gate="human"))
    looks = 0

    def person(name: str) -> None:
        nonlocal looks
        looks += name == "WaitForFleet"
        if looks == 8:
            world.ports.store.open_gate(RolloutId.required("fraud-2-1"), 0, world.clock.now())

    world.transforms.answers[NEW] = slightly_more
    assert world.play(world.approve(2), on_state=person) == "Promoted"
    assert looks >= 8
    published_in_order = [kind for kind, _ in world.events.published]
    assert published_in_order.count("BatchVersionCompared") == 1
    assert len(compared_in_logs(world)) == 1
    assert published_in_order.index("BatchVersionCompared") < published_in_order.index("RolloutWaitsForGate")


def test_the_gate_of_a_batch_model_is_shown_as_what_holds_it_so_that_a_person_can_open_it(world: SluiceWorld) -> None:
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, rollout=replace(spec.rollout, gate="human"))
    holds: list[Hold] = []

    def person(name: str) -> None:
        record = world.ports.store.get(RolloutId.required("fraud-2-1"))
        if name == "WaitForFleet" and record.compared_at and record.held_by is not None:
            holds.append(record.held_by)
            world.ports.store.open_gate(record.id, record.held_by.gate, world.clock.now())

    world.transforms.answers[NEW] = slightly_more
    assert world.play(world.approve(2), on_state=person) == "Promoted"
    assert [(each.by, each.gate) for each in holds] == [("human", 0)]


def test_without_an_earlier_input_there_is_nothing_to_compare() -> None:
    world = batch_world()
    put_input(world)
    assert approval(world, broken) == "Promoted"
    assert world.transforms.jobs == {}


def test_an_input_that_is_gone_compares_nothing(world: SluiceWorld) -> None:
    for key in [key for key in world.bucket.objects if "/input/" in key]:
        del world.bucket.objects[key]
    assert approval(world, by_age) == "Promoted"
    assert "BatchVersionCompared" not in world.events.kinds()


def test_a_sample_that_is_never_scored_rolls_back_and_its_jobs_are_stopped(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.transforms, "settle", lambda: None)
    assert approval(world, by_age) == "RolledBack"
    assert "was not scored within 6:00:00" in outcome_of(world, "fraud-2-1")[1]
    assert {job.status for name, job in world.transforms.jobs.items() if "fraud-2-1" in name} == {"Stopped"}


def test_an_approval_taken_back_while_the_sample_is_scored_ends_the_rollout(world: SluiceWorld) -> None:
    def take_back(name: str) -> None:
        if name == "WaitForFleet":
            (arn,) = [arn for arn, each in world.registry.packages.items() if each.version == 2]
            world.registry.reject(arn, "on second thoughts")

    world.transforms.answers[NEW] = by_age
    assert world.play(world.approve(2), on_state=take_back) == "RolledBack"
    assert outcome_of(world, "fraud-2-1")[0] == "withdrawn"
    assert next_model(world) == "sluice-dev-fraud-1-1-model"


def test_rejecting_the_current_version_brings_the_last_good_one_back_without_a_comparison(world: SluiceWorld) -> None:
    approval(world, by_age)
    (arn,) = [arn for arn, each in world.registry.packages.items() if each.version == 2]
    world.registry.reject(arn, "wrong after all")
    detail = {"ModelPackageArn": arn, "ModelApprovalStatus": "Rejected"}
    rollout = open_rollout({"detail": detail}, world.ports)["rollout"]
    before = len(world.transforms.jobs)
    assert world.play(rollout) == "Promoted"
    assert (live_version("fraud", world.ports), len(world.transforms.jobs)) == (1, before)


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
@pytest.mark.parametrize("answer", [slightly_more, broken], ids=["promoted", "rolled back"])
def test_one_fault_anywhere_changes_nothing(answer: Answer, after_effect: bool) -> None:
    def rolled_out(at: int) -> tuple[dict[str, object], int]:
        world = after_a_run()
        world.transforms.answers[NEW] = answer
        rollout = world.approve(2)
        world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, after_effect
        world.play(rollout)
        calls, world.faults.at = world.faults.seen, 0
        compared = [detail for kind, detail in world.events.published if kind == "BatchVersionCompared"]
        return {
            "outcome": world.ports.store.get(RolloutId.required(rollout)).outcome,
            "approvals": {each.version: each.approval for each in world.registry.packages.values()},
            "models": set(world.hosting.models),
            "jobs": set(world.transforms.jobs),
            "lock": world.ports.locks.holder("sluice-dev-fraud"),
            "difference": compared[-1:],
            "next": next_model(world),
        }, calls

    expected, calls = rolled_out(0)
    assert calls > 20, "the story has to touch AWS for this to mean anything"
    for at in range(1, calls + 1):
        assert rolled_out(at)[0] == expected, f"after a fault at call {at} of {calls}"


def test_answers_are_compared_wherever_below_the_output_folder_they_lie() -> None:
    world = after_a_run()
    world.transforms.between = "fraud-2-1/"
    assert approval(world, by_age) == "Promoted"
    assert told(world, "BatchVersionCompared")["difference"]["rows"] > 0
