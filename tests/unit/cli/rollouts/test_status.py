"""``sluice status``, ``versions`` and ``runs`` show what AWS has."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sluice.endpoint.scaling_requests import TRACKING
from sluice.endpoint.scaling_rules import INSTANCES
from sluice.names import Names
from sluice.pipeline_runs.run import PipelineRun, StepRun

from cli.failures import NotFoundError
from cli.main import command_line
from cli.rollouts.evidence_view import evidence_lines, newest_analysis
from tests.builders.aws_clients import client_error
from tests.builders.fake_aws import START, FakeAws
from tests.builders.spec_examples import spec_with
from tests.builders.status_stage import LOOK, change, fresh_stage, run

pytestmark = pytest.mark.usefixtures("in_utc")


def told(aws: FakeAws) -> Any:
    return json.loads(aws.shown)


@pytest.fixture
def fresh() -> FakeAws:
    return fresh_stage()


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


def test_what_a_removed_stack_has_left_is_noted(busy: FakeAws) -> None:
    busy.sagemaker.pipelines["sluice-dev-fraud"]["RoleArn"] = "arn:aws:iam::1:role/gone"
    run(busy, "status", "fraud")
    assert "Note: pipeline sluice-dev-fraud is of a removed stack" in busy.shown
    assert "`sluice apply models/fraud.yaml` repairs it" in busy.shown


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


def test_who_may_not_list_files_sees_the_rest(busy: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_request: Any) -> Any:
        raise client_error("ListObjectsV2", "AccessDenied")

    monkeypatch.setattr(busy.s3, "list_objects_v2", refuse)
    assert run(busy, "status", "fraud") == 0
    assert "v2       10%" in busy.shown


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
    change(busy, phase="closed", outcome="rolled_back")
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


def test_a_rejected_version_that_a_running_rollout_may_replace_is_said_to_serve_for_now(busy: FakeAws) -> None:
    """A canary beside it: neither is nothing about to take its place, nor is it sure to."""
    arn = "arn:aws:sagemaker:us-east-1:1:model-package/sluice-dev-fraud/1"
    busy.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    run(busy, "status", "fraud")
    assert "Note: fraud/1 serves although it is Rejected, until fraud-2-1 takes its place" in busy.shown


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


@pytest.mark.parametrize("command", ["train", "versions", "runs", "status"])
def test_where_nothing_is_deployed_the_model_is_not_to_blame(fresh: FakeAws, command: str) -> None:
    fresh.ssm.parameters.clear()
    with pytest.raises(NotFoundError, match="Nothing is deployed for stage dev in us-east-1"):
        run(fresh, command, "fraud")


def test_a_hint_is_typed_as_it_stands_whatever_the_stage(fresh: FakeAws) -> None:
    fresh.ssm.parameters["/sluice/prod/stack"] = fresh.ssm.parameters["/sluice/dev/stack"]
    session = replace(fresh.session(), names=Names("prod"))
    arguments = command_line({}).parse_args(["versions", "fraud"])
    with pytest.raises(NotFoundError, match=r"`sluice --stage prod apply models/fraud\.yaml` makes it"):
        arguments.run(arguments, session)


@pytest.mark.parametrize("command", ["status", "versions", "runs"])
def test_an_unknown_model_is_not_an_empty_one(fresh: FakeAws, command: str) -> None:
    with pytest.raises(NotFoundError, match="there are: fraud"):
        run(fresh, command, "froud")


HOLD = {
    "hold_by": "human",
    "hold_reason": "the gate of stage 1 waits for a person: `sluice continue fraud`",
    "hold_since": START.isoformat(),
    "hold_at": START.isoformat(),
    "hold_stage": "0",
    "hold_gate": "0",
}


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
