"""The pipeline that is checked on AWS is the one that ships."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

from conformance.account import Account
from conformance.facts.pipelines import SHIPPED, shipped

ACCOUNT = SimpleNamespace(
    region="us-east-1",
    image="image",
    bucket=lambda: "bucket",
    role=lambda: "arn:aws:iam::123456789012:role/r",
    name=lambda what: what,
)


def steps_of(definition: dict[str, Any]) -> dict[str, Any]:
    """Every step by name, those in the branches of a condition included."""
    found: dict[str, Any] = {}
    waiting = list(definition["Steps"])
    while waiting:
        step = waiting.pop()
        found[step["Name"]] = step
        for branch in ("IfSteps", "ElseSteps"):
            waiting += step.get("Arguments", {}).get(branch, [])
    return found


def test_the_definition_that_is_checked_is_the_one_that_ships() -> None:
    checked, ours = (steps_of(json.loads(text)) for text in (shipped(cast(Account, ACCOUNT)), SHIPPED.read_text()))
    assert checked.keys() == ours.keys()
    assert checked["FailPipeline"] == ours["FailPipeline"]
    assert "Steps.EvaluateModel" in json.dumps(checked["FailPipeline"]), "its message has a property of a step"
    assert "${" not in json.dumps(checked)
