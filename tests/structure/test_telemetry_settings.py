"""What the stack's parameters make of logs and traces: nothing of X-Ray unless asked for, debug lines that arrive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from localaws.services.cloudformation.template.conditions import evaluate_conditions
from localaws.services.cloudformation.template.intrinsics import TemplateScope, evaluate
from security.deployed_template import deployed, packaged


def of_type(kind: str, template: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [each["Properties"] for each in template["Resources"].values() if each["Type"] == kind]
    assert found
    return found


def test_without_tracing_nothing_of_xray_is_deployed() -> None:
    resources = deployed()
    assert not any("TracingConfig" in each for each in of_type("AWS::Lambda::Function", {"Resources": resources}))
    assert "xray" not in json.dumps(resources).lower()


def test_with_tracing_each_function_is_traced() -> None:
    functions = of_type("AWS::Lambda::Function", {"Resources": deployed(Tracing="Active")})
    assert all(each["TracingConfig"] == {"Mode": "Active"} for each in functions)


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
