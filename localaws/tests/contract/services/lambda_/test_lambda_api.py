"""The Lambda API: what it refuses, and with which error; what can be read back."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.lambda_.account import Account, zipped

NOBODY = json.dumps({"Version": "2012-10-17", "Statement": []})
ECHO = "def handler(event, context): return event"


def error_of(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**params)
    return str(refused.value.response["Error"]["Code"])


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


def test_a_deleted_function_is_not_found(account: Account) -> None:
    account.function("gone", ECHO)
    lambdas = account.client("lambda")
    lambdas.delete_function(FunctionName="gone")
    assert error_of(lambdas.get_function, FunctionName="gone") == "ResourceNotFoundException"
