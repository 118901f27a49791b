"""Every sample under events/ is fed to its function, and the template's rules take exactly those they should."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse
from sluice.aws.metric_data import Counts
from sluice.rollout.model.record import FenceKind
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from functions.abort_rollout.app import run as roll_back
from functions.announce_pending_version.app import run as announce_pending
from functions.handle_async_result.app import run as handle_async_result
from functions.open_rollout.app import run as open_rollout
from functions.record_outcome.app import run as record_outcome
from functions.record_pipeline_run.app import run as on_pipeline_status
from functions.start_pipeline.app import run as start_pipeline
from functions.sweep.app import run as sweep
from localaws.services.cloudformation.template.intrinsics import TemplateScope, evaluate
from localaws.services.events.matching import matches
from localaws.services.events.pattern import check_pattern
from tests.builders.batch_sample_events import RESULTS, RESULTS_NOT_DELIVERED, STARTS, STARTS_NOT_DELIVERED
from tests.builders.run_examples import succeeded
from tests.fakes.ab_world import counts_of, world_under_test
from tests.fakes.sluice_world import SPEC, TASKS, SluiceWorld, sluice_world

ROOT = Path(__file__).parents[2]
SAMPLES = {str(path.relative_to(ROOT / "events").with_suffix("")): path for path in ROOT.glob("events/*/*.json")}
RULES: dict[str, Any] = {
    name: resource["Properties"]
    for name, resource in yaml_parse((ROOT / "template.yaml").read_text())["Resources"].items()
    if resource["Type"] == "AWS::Events::Rule" and "EventPattern" in resource["Properties"]
}
ROLLOUT = "fraud-7-1"
ROLLOUT_ID = RolloutId.required(ROLLOUT)
ACCOUNT, REGION = "123456789012", "us-east-1"
BUCKET = f"sluice-dev-{ACCOUNT}-{REGION}"


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SAMPLES[name].read_text())
    return found


def failed(result: Mapping[str, Any]) -> list[str]:
    return [each["itemIdentifier"][-1] for each in result["batchItemFailures"]]


# ---- uploads: how many pipelines start, which messages go back to the queue, what is published

UPLOADS = {
    "one-file": (1, [], ["PipelineStarted"]),
    "unicode-and-space-in-key": (1, [], ["PipelineStarted"]),
    "multipart-upload": (1, [], ["PipelineStarted"]),
    "several-files-of-two-models": (2, [], ["PipelineStarted", "PipelineStarted"]),
    "folder-marker": (0, [], []),
    "empty-file": (0, [], ["DataRejected"]),
    "unknown-model": (0, [], ["DataRejected"]),
    "message-that-is-no-event": (1, ["1"], ["PipelineStarted"]),
}


@pytest.mark.parametrize("case", UPLOADS)
def test_uploads(case: str) -> None:
    started, returned, published = UPLOADS[case]
    world = sluice_world()
    world.bucket.name = BUCKET
    world.specs.specs["house-prices"] = ModelSpec.parse({**SPEC.to_json(), "name": "house-prices"})
    event = sample(f"start_pipeline/{case}")
    for record in event["Records"]:
        if record["body"].startswith("{"):
            uploaded = json.loads(record["body"])["detail"]["object"]
            world.bucket.objects[uploaded["key"]] = b"age,risk\n30,1\n" if uploaded["size"] else b""
            world.bucket.versions[uploaded["key"]] = uploaded["version-id"]
    assert failed(start_pipeline(event, world.ports)) == returned
    waited = [{"messageId": "m", "body": json.dumps(message)} for message, _ in world.ports.wakeups.again]
    assert failed(start_pipeline({"Records": waited}, world.ports)) == []
    world.wake()
    assert len(world.pipelines.started) == started
    assert [kind for kind, _ in world.events.published] == published


def test_a_key_reaches_the_manifest_as_it_was_written() -> None:
    world = sluice_world()
    world.bucket.name = BUCKET
    event = sample("start_pipeline/unicode-and-space-in-key")
    uploaded = delivered("start_pipeline/unicode-and-space-in-key")[0]["detail"]["object"]
    world.bucket.objects["data/fraud/März 2026/teil a+b.csv"] = b"age,risk\n30,1\n"
    world.bucket.versions[uploaded["key"]] = uploaded["version-id"]
    start_pipeline(event, world.ports)
    world.wake()
    (body,) = (body for key, body in world.bucket.objects.items() if key.endswith(".manifest"))
    assert json.loads(body) == [{"prefix": f"s3://{BUCKET}/data/fraud/"}, "März 2026/teil a+b.csv"]


OTHER_MESSAGES = {"wake-up": [], "train-requested": ["TrainingRefused"], "schedule-fired": ["TrainingRefused"]}


@pytest.mark.parametrize("case", OTHER_MESSAGES)
def test_other_messages_start_nothing_without_data(case: str) -> None:
    world = sluice_world()
    assert failed(start_pipeline(sample(f"start_pipeline/{case}"), world.ports)) == []
    assert len(world.pipelines.started) == 0
    assert [kind for kind, _ in world.events.published] == OTHER_MESSAGES[case]


@pytest.mark.parametrize("name", [name for name in SAMPLES if "Records" in sample(name)])
def test_a_message_is_whole(name: str) -> None:
    for record in sample(name)["Records"]:
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()


# ---- results of asynchronous requests: which messages go back, what is published, how many tries are booked

ASYNC_RESULTS: dict[str, tuple[list[str], list[str], int]] = {
    "completed": ([], ["AsyncResultReady"], 0),
    "completed-without-inference-id": ([], ["AsyncResultReady"], 0),
    "server-error": ([], [], 1),
    "client-error": ([], ["AsyncResultFailed"], 0),
    "input-not-found": ([], ["AsyncResultFailed"], 0),
    "payload-sent-with-the-call": ([], ["AsyncResultFailed"], 0),
    "test-notification": ([], [], 0),
    "try-again": ([], [], 1),
    "of-another-stage": (["0"], [], 0),
    "several-and-one-that-is-none": (["2"], ["AsyncResultReady"], 1),
}


@pytest.mark.parametrize("case", ASYNC_RESULTS)
def test_async_results(case: str) -> None:
    returned, published, booked = ASYNC_RESULTS[case]
    world = sluice_world()
    assert failed(handle_async_result(sample(f"handle_async_result/{case}"), world.ports)) == returned
    assert world.events.kinds() == published
    assert len(world.async_queue.sent) == booked


def test_a_notification_without_an_inference_id_has_the_one_that_sagemaker_made() -> None:
    world = sluice_world()
    handle_async_result(sample("handle_async_result/completed-without-inference-id"), world.ports)
    assert world.ports.results.get("6f1c2b3a-0000-4a4a-9a9a-000000000001") is not None


# ---- approvals

APPROVALS = {
    "approved": "rollout",
    "approved-without-updated-fields": "rollout",
    "note-on-approved-version": "ignored",
    "registered-pending": "ignored",
    "rejected": "ignored",
    "approved-in-another-group": "ignored",
}


@pytest.mark.parametrize("case", APPROVALS)
def test_approvals(case: str) -> None:
    world = sluice_world()
    event = sample(f"open_rollout/{case}")
    world.registry.add(event["detail"]["ModelPackageGroupName"], 7, event["detail"]["ModelApprovalStatus"])
    result = open_rollout(event, world.ports)
    assert list(result) == [APPROVALS[case]]
    assert world.executions.started == ([ROLLOUT] if APPROVALS[case] == "rollout" else [])


# ---- versions that wait for a person, and what pipelines do: what is published

PENDING = {
    "registered": ["ModelPending"],
    "put-back-to-pending": ["ModelPending"],
    "note-on-waiting-version": [],
    "of-another-group": [],
}
STATUSES = {
    "started": [],
    "step-succeeded": [],
    "step-from-cache": [],
    "step-failed": [],
    "succeeded": ["PipelineSucceeded"],
    "failed": ["PipelineFailed"],
    "stopped": ["PipelineFailed"],
    "completed-with-failures": ["PipelineFailed"],
    "of-another-pipeline": [],
}
NO_STATUS = {"step-started"}  # the rule keeps it away: it tells nothing that the step's end does not


@pytest.mark.parametrize("case", PENDING)
def test_versions_that_wait(case: str) -> None:
    world = sluice_world()
    event = sample(f"announce_pending_version/{case}")
    world.registry.add(event["detail"]["ModelPackageGroupName"], 7, "PendingManualApproval")
    for _ in range(2):
        announce_pending(event, world.ports)
    assert [kind for kind, _ in world.events.published] == PENDING[case]


@pytest.mark.parametrize("case", STATUSES)
def test_statuses_of_pipelines(case: str) -> None:
    world = sluice_world()
    world.registry.add("sluice-dev-fraud", 7, "PendingManualApproval")
    event = sample(f"record_pipeline_run/{case}")
    execution = event["detail"]["pipelineExecutionArn"]
    status = event["detail"].get("currentPipelineExecutionStatus", "Executing")
    world.run_reader.executions[execution] = replace(succeeded(), execution=execution, status=status)
    for _ in range(2):
        on_pipeline_status(event, world.ports)
    assert [kind for kind, _ in world.events.published] == STATUSES[case]


# ---- outcomes of an A/B test: how many are counted, and how many are parked

OUTCOMES = {
    "conversion": (1, 0),
    "by-version-from-a-shop": (1, 0),
    "several-and-one-twice": (2, 0),
    "of-another-metric": (0, 0),
    "of-a-model-without-a-test": (0, 0),
    "of-another-variant": (0, 1),
    "without-variant": (0, 1),
    "value-that-is-none": (0, 1),
    "message-that-is-no-event": (0, 1),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_outcomes(case: str) -> None:
    counted, parked = OUTCOMES[case]
    world = world_under_test()
    for _ in range(2):
        assert failed(record_outcome(sample(f"record_outcome/{case}"), world.ports)) == []
    assert sum(each.count for variant in ("v6", "v7") for each in counts_of(world, variant)) == counted
    assert len(world.refused_outcomes.messages) == 2 * parked


# ---- what stops a rollout, and the tasks of the state machine: fed to a rollout that stands in a certain state


class Reached(Exception):
    """The rollout stands where the sample finds it."""


def world_at(state: str, visit: int = 1) -> SluiceWorld:
    """Version 6 is live, version 7 has been approved, and its execution is about to enter ``state``."""
    world = sluice_world()
    world.live(6)
    world.metrics.per_period = {"v6": Counts(1800, 2), "v7": Counts(1000, 0)}
    visits = 0

    def stop(name: str) -> None:
        nonlocal visits
        visits += name == state
        if visits == visit:
            raise Reached

    assert world.approve(7) == ROLLOUT
    with pytest.raises(Reached):
        world.play(ROLLOUT, on_state=stop)
    world.hosting.settle()
    return world


STOPS: dict[str, tuple[FenceKind | None, bool]] = {
    "error-alarm-rang": ("alarm", True),
    "plain-metric-alarm-rang": ("alarm", True),
    "alarm-set-by-hand": ("alarm", True),
    "alarm-of-the-users-rang": ("alarm", True),
    "composite-alarm-follows-ours": (None, False),
    "alarm-is-ok-again": (None, False),
    "alarm-of-no-rollout": (None, False),
    "execution-failed": ("failed", True),
    "execution-timed-out": ("failed", True),
    "execution-aborted": ("failed", True),
    "restoring-execution-failed": ("failed", True),
    "person-stopped-it": ("aborted", True),
}
NOT_DELIVERED = {"execution-started", "execution-of-another-machine"}  # the rules keep them away


@pytest.mark.parametrize("case", STOPS)
def test_stops(case: str) -> None:
    kind, moved = STOPS[case]
    world = world_at("Bake")
    if kind == "aborted":  # as `sluice abort` does before it sends the event, which is only a hint
        world.ports.store.fence(ROLLOUT_ID, "aborted", "aborted by ada", world.clock.now())
    result = roll_back(sample(f"abort_rollout/{case}"), world.ports)
    record = world.ports.store.get(ROLLOUT_ID)
    assert (record.fence and record.fence.kind) == kind
    assert (result.get("moved") == "weights") is moved
    restarted = {"execution-failed", "execution-timed-out", "execution-aborted"}
    expected = f"{ROLLOUT}-restore-1" if case in restarted else f"{ROLLOUT}-restore-3"
    assert (expected in world.executions.started) is (kind == "failed")


TASKS_AT: dict[str, tuple[Callable[[], SluiceWorld], str]] = {
    "plan_rollout/task": (partial(world_at, "PlanRollout"), "READY"),
    "provision_candidate/task": (partial(world_at, "ProvisionCandidate"), "WAIT"),
    "shift_traffic/first-stage": (partial(world_at, "ShiftTraffic"), "WAIT"),
    "shift_traffic/second-stage": (partial(world_at, "ShiftTraffic", 3), "WAIT"),
    "analyze_stage/first-stage": (partial(world_at, "AnalyzeStage"), "HOLD"),
    "analyze_stage/second-stage": (partial(world_at, "PromoteCandidate"), "PROMOTE"),
    "promote_candidate/task": (partial(world_at, "PromoteCandidate"), "WAIT"),
}
RESTORED = {
    "fenced-by-an-alarm": "the rollout failed",
    "step-gave-up": "endpoint sluice-dev-fraud was changed by hand: it uses tuned-by-hand",
    "task-raised": "endpoint sluice-dev-fraud is Failed (out of capacity); delete it and approve again",
    "task-timed-out": "a step did not end in time",
    "asked-again": "endpoint sluice-dev-fraud is Failed (out of capacity); delete it and approve again",
    "replacement-execution": "the rollout failed",
}


@pytest.mark.parametrize("name", TASKS_AT)
def test_tasks(name: str) -> None:
    make, status = TASKS_AT[name]
    task = TASKS["".join(word.capitalize() for word in name.split("/", maxsplit=1)[0].split("_"))]
    assert task(sample(name), make().ports)["status"] == status


@pytest.mark.parametrize("case", RESTORED)
def test_restoring_keeps_the_reason_in_words(case: str) -> None:
    world = world_at("AnalyzeStage")
    assert TASKS["RollBack"](sample(f"roll_back/{case}"), world.ports)["status"] == "WAIT"
    fence = world.ports.store.get(ROLLOUT_ID).fence
    assert fence is not None
    assert fence.reason == RESTORED[case]


def test_the_sweep_has_nothing_to_say_where_nothing_happened() -> None:
    found = sweep(sample("sweep/scheduled"), sluice_world().ports)
    assert found == {"findings": [], "swept": 1, "left": 0}


def test_every_function_has_samples_and_every_sample_is_fed_to_its_function() -> None:
    fed = {
        *(f"start_pipeline/{case}" for case in {**UPLOADS, **OTHER_MESSAGES}),
        *(f"open_rollout/{case}" for case in APPROVALS),
        *(f"announce_pending_version/{case}" for case in PENDING),
        *(f"record_pipeline_run/{case}" for case in {*STATUSES, *NO_STATUS}),
        *(f"abort_rollout/{case}" for case in {*STOPS, *NOT_DELIVERED}),
        *(f"roll_back/{case}" for case in RESTORED),
        *TASKS_AT,
        *(f"handle_async_result/{case}" for case in ASYNC_RESULTS),
        *(f"record_outcome/{case}" for case in OUTCOMES),
        "sweep/scheduled",
        *(f"start_batch/{case}" for case in {*STARTS, *STARTS_NOT_DELIVERED}),
        *(f"complete_batch/{case}" for case in {*RESULTS, *RESULTS_NOT_DELIVERED}),
    }
    assert set(SAMPLES) == fed
    assert {name.split("/")[0] for name in SAMPLES} == {path.parent.name for path in ROOT.glob("functions/*/app.py")}


# ---- the rules of the template

TAKEN = {
    "UploadRule": {f"start_pipeline/{case}" for case in UPLOADS},
    "ApprovalRule": {f"open_rollout/{case}" for case in APPROVALS}
    - {"open_rollout/approved-in-another-group"}
    | {f"announce_pending_version/{case}" for case in PENDING}
    - {"announce_pending_version/of-another-group"},
    "PendingRule": {f"announce_pending_version/{case}" for case in PENDING}
    - {"announce_pending_version/of-another-group"}
    | {"open_rollout/registered-pending"},
    "PipelineStatusRule": {f"record_pipeline_run/{case}" for case in STATUSES if "step" not in case}
    - {"record_pipeline_run/of-another-pipeline"},
    "PipelineStepRule": {f"record_pipeline_run/{case}" for case in STATUSES if "step" in case},
    "CanaryAlarmRule": {f"abort_rollout/{case}" for case in STOPS if "alarm" in case}
    - {"abort_rollout/alarm-is-ok-again"},
    "ExecutionEndedRule": {f"abort_rollout/{case}" for case in STOPS if "execution" in case},
    "AbortRule": {"abort_rollout/person-stopped-it"},
    "NotifyRule": set(),  # what it takes goes to people, to no function
    "BatchRequestedRule": {f"start_batch/{case}" for case in STARTS},
    "TransformEndedRule": {f"complete_batch/{case}" for case in RESULTS},
    "OutcomeRule": {f"record_outcome/{case}" for case in OUTCOMES} - {"record_outcome/message-that-is-no-event"},
}  # fmt: skip


def pattern_of(rule: str) -> dict[str, Any]:
    """The rule's pattern as deployed to stage dev."""
    refs = {
        "Stage": "dev",
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::AccountId": ACCOUNT,
        "DataBucket": BUCKET,
        "RolloutStateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:sluice-dev-rollout",
    }
    scope = TemplateScope(parameters=refs, mappings={}, conditions={}, ref=refs.__getitem__, attribute=lambda *_: None)
    pattern: dict[str, Any] = evaluate(RULES[rule]["EventPattern"], scope)
    check_pattern(pattern)
    return pattern


def delivered(name: str) -> list[dict[str, Any]]:
    """The events in a sample as EventBridge saw them; none for a task's payload."""
    event = sample(name)
    if "Records" in event:
        return [json.loads(each["body"]) for each in event["Records"] if each["body"].startswith("{")]
    return [event] if "detail-type" in event else []


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_takes_exactly_its_samples(rule: str) -> None:
    pattern = pattern_of(rule)
    taken = {name for name in SAMPLES for event in delivered(name) if matches(pattern, event)}
    assert taken == TAKEN[rule]


NOT_OURS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "another bucket": ("UploadRule", "start_pipeline/one-file", {"bucket": {"name": "another"}}),
    "not data": ("UploadRule", "start_pipeline/one-file", {"object": {"key": "code/x.csv"}}),
    "another stage": ("ApprovalRule", "open_rollout/approved", {"ModelPackageGroupName": "sluice-prod-fraud"}),
    "its waiting version": (
        "PendingRule",
        "announce_pending_version/registered",
        {"ModelPackageGroupName": "sluice-prod-fraud"},
    ),
    "a step that goes on": ("PipelineStepRule", "record_pipeline_run/step-failed", {"currentStepStatus": "Executing"}),
    "its alarm": ("CanaryAlarmRule", "abort_rollout/error-alarm-rang", {"alarmName": "sluice-prod-fraud-7-1-errors"}),
    "success": ("ExecutionEndedRule", "abort_rollout/execution-failed", {"status": "SUCCEEDED"}),
}


@pytest.mark.parametrize(("rule", "name", "change"), NOT_OURS.values(), ids=NOT_OURS)
def test_a_rule_leaves_what_is_not_its_own(rule: str, name: str, change: dict[str, Any]) -> None:
    event = delivered(name)[0]
    assert matches(pattern_of(rule), event)
    event["detail"] = {**event["detail"], **change}
    assert not matches(pattern_of(rule), event)
