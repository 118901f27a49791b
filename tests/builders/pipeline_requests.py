"""Reads a compiled pipeline definition as the service would: tokens filled, references resolved to made-up values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

TOKENS = {
    "DataBucket": "sluice-dev-data",
    "PipelineRoleArn": "arn:aws:iam::123456789012:role/sluice-dev-pipeline",
    "XGBoostImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5",
    "Region": "us-east-1",
    "Model": "fraud",
    "ModelPackageGroup": "sluice-dev-fraud",
    "DataContract": "s3://sluice-dev-data/contracts/fraud/0.json",
    "CodePrefix_preprocess": "s3://sluice-dev-data/code/tabular/0",
    "CodePrefix_train": "s3://sluice-dev-data/code/tabular/1",
    "CodePrefix_evaluate": "s3://sluice-dev-data/code/tabular/2",
}
EXECUTION = {"PipelineExecutionId": "abc123"}


def fill(committed: str) -> dict[str, Any]:
    """The definition with its tokens replaced; KeyError for an unknown one."""
    found: dict[str, Any] = json.loads(re.sub(r"\$\{(\w+)\}", lambda token: TOKENS[token[1]], committed))
    return found


def steps_of(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All steps by name, those of the branches among them."""
    steps = list(definition["Steps"])
    for step in definition["Steps"]:
        if step["Type"] == "Condition":
            steps += step["Arguments"]["IfSteps"] + step["Arguments"]["ElseSteps"]
    return {step["Name"]: step for step in steps}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def resolve(value: Any, definition: dict[str, Any]) -> Any:
    """``value`` as the service would put it into a request: parameters by their defaults, the rest made up."""
    if isinstance(value, list):
        return [resolve(item, definition) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Get"}:
        return _referred_to(value["Get"], definition)
    if set(value) == {"Std:Join"}:
        join = value["Std:Join"]
        return join["On"].join(str(resolve(item, definition)) for item in join["Values"])
    return {key: resolve(item, definition) for key, item in value.items()}


def _referred_to(reference: str, definition: dict[str, Any]) -> Any:
    kind, _, rest = reference.partition(".")
    if kind == "Parameters":
        (parameter,) = (each for each in definition["Parameters"] if each["Name"] == rest)
        return parameter.get("DefaultValue", f"s3://sluice-dev-data/{rest}")
    if kind == "Execution":
        return EXECUTION[rest]
    step, _, path = rest.partition(".")
    assert step in steps_of(definition)
    assert path.endswith(("S3Uri", "S3ModelArtifacts"))
    return f"s3://sluice-dev-data/{step}"
