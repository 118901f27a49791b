"""Which service may assume a role that it is handed, and on whose behalf."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localaws.iam.permissions.required import required
from localaws.iam.permissions.trust import refuse_untrusting_roles
from localaws.service_api import AwsError, Call

ROLE = "arn:aws:iam::123456789012:role/r"
JOB = {"TrainingJobName": "j", "RoleArn": ROLE}
MODEL = {"ModelName": "m", "ExecutionRoleArn": ROLE}
PIPELINE = {"PipelineName": "p", "RoleArn": ROLE}
SCHEDULE = {"Name": "s", "GroupName": "g", "Target": {"RoleArn": ROLE}}
MACHINE = {"name": "m", "roleArn": ROLE}
FUNCTION = {"FunctionName": "f", "Role": ROLE}


def hand(service: str, operation: str, params: dict[str, Any], **condition: dict[str, str]) -> None:
    principal = {"stepfunctions": "states"}.get(service, service)
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": f"{principal}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    if condition:
        statement["Condition"] = condition
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    call = Call(service=service, operation=operation, region="us-east-1", account="123456789012")
    refuse_untrusting_roles(call, required(call, params), lambda _name: trust)


@pytest.mark.parametrize(
    ("service", "operation", "params", "source"),
    [
        ("sagemaker", "CreateTrainingJob", JOB, "sagemaker:us-east-1:123456789012:training-job/j"),
        ("sagemaker", "CreateModel", MODEL, "sagemaker:us-east-1:123456789012:*"),
        ("sagemaker", "CreatePipeline", PIPELINE, "sagemaker:us-east-1:123456789012:pipeline/p/*"),
        ("scheduler", "CreateSchedule", SCHEDULE, "scheduler:us-east-1:123456789012:schedule-group/g"),
        ("stepfunctions", "CreateStateMachine", MACHINE, "states:us-east-1:123456789012:stateMachine:m"),
    ],
)
def test_a_service_says_on_whose_behalf_it_assumes_a_role(
    service: str, operation: str, params: dict[str, Any], source: str
) -> None:
    hand(service, operation, params, ArnLike={"aws:SourceArn": f"arn:aws:{source}"})
    hand(service, operation, params, StringEquals={"aws:SourceAccount": "123456789012"})
    for condition in (
        {"ArnLike": {"aws:SourceArn": f"arn:aws:{source.replace('123456789012', '999999999999')}"}},
        {"StringEquals": {"aws:SourceAccount": "999999999999"}},
    ):
        with pytest.raises(AwsError):
            hand(service, operation, params, **condition)


@pytest.mark.parametrize(
    ("service", "operation", "params", "source"),
    [
        ("sagemaker", "CreateModel", MODEL, "sagemaker:us-east-1:123456789012:model/*"),
        ("sagemaker", "CreatePipeline", PIPELINE, "sagemaker:us-east-1:123456789012:pipeline/p"),
        ("scheduler", "CreateSchedule", SCHEDULE, "scheduler:us-east-1:123456789012:schedule/g/s"),
    ],
)
def test_a_source_is_written_as_the_service_sends_it(
    service: str, operation: str, params: dict[str, Any], source: str
) -> None:
    """Each guide warns of what looks right and never matches: a model's, a pipeline's or a schedule's own ARN."""
    with pytest.raises(AwsError):
        hand(service, operation, params, ArnLike={"aws:SourceArn": f"arn:aws:{source}"})


def test_lambda_may_say_nothing() -> None:
    hand("lambda", "CreateFunction", FUNCTION)
    with pytest.raises(AwsError, match="cannot be assumed by Lambda"):
        hand("lambda", "CreateFunction", FUNCTION, StringEquals={"aws:SourceAccount": "123456789012"})
