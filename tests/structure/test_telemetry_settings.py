"""What the stack's parameters make of logs and traces: nothing of X-Ray unless asked for, debug lines that arrive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from localaws.services.cloudformation.template.conditions import evaluate_conditions
from localaws.services.cloudformation.template.document import read_template
from localaws.services.cloudformation.template.intrinsics import TemplateScope, evaluate
from localaws.services.cloudformation.template.translate import translate

ROOT = Path(__file__).parents[2]
URIS = ("CodeUri", "ContentUri", "DefinitionUri")


def packaged() -> dict[str, Any]:
    """The template as ``sam package`` would leave it."""
    template = read_template(ROOT / "template.yaml")
    for properties in (
        template["Globals"]["Function"],
        *(each["Properties"] for each in template["Resources"].values()),
    ):
        properties |= {name: "s3://bucket/key" for name in URIS if name in properties}
    return template


def of_type(kind: str, template: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [each["Properties"] for each in template["Resources"].values() if each["Type"] == kind]
    assert found
    return found


def translated(**parameters: str) -> dict[str, Any]:
    return translate(packaged(), {"Stage": "dev", **parameters}, region="us-east-1")


def test_without_tracing_nothing_of_xray_is_deployed() -> None:
    template = translated()
    assert not any("TracingConfig" in each for each in of_type("AWS::Lambda::Function", template))
    del template["Parameters"], template["Conditions"]
    assert "xray" not in json.dumps(template).lower()


def test_with_tracing_each_function_is_traced_and_may_send_its_traces() -> None:
    template = translated(Tracing="Active")
    functions = of_type("AWS::Lambda::Function", template)
    assert all(each["TracingConfig"] == {"Mode": {"Ref": "Tracing"}} for each in functions)
    permitted = [
        each for each in of_type("AWS::IAM::Role", template) if "AWSXray" in str(each.get("ManagedPolicyArns"))
    ]
    assert len(permitted) == len(functions)


def application_log_level(rate: str) -> Any:
    template = packaged()
    defaults = {name: each.get("Default", "") for name, each in template["Parameters"].items()}
    parameters = defaults | {"LogSampleRate": rate}
    scope = TemplateScope(
        parameters=parameters, mappings={}, conditions={}, ref=parameters.__getitem__, attribute=no_attribute
    )
    scope = replace(scope, conditions=evaluate_conditions(template["Conditions"], scope))
    return evaluate(template["Globals"]["Function"]["LoggingConfig"]["ApplicationLogLevel"], scope)


def no_attribute(resource: str, name: str) -> Any:
    raise LookupError(f"{resource}.{name}")


def test_lambda_drops_neither_sampled_debug_lines_nor_metrics() -> None:
    """Metrics are lines without a level, which Lambda takes for INFO."""
    assert application_log_level("0") == "INFO"
    assert application_log_level("0.1") == "DEBUG"
    assert application_log_level("1") == "DEBUG"


def test_no_function_has_settings_of_its_own_for_logs_and_traces() -> None:
    for each in of_type("AWS::Serverless::Function", packaged()):
        assert each["LoggingConfig"].keys() == {"LogGroup"}
        assert "Tracing" not in each
