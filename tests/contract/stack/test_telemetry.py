"""What a deployed function prints reaches CloudWatch: lines in its log group, metrics in the namespace Sluice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localaws.local_aws import LocalAws
from localaws.services.cloudformation.resources.stack import Stack
from localaws.tests.deploying import deploy as deploy_built
from localaws.tests.interpreters import INTERPRETERS
from rehearsal.build import ensure_built

ROOT = Path(__file__).parents[3]
EVENT = json.loads((ROOT / "events" / "abort_rollout" / "error-alarm-rang.json").read_text())


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS) as local:
        yield local


def deploy(aws: LocalAws, stage: str, **parameters: str) -> Stack:
    return deploy_built(aws, ensure_built(ROOT), f"sluice-{stage}", {"Stage": stage, **parameters})


@pytest.fixture(scope="module")
def stack(aws: LocalAws) -> Stack:
    return deploy(aws, "dev")


@pytest.fixture(scope="module")
def watched_stack(aws: LocalAws) -> Stack:
    """With everything on that a parameter turns on."""
    return deploy(aws, "prod", Tracing="Active", LogSampleRate="1")


def invoke(aws: LocalAws, stack: Stack, stage: str) -> dict[str, Any]:
    detail = {**EVENT["detail"], "alarmName": f"sluice-{stage}-fraud-7-1-errors"}
    response = aws.client("lambda").invoke(
        FunctionName=stack.physical_id("AbortRolloutFunction"), Payload=json.dumps({**EVENT, "detail": detail})
    )
    result: dict[str, Any] = json.loads(response["Payload"].read())
    return result


def lines(aws: LocalAws, stack: Stack) -> list[dict[str, Any]]:
    """What the function's log group holds, Lambda's own lines left out."""
    group = stack.physical_id("AbortRolloutLogGroup")
    found = aws.client("logs").filter_log_events(logGroupName=group)["events"]
    parsed = [json.loads(event["message"]) for event in found]
    return [line for line in parsed if not str(line.get("type")).startswith("platform.")]


def eventually(found: Callable[[], Any]) -> Any:
    """Logs arrive in the background."""
    until = time.monotonic() + 20
    while not (result := found()) and time.monotonic() < until:
        time.sleep(0.05)
    return result


def test_the_line_of_an_invocation_reaches_the_functions_log_group(aws: LocalAws, stack: Stack) -> None:
    assert invoke(aws, stack, "dev") == {"ignored": "rollout fraud-7-1 is not known"}
    logged = eventually(lambda: [line for line in lines(aws, stack) if "level" in line])
    (line,) = logged
    expected = {
        "level": "INFO",
        "message": "abort_rollout done",
        "stage": "dev",
        "function": "abort_rollout",
        "rollout": "fraud-7-1",
        "correlation_id": EVENT["id"],
        "ignored": "rollout fraud-7-1 is not known",
    }
    assert line.items() >= expected.items()


def test_a_cold_start_is_a_metric_in_our_namespace(aws: LocalAws, stack: Stack) -> None:
    invoke(aws, stack, "dev")
    stage, function = {"Name": "stage", "Value": "dev"}, {"Name": "function", "Value": "abort_rollout"}
    listed = eventually(
        lambda: aws.client("cloudwatch").list_metrics(Namespace="Sluice", Dimensions=[stage])["Metrics"]
    )
    assert [(each["MetricName"], sorted(each["Dimensions"], key=str)) for each in listed] == [
        ("ColdStart", sorted([stage, function], key=str))
    ]


def test_with_tracing_and_debug_lines_a_function_works_as_before(aws: LocalAws, watched_stack: Stack) -> None:
    name = watched_stack.physical_id("AbortRolloutFunction")
    settings = aws.client("lambda").get_function_configuration(FunctionName=name)
    assert settings["TracingConfig"] == {"Mode": "Active"}
    assert settings["LoggingConfig"]["ApplicationLogLevel"] == "DEBUG"
    assert invoke(aws, watched_stack, "prod") == {"ignored": "rollout fraud-7-1 is not known"}
    logged = eventually(lambda: [line for line in lines(aws, watched_stack) if "level" in line])
    # The local AWS has no trace ids, and the X-Ray SDK warns of it.
    said = [line["message"] for line in logged if not line["message"].startswith("Subsegment ")]
    assert said == ["abort_rollout done"], "libraries are as silent as ever"
