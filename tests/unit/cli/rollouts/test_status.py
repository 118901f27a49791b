"""``sluice status``, ``versions`` and ``runs`` show what AWS has."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any

import pytest
from sluice.endpoint.scaling_requests import TRACKING
from sluice.endpoint.scaling_rules import INSTANCES
from sluice.endpoint.state import EndpointState, VariantState
from sluice.names import Names
from sluice.pipeline_runs.run import PipelineRun, StepRun
from sluice.rollout.planning.planner import make_plan
from sluice.spec.model import ModelSpec

from cli.failures import NotFoundError
from cli.main import command_line
from cli.output import RichOutput
from cli.rollouts.evidence_view import evidence_lines, newest_analysis
from cli.rollouts.status_sections import fit, folded_history, section
from tests.builders.aws_clients import client_error
from tests.builders.fake_aws import START, FakeAws
from tests.builders.spec_examples import spec_with

BASELINE = VariantState(name="v1", weight=100.0, desired_count=1, instance_type="ml.m5.large", model="m1")
LIVE = EndpointState(name="sluice-dev-fraud", status="InService", config="c1", variants=(BASELINE,))
PLAN = make_plan(ModelSpec.parse(spec_with()), Names("dev"), "fraud-2-1", 2, LIVE)


def run(aws: FakeAws, *words: str, output: str = "text") -> int:
    arguments = command_line({}).parse_args(words)
    return int(arguments.run(arguments, aws.session(output)))


def told(aws: FakeAws) -> Any:
    return json.loads(aws.shown)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def fresh() -> FakeAws:
    aws = FakeAws()
    aws.ssm.parameters["/sluice/dev/models/fraud"] = json.dumps(spec_with())
    return aws


@pytest.fixture
def busy(fresh: FakeAws) -> FakeAws:
    """Version 2 has a tenth of the traffic in its first stage."""
    fresh.sagemaker.groups.add("sluice-dev-fraud")
    fresh.sagemaker.register("sluice-dev-fraud", 1, "Approved")
    fresh.sagemaker.register("sluice-dev-fraud", 2, "Approved", ApprovalDescription="looks good")
    fresh.sagemaker.pipelines["sluice-dev-fraud"] = {"PipelineDefinition": "{}"}
    steps = (("PreprocessData", "Succeeded"), ("TrainModel", "Succeeded"))
    fresh.sagemaker.run("arn:…/execution/run2", {}, steps)
    fresh.sagemaker.endpoints["sluice-dev-fraud"] = {
        "EndpointName": "sluice-dev-fraud",
        "EndpointStatus": "InService",
        "EndpointConfigName": "sluice-dev-fraud-2-1-canary",
        "ProductionVariants": [
            {"VariantName": "v1", "DesiredWeight": 90.0, "DesiredInstanceCount": 1},
            {"VariantName": "v2", "DesiredWeight": 10.0, "DesiredInstanceCount": 1},
        ],
    }
    record = {
        "pk": "MODEL#fraud",
        "sk": "ROLLOUT#0000002#001",
        "id": "fraud-2-1",
        "package_arn": "arn:…/2",
        "endpoint": "sluice-dev-fraud",
        "phase": "baking",
        "stage": "0",
        "opened_at": START.isoformat(),
        "approved_at": START.isoformat(),
        "rollout_plan": json.dumps(PLAN.to_json()),
    }
    line = {
        "pk": "ROLLOUT#fraud-2-1",
        "sk": "ENTRY#shift-0",
        "at": START.isoformat(),
        "text": "10% moved",
        "data": "{}",
    }
    fresh.dynamodb.items = [{name: {"S": value} for name, value in item.items()} for item in (record, line)]
    return fresh


def test_a_model_that_was_only_applied_has_nothing_yet(fresh: FakeAws) -> None:
    assert run(fresh, "status", "fraud") == 0
    assert fresh.shown.splitlines() == [
        "fraud has had no rollout yet",
        "Endpoint sluice-dev-fraud: none",
        "No runs and no versions yet: `sluice train fraud --data FILE` starts one",
    ]


def test_a_rollout_under_way_is_shown_with_its_traffic(busy: FakeAws) -> None:
    assert run(busy, "status", "fraud") == 0
    assert "v2       10%" in busy.shown
    assert "fraud-2-1  baking, stage 1 of 2 at 10%" in busy.shown
    assert "10% moved" in busy.shown
    assert "looks good" in busy.shown
    assert "TrainModel" in busy.shown


def scale(aws: FakeAws, variant: str, policy: str) -> None:
    resource = f"endpoint/sluice-dev-fraud/variant/{variant}"
    target = {"ServiceNamespace": "sagemaker", "ResourceId": resource, "ScalableDimension": INSTANCES}
    aws.scaling.targets.append({**target, "MinCapacity": 1, "MaxCapacity": 20})
    aws.scaling.policies[resource] = policy


def test_the_range_of_each_variant_is_shown(busy: FakeAws) -> None:
    scale(busy, "v1", TRACKING)
    scale(busy, "v2", "mine")
    assert run(busy, "status", "fraud") == 0
    shown = {line.split()[0]: line for line in busy.shown.splitlines() if line.split()[0] in ("v1", "v2")}
    assert "1 to 20" in shown["v1"]
    assert "by hand" not in shown["v1"]
    assert "1 to 20 by hand" in shown["v2"]


def test_who_may_not_see_what_is_scaled_sees_the_rest(busy: FakeAws) -> None:
    busy.scaling.is_denied = True
    assert run(busy, "status", "fraud") == 0
    assert "v2       10%" in busy.shown


LOOK: dict[str, Any] = {
    "at": START.isoformat(),
    "key": "look-1",
    "text": "hold: errors: not proven yet",
    "data": {
        "findings": [
            {"name": "traffic", "answer": "ABSTAIN", "reason": "90 of 1,000 requests", "numbers": {}},
            {
                "name": "errors",
                "answer": "HOLD",
                "reason": "not proven yet: neither; canary 1 errors",
                "numbers": {
                    "harm": 0.2,
                    "harm_needed": 3.44,
                    "safe": -800.0,
                    "safe_needed": 3.0,
                    "requests": [500, 4500],
                    "requests_needed": 1200,
                },
            },
        ]
    },
}


def test_a_running_rollout_is_shown_with_its_evidence(busy: FakeAws) -> None:
    look = {"pk": "ROLLOUT#fraud-2-1", "sk": "ENTRY#look-1", "at": LOOK["at"], "text": LOOK["text"]}
    look["data"] = json.dumps(LOOK["data"])
    busy.dynamodb.items.append({name: {"S": value} for name, value in look.items()})
    run(busy, "status", "fraud")
    shown = " ".join(busy.shown.split())
    assert "errors HOLD 1.2 of 31 0 of 20 500 / 4,500 about 1,200 not proven yet: neither" in shown
    assert "traffic ABSTAIN 90 of 1,000 requests" in shown


def test_the_newest_analysis_is_shown_and_evidence_beyond_counting_is_readable() -> None:
    assert newest_analysis([]) is None
    assert newest_analysis([LOOK, {**LOOK, "key": "look-2"}, {"key": "shifted-1", "data": {}}]) == {
        **LOOK,
        "key": "look-2",
    }
    numbers = {"harm": 9999.0, "harm_needed": 3.44, "safe": 2.0, "safe_needed": 3.0}
    line = {**LOOK, "data": {"findings": [{"name": "errors", "answer": "ROLL_BACK", "numbers": numbers}]}}
    assert list(evidence_lines(line)) == ["errors ROLL_BACK, harm over 1,000,000 of 31, safety 7.4 of 20"]


def test_programs_get_the_same_as_one_document(busy: FakeAws) -> None:
    assert run(busy, "status", "fraud", output="json") == 0
    (model,) = told(busy)["models"]
    assert [(one["name"], one["share"]) for one in model["endpoint"]["variants"]] == [("v1", 0.9), ("v2", 0.1)]
    assert (model["rollouts"][0]["phase"], model["rollouts"][0]["outcome"]) == ("baking", None)
    assert [one["version"] for one in model["versions"]] == ["fraud/2", "fraud/1"]
    assert [one["name"] for one in model["runs"][0]["steps"]] == ["PreprocessData", "TrainModel"]


def test_without_a_model_all_are_listed(busy: FakeAws) -> None:
    busy.ssm.parameters["/sluice/dev/models/prices"] = json.dumps(spec_with(("name", "prices")))
    assert run(busy, "status") == 0
    rows = [line.split("  ") for line in busy.shown.splitlines()]
    assert [row[1] for row in rows[2:]] == ["fraud", "prices"]
    assert "v1 90%, v2 10%" in busy.shown


def watch(aws: FakeAws, *events: Callable[[], None], output: str = "text", words: str = "status fraud --watch") -> None:
    """Watch while one thing after the other happens between two looks, and interrupt it after the last."""
    left = list(events)

    def next_event() -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    aws.on_sleep = next_event
    with pytest.raises(KeyboardInterrupt):
        run(aws, *words.split(), output=output)


def nothing() -> None:
    """As most of the time."""


def test_watching_in_a_pipe_prints_what_has_changed_and_nothing_twice(busy: FakeAws) -> None:
    def move_on() -> None:
        change(busy, stage="1")
        endpoint = busy.sagemaker.endpoints["sluice-dev-fraud"]
        for variant, weight in zip(endpoint["ProductionVariants"], (50.0, 50.0), strict=True):
            variant["DesiredWeight"] = weight

    watch(busy, nothing, move_on, nothing)
    lines = busy.shown.splitlines()
    assert len(lines) == len(set(lines))
    first = lines.index("fraud-2-1  baking, stage 2 of 2 at 50%")
    assert [" ".join(line.split()) for line in lines[first:]] == [
        "fraud-2-1 baking, stage 2 of 2 at 50%",
        "v1 50% 1",
        "v2 50% 1",
    ]


def test_programs_that_watch_get_a_document_when_something_has_changed(busy: FakeAws) -> None:
    watch(busy, nothing, nothing, lambda: change(busy, stage="1"), nothing, output="json")
    states = [json.loads(line)["models"][0]["rollouts"][0]["state"] for line in busy.shown.splitlines()]
    assert states == ["baking, stage 1 of 2 at 10%", "baking, stage 2 of 2 at 50%"]


class Counted:
    """A client whose calls are counted."""

    def __init__(self, client: Any, calls: list[str]) -> None:
        self._client, self._calls = client, calls

    def __getattr__(self, name: str) -> Any:
        if not callable(getattr(self._client, name)):
            return getattr(self._client, name)

        def call(**request: Any) -> Any:
            self._calls.append(name)
            return getattr(self._client, name)(**request)

        return call


@pytest.mark.parametrize(("words", "most"), [("status fraud --watch", 600), ("status --watch", 700)])
def test_watching_for_ten_minutes_asks_aws_seldom(busy: FakeAws, words: str, most: int) -> None:
    """Once it was 19 calls every two seconds: 5,700."""
    calls: list[str] = []
    session = busy.session()

    def sleep(seconds: float) -> None:
        session.sleep(seconds)
        if busy.clock > START + timedelta(minutes=10):
            raise KeyboardInterrupt

    def client(service: str) -> Any:
        return Counted(session.clients(service), calls)

    arguments = command_line({}).parse_args(words.split())
    with pytest.raises(KeyboardInterrupt):
        arguments.run(arguments, replace(session, sleep=sleep, clients=client))
    assert len(calls) < most


def test_watching_goes_on_when_aws_asks_for_fewer_calls(busy: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    describe, waited = busy.sagemaker.describe_endpoint, []

    def refuse(**_request: Any) -> Any:
        raise client_error("DescribeEndpoint", "ThrottlingException", "Rate exceeded")

    def recover() -> None:
        waited.append(busy.clock)
        monkeypatch.setattr(busy.sagemaker, "describe_endpoint", describe)

    watch(busy, lambda: monkeypatch.setattr(busy.sagemaker, "describe_endpoint", refuse), nothing, recover, nothing)
    assert "Rate exceeded" in busy.shown
    assert waited[0] > START + timedelta(seconds=6)


def look_at(minute: int, reason: str, stage: int = 0) -> dict[str, Any]:
    at = (START + timedelta(minutes=minute)).isoformat()
    finding = {"name": "errors", "answer": "HOLD", "reason": reason, "numbers": LOOK["data"]["findings"][1]["numbers"]}
    quiet: list[dict[str, Any]] = [
        {"name": name, "answer": "ABSTAIN", "reason": "quiet", "numbers": {}}
        for name in ("alarm", "traffic", "latency")
    ]
    return {"at": at, "text": f"hold: {reason}", "data": {"stage": stage, "findings": [*quiet, finding]}}


UNPROVEN = (
    "not proven yet: neither harm, nor that the canary fails less than 2 times as often as the baseline plus 1.00%"
)


@pytest.fixture
def long_canary(busy: FakeAws) -> FakeAws:
    """Version 2 has been in its first stage for 42 minutes, with a look each."""
    for minute in range(42):
        reason = (
            "baking until 03:14:05" if minute < 10 else f"errors: {UNPROVEN} of requests; about {minute} more needed"
        )
        line = look_at(minute, reason)
        item = {"pk": "ROLLOUT#fraud-2-1", "sk": f"ENTRY#look-{line['at']}", "at": line["at"], "text": line["text"]}
        item["data"] = json.dumps(line["data"])
        busy.dynamodb.items.append({name: {"S": value} for name, value in item.items()})
    for version in range(3, 9):
        busy.sagemaker.register("sluice-dev-fraud", version, ApprovalDescription="a reason of some length " * 4)
        busy.sagemaker.run(f"arn:…/execution/run{version}", {}, (("PreprocessData", "Succeeded"), ("Train", "Failed")))
    return busy


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(aws: FakeAws, monkeypatch: pytest.MonkeyPatch, columns: int, lines: int, *more: str) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(lines))
    monkeypatch.setenv("TERM", "dumb")
    screen = Terminal()
    session = replace(aws.session(), out=RichOutput(screen))
    arguments = command_line({}).parse_args(["status", "fraud", *more])
    if more:
        with pytest.raises(KeyboardInterrupt):
            arguments.run(arguments, replace(session, sleep=interrupted))
    else:
        assert arguments.run(arguments, session) == 0
    return screen.getvalue().splitlines()


def interrupted(_seconds: float) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (140, 24), (140, 50)])
@pytest.mark.parametrize("more", [(), ("--watch",)])
def test_a_long_canary_fits_on_the_screen_and_what_is_cut_is_said(
    long_canary: FakeAws, monkeypatch: pytest.MonkeyPatch, columns: int, lines: int, more: tuple[str, ...]
) -> None:
    shown = [line.rstrip() for line in on_terminal(long_canary, monkeypatch, columns, lines, *more)]
    assert sum(max(ceil(len(line) / columns), 1) for line in shown) < lines
    assert shown[0] == "fraud-2-1  baking, stage 1 of 2 at 10%"
    assert "not proven yet: neither harm" in shown[1]
    text = "\n".join(shown)
    assert "v2       10%" in text
    assert "errors    HOLD     1.2 of 31  0 of 20    500 / 4,500  about 1,200" in text
    assert "32 looks since 03:14:05: hold: errors: not proven yet" in text
    assert "9 looks since 03:05:05: hold: baking until 03:14:05" in text
    for command in ("versions", "runs") if lines == 24 else ():
        assert f"more: `sluice {command} fraud`" in text


def test_looks_that_say_the_same_are_one_line_and_the_newest_stands_first() -> None:
    shifted = {"at": START.isoformat(), "text": "version 2 has 10 %", "data": {}}
    looks = [look_at(1, "baking"), look_at(2, "baking"), look_at(3, "slow; 1 of 20"), look_at(4, "slow; 2 of 20")]
    rows = folded_history([shifted, *looks, look_at(5, "slow; 3 of 20", stage=1)], lambda at: f"{at:%H:%M}")
    assert rows == [
        ("03:09", "hold: slow; 3 of 20"),
        ("03:08", "2 looks since 03:07: hold: slow"),
        ("03:06", "2 looks since 03:05: hold: baking"),
        ("03:04", "version 2 has 10 %"),
    ]


def test_what_does_not_fit_is_named_and_what_is_first_gets_the_room() -> None:
    parts = [
        section("A", [("1",), ("2",), ("3",)], head=("n",), more="`a`"),
        section("B", [("1",)] * 9, more="`b`", total=20),
        section("C", [("1",)], more="`c`"),
    ]
    assert fit(parts, 99) == (parts, "")
    shown, left = fit(parts, 10)
    assert [(each.shown_title, len(each.rows)) for each in shown] == [("A", 3), ("B (18 more: `b`)", 2), ("C", 1)]
    assert left == ""
    shown, left = fit(parts, 6)
    assert [(each.shown_title, len(each.rows)) for each in shown] == [("A (2 more: `a`)", 1), ("B (19 more: `b`)", 1)]
    assert left == "Not shown: C, `c`"
    assert fit(parts, 2)[0] == []
    assert fit([section("A", [("1",)] * 9, least=3, more="`a`"), parts[2]], 5)[1] == "Not shown: C, `c`"


def test_files_in_quarantine_are_shown_with_their_reasons(busy: FakeAws) -> None:
    for number in range(7):
        key = f"quarantine/fraud/{number}.csv"
        busy.s3.objects[key] = b"x"
        told = {"reason": f"type: column 'age' of file {number}", "breaches": []}
        busy.s3.objects[key + ".reason.json"] = json.dumps(told).encode()
    run(busy, "status", "fraud")
    assert "Files in quarantine (2 more: `sluice data quarantine fraud`)" in busy.shown
    assert "6.csv" in busy.shown
    assert "type: column 'age' of file 6" in busy.shown


def test_a_failed_run_is_shown_with_what_the_gate_said(busy: FakeAws) -> None:
    arn = "arn:…/execution/run3"
    busy.sagemaker.run(arn, {}, (("Train", "Succeeded"), ("FailPipeline", "Failed")))
    busy.sagemaker.executions[0]["PipelineExecutionFailureReason"] = "Step failure: One or multiple steps failed."
    recorded = PipelineRun(
        model="fraud",
        execution=arn,
        status="Failed",
        started_at=START,
        modified_at=START,
        steps=(StepRun(name="FailPipeline", kind="Fail", status="Failed", ended_at=START, reason="missed the gate"),),
        metrics={"mse": 49.5},
        verdict="mae is 4.05, above the maximum of 4",
    )
    item = {"pk": "MODEL#fraud", "sk": "RUN#1#run3", "run": json.dumps(recorded.to_json())}
    busy.dynamodb.items.append({name: {"S": value} for name, value in item.items()})
    run(busy, "status", "fraud")
    reason = "FailPipeline: missed the gate; mse is 49.5; gate of the spec: mae is 4.05, above the maximum of 4"
    assert reason in busy.shown
    assert "One or multiple steps failed" not in busy.shown


@pytest.mark.parametrize("words", [("status", "fraud"), ("status",)])
def test_a_rejected_version_that_serves_is_said_to(busy: FakeAws, words: tuple[str, ...]) -> None:
    run(busy, *words)
    assert "Rejected" not in busy.shown
    arn = "arn:aws:sagemaker:us-east-1:1:model-package/sluice-dev-fraud/1"
    busy.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    run(busy, *words)
    told = "v1 is Rejected" if words == ("status",) else "Note: fraud/1 serves although it is Rejected, and nothing is"
    assert told in busy.shown


def test_a_rejected_version_that_is_being_replaced_is_said_to_be(busy: FakeAws) -> None:
    arn = "arn:aws:sagemaker:us-east-1:1:model-package/sluice-dev-fraud/2"
    busy.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    change(busy, fence_kind="aborted", fence_reason="aborted by ada", fence_at=START.isoformat())
    run(busy, "status", "fraud")
    assert "Note: fraud/2 is Rejected and serves until fraud-2-1 has ended" in busy.shown


def test_a_queued_rollout_says_what_it_waits_for(busy: FakeAws) -> None:
    queued = dict(busy.dynamodb.items[0])
    queued |= {"sk": {"S": "ROLLOUT#0000003#001"}, "id": {"S": "fraud-3-1"}, "phase": {"S": "queued"}}
    queued["opened_at"] = {"S": (START + timedelta(minutes=1)).isoformat()}
    busy.dynamodb.items.append(queued)
    run(busy, "status", "fraud")
    assert "waits for fraud-2-1 to end (baking, stage 1 of 2 at 10%)" in busy.shown
    busy.dynamodb.items.pop(0)
    run(busy, "status", "fraud")
    assert "begins when the endpoint is free" in busy.shown


def test_versions_and_runs_are_listed(busy: FakeAws) -> None:
    assert run(busy, "versions", "fraud", output="json") == 0
    assert [one["description"] for one in told(busy)["versions"]] == ["looks good", ""]
    busy.screen.truncate(0)
    busy.screen.seek(0)
    assert run(busy, "runs", "fraud", output="json") == 0
    assert [one["status"] for one in told(busy)["runs"]] == ["Succeeded"]


@pytest.mark.parametrize("command", ["status", "versions", "runs"])
def test_an_unknown_model_is_not_an_empty_one(fresh: FakeAws, command: str) -> None:
    with pytest.raises(NotFoundError, match="there are: fraud"):
        run(fresh, command, "froud")


HOLD = {
    "hold_by": "human",
    "hold_reason": "the gate of stage 1 waits for a person: sluice continue fraud",
    "hold_since": START.isoformat(),
    "hold_at": START.isoformat(),
    "hold_stage": "0",
    "hold_gate": "0",
}


def change(aws: FakeAws, **attributes: str) -> None:
    aws.dynamodb.items[0] |= {name: {"S": value} for name, value in attributes.items()}


def test_a_gate_that_waits_is_shown_with_what_to_type(busy: FakeAws) -> None:
    change(busy, **HOLD)
    run(busy, "status", "fraud")
    assert "waiting, stage 1 of 2 at 10%" in busy.shown
    assert "sluice continue fraud" in busy.shown


def test_programs_are_given_who_is_waited_for(busy: FakeAws) -> None:
    change(busy, **HOLD)
    run(busy, "status", "fraud", output="json")
    assert told(busy)["models"][0]["rollouts"][0]["waits_for"] == "human"


@pytest.mark.parametrize(
    "later", [{"gate_opened_0": START.isoformat()}, {"stage": "1"}, {"phase": "promoting"}], ids=str
)
def test_a_gate_that_is_passed_is_not_waited_for(busy: FakeAws, later: dict[str, str]) -> None:
    change(busy, **HOLD, **later)
    run(busy, "status", "fraud")
    assert "waiting" not in busy.shown


def test_a_paused_rollout_is_shown_as_paused(busy: FakeAws) -> None:
    said = {"command_kind": "pause", "command_by": "ada", "command_reason": "", "command_at": START.isoformat()}
    change(busy, **said)
    run(busy, "status", "fraud")
    assert "paused, stage 1 of 2 at 10%" in busy.shown
    assert "paused by ada; `sluice resume fraud` lets it go on" in busy.shown


@pytest.mark.parametrize(("outcome", "code"), [("promoted", 0), ("rolled_back", 1), ("superseded", 1), ("failed", 1)])
def test_watching_ends_with_the_rollout_and_tells_how_it_went(busy: FakeAws, outcome: str, code: int) -> None:
    frames: list[float] = []

    def end_after_two(_seconds: float) -> None:
        frames.append(_seconds)
        if len(frames) == 2:
            change(busy, phase="closed", outcome=outcome, closed_at=session.now().isoformat())

    session = replace(busy.session("text"), sleep=end_after_two)
    arguments = command_line({}).parse_args(["status", "fraud", "--watch"])
    assert arguments.run(arguments, session) == code
    assert len(frames) == 2
    assert "fraud-2-1  baking" in busy.shown
    assert f"fraud-2-1  {outcome}" in busy.shown


def test_a_rollout_that_ended_before_is_not_the_one_that_is_watched(busy: FakeAws) -> None:
    change(busy, phase="closed", outcome="promoted", closed_at=(START - timedelta(minutes=1)).isoformat())

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    session = replace(busy.session("text"), sleep=interrupt)
    arguments = command_line({}).parse_args(["status", "fraud", "--watch"])
    with pytest.raises(KeyboardInterrupt):
        arguments.run(arguments, session)


class _Alarms:
    """A CloudWatch with one alarm, which was made an hour ago and has never had data."""

    def describe_alarms(self, **_request: Any) -> dict[str, Any]:
        made = {"AlarmConfigurationUpdatedTimestamp": START, "StateTransitionedTimestamp": START}
        return {"MetricAlarms": [{"AlarmName": "orders-too-few", "StateValue": "INSUFFICIENT_DATA", **made}]}


def test_an_alarm_of_your_own_that_never_had_data_is_told_in_words(fresh: FakeAws) -> None:
    spec = spec_with(("rollout.alarms", {"also": ["orders-too-few"]}))
    fresh.ssm.parameters["/sluice/dev/models/fraud"] = json.dumps(spec)
    fresh.cloudwatch = _Alarms()
    assert run(fresh, "status", "fraud") == 0
    assert "Note: alarm orders-too-few of rollout.alarms.also has never had data" in " ".join(fresh.shown.split())
    fresh.screen.truncate(0)
    run(fresh, "status", "fraud", output="json")
    assert "has never had data" in fresh.shown
