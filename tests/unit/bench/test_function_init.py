"""Which clients a function may use, and so what its cold start may cost, is read from its role."""

from __future__ import annotations

from typing import Any

import pytest

from bench.function_init import budget_of, client_of, clients_of, code_of, takes_batches


def function(*actions: str, event: str = "EventBridgeRule") -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Properties": {"Policies": [{"Statement": [statement]}], "Events": {"Any": {"Type": event}}}}


@pytest.mark.parametrize(
    ("action", "client"),
    [
        ("s3:GetObject", "s3"),
        ("s3:ListBucket", "s3"),
        ("s3:GetObjectVersion", "s3"),
        ("sagemaker:DescribeEndpoint", "sagemaker"),
        ("sagemaker:InvokeEndpointAsync", "sagemaker-runtime"),
        ("states:StartExecution", "stepfunctions"),
        ("cloudwatch:GetMetricData", "cloudwatch"),
        ("lambda:InvokeFunction", "lambda"),
        ("events:PutEvents", "events"),
        ("application-autoscaling:PutScalingPolicy", "application-autoscaling"),
        ("iam:PassRole", None),
        ("kms:Decrypt", None),
        ("logs:PutLogEvents", None),
    ],
)
def test_an_action_of_iam_is_of_one_client(action: str, client: str | None) -> None:
    assert client_of(*action.split(":")) == client


def test_an_action_that_two_clients_may_have_is_not_guessed() -> None:
    with pytest.raises(LookupError, match="sagemaker:AddTags2 may be of sagemaker or sagemaker-runtime"):
        client_of("sagemaker", "AddTags2")


def test_a_function_has_each_client_once() -> None:
    role = function("s3:GetObject", "s3:ListBucket", "sagemaker:InvokeEndpointAsync", "iam:PassRole")
    assert clients_of(role) == ["s3", "sagemaker-runtime"]


@pytest.mark.parametrize(
    ("event", "actions", "budget"),
    [
        ("EventBridgeRule", ("s3:GetObject", "events:PutEvents", "ssm:GetParameter"), 0.65),
        ("EventBridgeRule", ("s3:GetObject", "events:PutEvents", "ssm:GetParameter", "sqs:SendMessage"), 0.70),
        ("SQS", ("s3:GetObject",), 0.75),
    ],
)
def test_a_budget_depends_on_clients_and_queues(event: str, actions: tuple[str, ...], budget: float) -> None:
    assert budget_of(function(*actions, event=event)) == budget


@pytest.mark.parametrize("event", ["SQS", "EventBridgeRule"])
def test_a_sample_has_powertools_and_every_client(event: str) -> None:
    code = code_of(function("s3:GetObject", "sqs:SendMessage", event=event))
    compile(code, "sample", "exec")
    for part in ("import app; ", "Logger()", "Metrics()", "session.client('s3'", "session.client('sqs'"):
        assert part in code
    assert ("BatchProcessor" in code) is takes_batches(function(event=event)) is (event == "SQS")
