"""The shapes in which Lambda shows functions, failures, reports and results."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localaws.service_api import AwsError
from localaws.services.lambda_.environments.outcome import (
    MAX_RESPONSE_BYTES,
    Finished,
    answered,
    crashed,
    failed_to_start,
    raised,
    timed_out,
)
from localaws.services.lambda_.environments.reports import Report, report_lines, start_lines
from localaws.services.lambda_.environments.variables import environment_variables
from localaws.services.lambda_.functions.functions import Function, Layer
from localaws.services.lambda_.functions.packages import CodePackage
from localaws.services.lambda_.functions.settings import checked_settings, function_name
from localaws.services.lambda_.invocations.destinations import (
    InvocationResult,
    dead_letter_attributes,
    invocation_record,
)
from localaws.services.lambda_.logs.embedded_metrics import Sample, samples

ARN = "arn:aws:lambda:us-east-1:123456789012:function:echo"
GIVEN: dict[str, Any] = {"FunctionName": "echo", "Role": "r", "Handler": "app.handler", "Runtime": "python3.13"}
UNKNOWN_DIMENSION = json.dumps(
    {"_aws": {"CloudWatchMetrics": [{"Namespace": "n", "Dimensions": [["d"]], "Metrics": [{"Name": "m"}]}]}, "m": 1}
)
AT = "2026-03-04T10:11:12.000Z"


def function(**settings: Any) -> Function:
    package = CodePackage("sha", 10, 20, Path("/code"))
    return Function(arn=ARN, settings=checked_settings(GIVEN | settings), code=package, layers=(), last_modified=AT)


def shown(payload: bytes) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(payload)
    return parsed


@pytest.mark.parametrize("reference", ["echo", ARN, f"{ARN}:$LATEST", "123456789012:function:echo", "function:echo"])
def test_a_function_is_found_by_name_or_arn(reference: str) -> None:
    assert function_name(reference) == "echo"


@pytest.mark.parametrize("reference", ["", "e cho", f"{ARN}:7", "x" * 65])
def test_other_references_find_nothing(reference: str) -> None:
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        function_name(reference)


@pytest.mark.parametrize(
    "settings",
    [
        {"Timeout": 0},
        {"Timeout": 901},
        {"MemorySize": 64},
        {"Runtime": "nodejs22.x"},
        {"Handler": None},
        {"Role": ""},
        {"Environment": {"Variables": {"AWS_REGION": "x"}}},
        {"Environment": {"Variables": {"BIG": "x" * 4096}}},
    ],
)
def test_lambda_refuses_settings_it_cannot_use(settings: dict[str, Any]) -> None:
    with pytest.raises(AwsError, match="InvalidParameterValueException"):
        checked_settings(GIVEN | settings)


def test_a_function_has_lambdas_defaults() -> None:
    described = function().described()
    assert (described["Timeout"], described["MemorySize"], described["Architectures"]) == (3, 128, ["x86_64"])
    assert described["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/echo"}
    assert (described["State"], described["LastUpdateStatus"]) == ("Active", "Successful")


def test_a_later_layer_hides_an_earlier_one(tmp_path: Path) -> None:
    layers = []
    for name in ("first", "second"):
        (tmp_path / name / "python").mkdir(parents=True)
        package = CodePackage("sha", 1, 1, tmp_path / name)
        layers.append(Layer(arn=name, package=package, description="", created=AT))
    one = Function(
        arn=ARN,
        settings=checked_settings(GIVEN),
        code=CodePackage("sha", 1, 1, tmp_path),
        layers=tuple(layers),
        last_modified=AT,
    )
    assert one.python_paths == [tmp_path / "second" / "python", tmp_path / "first" / "python"]


def test_no_function_talks_past_the_local_aws() -> None:
    variables = environment_variables(
        function(Environment={"Variables": {"AWS_ENDPOINT_URL": "https://elsewhere", "STAGE": "dev"}}),
        region="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        credentials={"AWS_ACCESS_KEY_ID": "key"},
    )
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert (variables["STAGE"], variables["AWS_ACCESS_KEY_ID"]) == ("dev", "key")


def test_failures_have_lambdas_shapes() -> None:
    assert shown(timed_out("r-1", 3).payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: r-1 Error: Task timed out after 3.00 seconds",
    }
    assert shown(crashed("r-1", 3).payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "RequestId: r-1 Error: Runtime exited with error: exit status 3",
    }
    assert "signal: killed" in shown(crashed("r-1", -9).payload)["errorMessage"]
    assert shown(crashed("r-1", -9).payload).keys() == {"errorMessage"}  # AWS leaves the type out, too
    assert "without providing a reason" in shown(crashed("r-1", 0).payload)["errorMessage"]


def test_only_a_runtime_that_still_runs_is_used_again() -> None:
    assert raised(b'{"errorType": "ValueError"}').environment_survives
    assert not failed_to_start(b'{"errorType": "Runtime.ImportModuleError"}').environment_survives
    assert not timed_out("r", 1).environment_survives
    assert not crashed("r", 1).environment_survives


def test_a_response_over_the_limit_is_an_error() -> None:
    assert answered(b"x" * MAX_RESPONSE_BYTES).error_type is None
    assert answered(b"x" * (MAX_RESPONSE_BYTES + 1)).error_type == "Function.ResponseSizeTooLarge"


def test_the_report_of_a_cold_start_in_text() -> None:
    *_, end, report = report_lines(function(), Report("r-1", answered(b"1"), 12.345, 100.0, 40), AT)
    assert start_lines(function(), "r-1", AT) == ["START RequestId: r-1 Version: $LATEST"]
    assert end == "END RequestId: r-1"
    assert report == (
        "REPORT RequestId: r-1\tDuration: 12.35 ms\tBilled Duration: 113 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 40 MB\tInit Duration: 100.00 ms\t"
    )


def test_the_report_of_a_timeout_tells_it() -> None:
    first, _, report = report_lines(function(), Report("r-1", timed_out("r-1", 3), 3000.0, None, 40), AT)
    assert first == f"{AT} r-1 Task timed out after 3.00 seconds"
    assert report.endswith("\tStatus: timeout\t")


def test_reports_in_json_follow_the_log_format_and_level() -> None:
    json_logs = function(LoggingConfig={"LogFormat": "JSON"})
    (line,) = report_lines(json_logs, Report("r-1", crashed("r-1", 1), 5.0, None, 40), AT)
    record = json.loads(line)["record"]
    assert (record["status"], record["errorType"]) == ("error", "Runtime.ExitError")
    quiet = function(LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"})
    assert start_lines(quiet, "r-1", AT) == []


def failed_result() -> InvocationResult:
    finished = Finished(outcome=raised(b'{"errorType": "ValueError", "errorMessage": "boom"}'), duration_ms=1.0, log="")
    return InvocationResult(
        function=function(),
        event=b'{"n": 1}',
        request_id="r-1",
        condition="RetriesExhausted",
        invoke_count=3,
        finished=finished,
    )


def test_a_destination_receives_the_whole_story() -> None:
    record = invocation_record(failed_result(), datetime(2026, 3, 4, 10, 11, 12, tzinfo=UTC))
    assert record == {
        "version": "1.0",
        "timestamp": AT,
        "requestContext": {
            "requestId": "r-1",
            "functionArn": f"{ARN}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"n": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "ValueError", "errorMessage": "boom"},
    }


def test_a_dead_letter_carries_the_error_in_its_attributes() -> None:
    attributes = dead_letter_attributes(failed_result())
    assert {name: value["StringValue"] for name, value in attributes.items()} == {
        "RequestID": "r-1",
        "ErrorCode": "200",
        "ErrorMessage": "boom",
    }


def test_embedded_metrics_become_samples() -> None:
    line = json.dumps(
        {
            "_aws": {
                "Timestamp": 1,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Shop",
                        "Dimensions": [["Model"], []],
                        "Metrics": [{"Name": "Rows", "Unit": "Count"}],
                    }
                ],
            },
            "Model": "spend",
            "Rows": [3, 4],
        }
    )
    assert samples(line) == [
        Sample("Shop", "Rows", {"Model": "spend"}, 3.0, "Count"),
        Sample("Shop", "Rows", {"Model": "spend"}, 4.0, "Count"),
        Sample("Shop", "Rows", {}, 3.0, "Count"),
        Sample("Shop", "Rows", {}, 4.0, "Count"),
    ]


@pytest.mark.parametrize(
    "line", ["plain text", '{"level": "INFO"}', 'says "_aws" somewhere', '{"_aws": 1}', UNKNOWN_DIMENSION]
)
def test_other_lines_hold_no_samples(line: str) -> None:
    assert samples(line) == []
