"""A stage in which a canary of fraud runs, for what ``sluice status`` shows of it."""

from __future__ import annotations

import json
from typing import Any

from sluice.endpoint.state import EndpointState, VariantState
from sluice.names import Names
from sluice.rollout.planning.planner import make_plan
from sluice.spec.model import ModelSpec

from cli.main import command_line
from tests.builders.fake_aws import START, FakeAws
from tests.builders.spec_examples import spec_with

BASELINE = VariantState(name="v1", weight=100.0, desired_count=1, instance_type="ml.m5.large", model="m1")
LIVE = EndpointState(name="sluice-dev-fraud", status="InService", config="c1", variants=(BASELINE,))
PLAN = make_plan(ModelSpec.parse(spec_with()), Names("dev"), "fraud-2-1", 2, LIVE)


def run(aws: FakeAws, *words: str, output: str = "text") -> int:
    arguments = command_line({}).parse_args(words)
    return int(arguments.run(arguments, aws.session(output)))


def fresh_stage() -> FakeAws:
    """Only applied."""
    aws = FakeAws()
    aws.ssm.parameters["/sluice/dev/models/fraud"] = json.dumps(spec_with())
    return aws


def busy_stage() -> FakeAws:
    """Version 2 has a tenth of the traffic in its first stage."""
    fresh = fresh_stage()
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


def change(aws: FakeAws, **attributes: str) -> None:
    aws.dynamodb.items[0] |= {name: {"S": value} for name, value in attributes.items()}


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
