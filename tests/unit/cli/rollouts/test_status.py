"""``sluice status``, ``versions`` and ``runs`` show what AWS has."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sluice.endpoint.scaling_requests import TRACKING
from sluice.endpoint.scaling_rules import INSTANCES
from sluice.endpoint.state import EndpointState, VariantState
from sluice.names import Names
from sluice.rollout.planning.planner import make_plan
from sluice.spec.model import ModelSpec

from cli.failures import NotFoundError
from cli.main import command_line
from cli.rollouts.evidence_view import evidence_lines, newest_analysis
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
        "Endpoint sluice-dev-fraud: none",
        "Rollouts: none",
        "Versions: none",
        "Runs: none",
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


LOOK = {
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


def test_watching_draws_until_it_is_interrupted(busy: FakeAws) -> None:
    drawn: list[int] = []

    def interrupt_later() -> None:
        drawn.append(1)
        if len(drawn) == 3:
            raise KeyboardInterrupt

    busy.on_sleep = interrupt_later
    with pytest.raises(KeyboardInterrupt):
        run(busy, "status", "fraud", "--watch")
    assert busy.shown.count("Endpoint sluice-dev-fraud") == 3


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
