"""Functions run in AWS's runtime client: what they see, what they return, and how they fail."""

from __future__ import annotations

import base64
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from localaws.tests.contract.services.lambda_.account import Account, eventually, zipped

ECHO = "def handler(event, context): return event"
SURROUNDINGS = """
import os, sys
def handler(event, context):
    return {"variables": dict(os.environ), "path": sys.path, "pid": os.getpid(), "cwd": os.getcwd(),
            "arn": context.invoked_function_arn, "left": context.get_remaining_time_in_millis(),
            "memory": context.memory_limit_in_mb, "id": context.aws_request_id}
"""
WRITES_LOGS = {
    "Effect": "Allow",
    "Resource": "*",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
}
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


USES_BOTO3 = """
import boto3
def handler(event, context): return {"file": boto3.__file__, "id": boto3.client("sts").get_caller_identity()["Arn"]}
"""


def test_a_function_without_layers_has_lambdas_own_boto3(account: Account) -> None:
    account.function("uses-boto3", USES_BOTO3, Timeout=30)
    seen, error = account.invoke("uses-boto3", {})
    assert error is None, seen
    assert "lambda-runtime" in seen["file"]
    assert ":assumed-role/" in seen["id"]


def test_a_layers_packages_come_before_lambdas_own(account: Account) -> None:
    layer = account.client("lambda").publish_layer_version(
        LayerName="own-boto3", Content={"ZipFile": zipped({"python/boto3/__init__.py": ""})}
    )
    code = "import boto3\ndef handler(event, context): return boto3.__file__"
    account.function("own-boto3", code, Layers=[layer["LayerVersionArn"]])
    seen, error = account.invoke("own-boto3", {})
    assert error is None, seen
    assert "lambda-runtime" not in seen


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
    account.function("talking", code, WRITES_LOGS)
    answer = account.client("lambda").invoke(FunctionName="talking", LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode()
    start, printed, logged, end, report = tail.rstrip("\n").split("\n")
    assert start.startswith("START RequestId: ")
    assert printed == "printed"
    assert logged.startswith("[ERROR]")
    assert end.startswith("END RequestId: ")
    assert "Init Duration" in report

    def shipped() -> list[str]:
        return _events(account, "/aws/lambda/talking")

    eventually(lambda: len(shipped()) == 5, "the log")
    assert shipped() == tail.rstrip("\n").split("\n")


def test_a_role_that_may_not_write_logs_leaves_none(account: Account) -> None:
    """Nor does its function fail for it. A later function's log proves that the first had its turn."""
    making = {"Effect": "Allow", "Resource": "*", "Action": ["logs:CreateLogGroup", "logs:CreateLogStream"]}
    elsewhere = {"Effect": "Allow", "Resource": "arn:aws:logs:*:*:log-group:/aws/lambda/other:*", "Action": "logs:*"}
    for name, statements in (("silent", [making, elsewhere]), ("heard", [WRITES_LOGS])):
        account.function(name, SURROUNDINGS, *statements)
        assert account.invoke(name, {})[1] is None
    eventually(partial(_events, account, "/aws/lambda/heard"), "the log")
    assert _has_log_group(account, "/aws/lambda/silent")
    assert _events(account, "/aws/lambda/silent") == []


def test_a_log_group_that_was_deleted_is_made_again_unless_the_role_may_not(account: Account) -> None:
    """So the logs of a function outlive its stack, and stand in the way of the next one."""
    denied = {"Effect": "Deny", "Resource": "*", "Action": "logs:CreateLogGroup"}
    for name, *more in (("kept-away", denied), ("comes-back",)):
        group = f"/aws/lambda/{name}"
        account.client("logs").create_log_group(logGroupName=group)
        account.function(name, SURROUNDINGS, WRITES_LOGS, *more)
        account.invoke(name, {})
        eventually(partial(_events, account, group), "the log")
        account.client("logs").delete_log_group(logGroupName=group)
        account.invoke(name, {})
    eventually(lambda: _has_log_group(account, "/aws/lambda/comes-back"), "the log again")
    assert not _has_log_group(account, "/aws/lambda/kept-away")


def test_invocations_are_counted(account: Account) -> None:
    account.function("counted", MISCHIEF)
    for do in ("nothing", "raise", "nothing"):
        account.invoke("counted", {"do": do})

    def count(name: str) -> float:
        return account.metric(name, FunctionName="counted")

    eventually(lambda: count("Invocations") == 3, "the metric")
    assert count("Errors") == 1
    assert count("Duration") > 0


def test_a_deleted_function_is_gone_with_its_environments(account: Account) -> None:
    account.function("deleted", SURROUNDINGS)
    pid = account.invoke("deleted", {})[0]["pid"]
    account.client("lambda").delete_function(FunctionName="deleted")
    assert not _is_running(pid)


def _events(account: Account, group: str) -> list[str]:
    if not _has_log_group(account, group):
        return []
    found = account.client("logs").filter_log_events(logGroupName=group)["events"]
    return [event["message"] for event in found]


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
