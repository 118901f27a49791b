"""The JSON Schema that editors use says what parsing says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from sluice.spec.model import ModelSpec

from cli.apply.schema import spec_schema
from tests.builders.spec_examples import MISSING, spec_with

MODELS = Path(__file__).parents[4] / "models"


def test_the_committed_schema_is_the_one_the_code_describes() -> None:
    assert json.loads((MODELS / "model.schema.json").read_text()) == spec_schema(), (
        "run: sluice schema > models/model.schema.json"
    )


@pytest.mark.parametrize("file", sorted(MODELS.glob("*.yaml")), ids=lambda path: str(path.name))
def test_shipped_models_are_valid_for_editors_and_for_the_parser(file: Path) -> None:
    raw = yaml.safe_load(file.read_text())
    Draft202012Validator.check_schema(spec_schema())
    Draft202012Validator(spec_schema()).validate(raw)
    Draft202012Validator(spec_schema()).validate(ModelSpec.parse(raw).to_json())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "Fraud"),
        ("name", MISSING),
        ("nam", "x"),
        ("data.max_missing_share", 2),
        ("data.columns", []),
        ("endpoint.type", "serverles"),
        ("endpoint.instance_count", "1"),
        ("rollout.stages.0.bake", 600),
        ("rollout.judge.alpha", 0),
        ("rollout.alarms.latency_p95_ms", "fast"),
        ("pipeline.parameters.InputData", "s3://x"),
        ("pipeline.parameters.X", []),
    ],
)
def test_editors_mark_what_the_parser_would_refuse(path: str, value: Any) -> None:
    assert not Draft202012Validator(spec_schema()).is_valid(spec_with((path, value)))
