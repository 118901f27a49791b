"""Functions run in AWS's runtime client: what they see, what they return, and how they fail."""

from __future__ import annotations

import base64
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.lambdas.conftest import Account, eventually, zipped

NOBODY = json.dumps({"Version": "2012-10-17", "Statement": []})
ECHO = "def handler(event, context): return event"
SURROUNDINGS = """
import os, sys
def handler(event, context):
    return {"variables": dict(os.environ), "path": sys.path, "pid": os.getpid(), "cwd": os.getcwd(),
            "arn": context.invoked_function_arn, "left": context.get_remaining_time_in_millis(),
            "memory": context.memory_limit_in_mb, "id": context.aws_request_id}
"""
MISCHIEF = """
import os, subprocess, sys, time
def handler(event, context):
    match event["do"]:
        case "raise": raise ValueError("boom x")
        case "exit": os._exit(3)
        case "sleep":
            subprocess.Popen(["sleep", "1000"])
            time.sleep(1000)
        case "big": return "x" * (7 * 1024 * 1024)
        case "object": return object()
    return os.getpid()
"""


def error_of(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**params)
    return str(refused.value.response["Error"]["Code"])


def test_a_function_sees_lambdas_environment_and_nothing_of_the_host(account: Account) -> None:
    os.environ["HOSTS_OWN_SECRET"] = "x"
    arn = account.function("surroundings", SURROUNDINGS, Environment={"Variables": {"STAGE": "dev"}})
    seen, error = account.invoke("surroundings", {})
    variables = seen["variables"]
    assert error is None
    assert "HOSTS_OWN_SECRET" not in variables
    assert variables["STAGE"] == "dev"
    assert variables["AWS_ENDPOINT_URL"] == account.aws.endpoint_url
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "surroundings"
    assert variables["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert (seen["arn"], seen["memory"]) == (arn, "128")
    assert 0 < seen["left"] <= 10_000
    assert seen["path"][0] == variables["LAMBDA_TASK_ROOT"] == seen["cwd"]
    own = [path for path in seen["path"] if "site-packages" in path]
    assert all("lambda-runtime" in path for path in own)


def test_an_environment_is_used_again_until_the_function_changes(account: Account) -> None:
    account.function("reused", SURROUNDINGS)
    lambdas = account.client("lambda")
    first, second = (account.invoke("reused", {})[0]["pid"] for _ in range(2))
    lambdas.update_function_configuration(
        FunctionName="reused", Environment={"Variables": {"STAGE": "later"}}, Timeout=5
    )
    changed, _ = account.invoke("reused", {})
    lambdas.update_function_code(FunctionName="reused", ZipFile=zipped({"app.py": ECHO}))
    assert first == second != changed["pid"]
    assert changed["variables"]["STAGE"] == "later"
    assert account.invoke("reused", {"new": "code"})[0] == {"new": "code"}


def test_an_exception_is_reported_as_the_runtime_reports_it(account: Account) -> None:
    account.function("mischief", MISCHIEF, Timeout=1)
    before, _ = account.invoke("mischief", {"do": "nothing"})
    payload, error = account.invoke("mischief", {"do": "raise"})
    after, _ = account.invoke("mischief", {"do": "nothing"})
    assert error == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "boom x")
    assert "app.py" in payload["stackTrace"][0]
    assert before == after


def test_a_timeout_kills_the_environment_with_all_it_started(account: Account) -> None:
    account.function("slow", MISCHIEF, Timeout=1)
    before, _ = account.invoke("slow", {"do": "nothing"})
    payload, error = account.invoke("slow", {"do": "sleep"})
    after, _ = account.invoke("slow", {"do": "nothing"})
    assert (error, payload["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert before != after
    assert not _is_running(before)


def test_a_crash_tells_the_exit_status(account: Account) -> None:
    account.function("crashing", MISCHIEF)
    payload, error = account.invoke("crashing", {"do": "exit"})
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert payload["errorMessage"].endswith("Runtime exited with error: exit status 3")
    assert isinstance(account.invoke("crashing", {"do": "nothing"})[0], int)


@pytest.mark.parametrize(
    ("name", "code", "settings", "error_type"),
    [
        ("bad-import", "import nope", {}, "Runtime.ImportModuleError"),
        ("bad-syntax", "def handler(:", {}, "Runtime.UserCodeSyntaxError"),
        ("no-handler", "x = 1", {}, "Runtime.HandlerNotFound"),
        ("bad-init", "raise RuntimeError('init')", {}, "RuntimeError"),
        ("bad-name", ECHO, {"Handler": "handler"}, "Runtime.MalformedHandlerName"),
        ("exits-in-init", "import os; os._exit(7)", {}, "Runtime.ExitError"),
    ],
)
def test_a_function_that_cannot_start_says_why(
    account: Account, name: str, code: str, settings: dict[str, Any], error_type: str
) -> None:
    account.function(name, code, **settings)
    payload, error = account.invoke(name, {})
    assert (error, payload["errorType"]) == ("Unhandled", error_type)


def test_what_cannot_be_returned_is_an_error(account: Account) -> None:
    account.function("returning", MISCHIEF)
    assert account.invoke("returning", {"do": "object"})[0]["errorType"] == "Runtime.MarshalError"
    assert account.invoke("returning", {"do": "big"})[0]["errorType"] == "Function.ResponseSizeTooLarge"


def test_the_tail_and_cloudwatch_hold_what_the_function_logged(account: Account) -> None:
    code = "import logging\ndef handler(event, context):\n  print('printed')\n  logging.error('logged')\n"
    account.function("talking", code)
    answer = account.client("lambda").invoke(FunctionName="talking", LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode()
    start, printed, logged, end, report = tail.rstrip("\n").split("\n")
    assert start.startswith("START RequestId: ")
    assert printed == "printed"
    assert logged.startswith("[ERROR]")
    assert end.startswith("END RequestId: ")
    assert "Init Duration" in report

    def shipped() -> list[str]:
        found = account.client("logs").filter_log_events(logGroupName="/aws/lambda/talking")["events"]
        return [event["message"] for event in found]

    eventually(lambda: _has_log_group(account, "/aws/lambda/talking") and len(shipped()) == 5, "the log")
    assert shipped() == tail.rstrip("\n").split("\n")


def test_invocations_are_counted(account: Account) -> None:
    account.function("counted", MISCHIEF)
    for do in ("nothing", "raise", "nothing"):
        account.invoke("counted", {"do": do})

    def count(name: str) -> float:
        return account.metric(name, FunctionName="counted")

    eventually(lambda: count("Invocations") == 3, "the metric")
    assert count("Errors") == 1
    assert count("Duration") > 0


def test_reserved_concurrency_throttles(account: Account) -> None:
    account.function("reserved", "import time\ndef handler(event, context): time.sleep(0.5)")
    lambdas = account.client("lambda")
    lambdas.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=1)

    def attempt(_: int) -> str:
        try:
            lambdas.invoke(FunctionName="reserved")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "ok"

    with ThreadPoolExecutor(3) as threads:
        assert sorted(threads.map(attempt, range(3))) == ["TooManyRequestsException"] * 2 + ["ok"]
    lambdas.delete_function_concurrency(FunctionName="reserved")
    assert attempt(0) == "ok"


def test_lambda_refuses_with_its_own_errors(account: Account) -> None:
    arn = account.function("refusing", ECHO)
    role = account.role("another-role")
    lambdas = account.client("lambda")
    settings: dict[str, Any] = {
        "FunctionName": "another",
        "Role": role,
        "Runtime": "python3.13",
        "Handler": "app.handler",
        "Code": {"ZipFile": zipped({"app.py": ECHO})},
    }
    assert error_of(lambdas.invoke, FunctionName="missing") == "ResourceNotFoundException"
    assert error_of(lambdas.invoke, FunctionName="refusing", Qualifier="7") == "ResourceNotFoundException"
    assert error_of(lambdas.invoke, FunctionName=arn, Payload=b"{") == "InvalidRequestContentException"
    large = json.dumps("x" * 1024 * 1024)
    late = {"FunctionName": arn, "InvocationType": "Event", "Payload": large}
    assert error_of(lambdas.invoke, **late) == "RequestTooLargeException"
    create = lambdas.create_function
    assert error_of(create, **settings | {"FunctionName": "refusing"}) == "ResourceConflictException"
    assert error_of(create, **settings | {"Timeout": 901}) == "InvalidParameterValueException"
    layer = f"{arn.replace('function:refusing', 'layer:none')}:1"
    assert error_of(create, **settings | {"Layers": [layer]}) == "InvalidParameterValueException"
    assert error_of(create, **settings | {"Code": {"ZipFile": b"x"}}) == "InvalidParameterValueException"
    untrusting = account.client("iam").create_role(RoleName="untrusting", AssumeRolePolicyDocument=NOBODY)
    role_arn = untrusting["Role"]["Arn"]
    assert error_of(create, **settings | {"Role": role_arn}) == "InvalidParameterValueException"
    assert error_of(create, **settings | {"Role": f"{role}-missing"}) == "InvalidParameterValueException"
    nowhere = {"S3Bucket": "no-such-bucket", "S3Key": "x"}
    assert error_of(create, **settings | {"Code": nowhere}) == "InvalidParameterValueException"


def test_a_dry_run_runs_nothing(account: Account) -> None:
    account.function("dry", "raise RuntimeError('never imported')")
    answer = account.client("lambda").invoke(FunctionName="dry", InvocationType="DryRun")
    assert answer["StatusCode"] == 204


def test_a_deleted_function_is_gone_with_its_environments(account: Account) -> None:
    account.function("deleted", SURROUNDINGS)
    pid = account.invoke("deleted", {})[0]["pid"]
    lambdas = account.client("lambda")
    lambdas.delete_function(FunctionName="deleted")
    assert error_of(lambdas.get_function, FunctionName="deleted") == "ResourceNotFoundException"
    assert not _is_running(pid)


def test_tags_and_policy_statements_can_be_read_back(account: Account) -> None:
    arn = account.function("described", ECHO, Tags={"a": "1", "b": "2"})
    lambdas = account.client("lambda")
    lambdas.untag_resource(Resource=arn, TagKeys=["a"])
    lambdas.tag_resource(Resource=arn, Tags={"c": "3"})
    assert lambdas.list_tags(Resource=arn)["Tags"] == {"b": "2", "c": "3"}
    assert error_of(lambdas.get_policy, FunctionName="described") == "ResourceNotFoundException"
    statement = {
        "FunctionName": "described",
        "StatementId": "s",
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": "arn:aws:events:us-east-1:123456789012:rule/r",
    }
    lambdas.add_permission(**statement)
    assert error_of(lambdas.add_permission, **statement) == "ResourceConflictException"
    (kept,) = json.loads(lambdas.get_policy(FunctionName="described")["Policy"])["Statement"]
    assert kept["Principal"] == {"Service": "events.amazonaws.com"}
    assert kept["Condition"] == {"ArnLike": {"AWS:SourceArn": statement["SourceArn"]}}


def _has_log_group(account: Account, name: str) -> bool:
    groups = account.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return bool(groups)


def _is_running(group: int) -> bool:
    """Whether a process of the group still runs; one that has ended and waits to be reaped does not."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, found = stat.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(found) == group and state != "Z":
            return True
    return False
