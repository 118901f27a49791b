"""SimulatePrincipalPolicy decides as the gateway does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localaws.service_api import AwsError, Call
from localaws.services.policy_simulator import PolicySimulator

ROLE = "arn:aws:iam::123456789012:role/service-role/training"
CALL = Call(service="iam", operation="SimulatePrincipalPolicy", region="us-east-1", account="123456789012")
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::lake/*"},
        {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
        {"Effect": "Allow", "Action": "logs:CreateLogGroup", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        },
    ],
}


class Roles:
    """One role and its policy."""

    def documents(self, role: str) -> list[str]:
        return [json.dumps(POLICY)] if role == "training" else []

    def trust_policy(self, role: str) -> str | None:
        return "{}" if role == "training" else None


def simulated(*actions: str, **more: Any) -> list[str]:
    simulate = PolicySimulator(Roles()).operations["SimulatePrincipalPolicy"]
    answer = simulate({"PolicySourceArn": ROLE, "ActionNames": list(actions), **more}, CALL)
    assert answer["IsTruncated"] is False
    return [result["EvalDecision"] for result in answer["EvaluationResults"]]


def test_each_action_is_decided_on_each_resource() -> None:
    resources = ["arn:aws:s3:::lake/a", "arn:aws:s3:::sea/a"]
    assert simulated("s3:PutObject", ResourceArns=resources) == ["allowed", "implicitDeny"]
    assert simulated("s3:PutObject", "s3:DeleteObject", ResourceArns=resources[:1]) == ["allowed", "explicitDeny"]


def test_without_resources_only_rights_on_everything_count() -> None:
    assert simulated("logs:CreateLogGroup", "s3:PutObject") == ["allowed", "implicitDeny"]


def test_conditions_see_the_context_that_is_given() -> None:
    entry = {
        "ContextKeyName": "iam:PassedToService",
        "ContextKeyValues": ["sagemaker.amazonaws.com"],
        "ContextKeyType": "string",
    }
    assert simulated("iam:PassRole") == ["implicitDeny"]
    assert simulated("iam:PassRole", ContextEntries=[entry]) == ["allowed"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"PolicySourceArn": "arn:aws:iam::123456789012:role/absent"}, "NoSuchEntity"),
        ({"PolicySourceArn": "arn:aws:iam::123456789012:user/person"}, "NotImplemented"),
        ({"ResourcePolicy": "{}"}, "NotImplemented"),
    ],
)
def test_what_cannot_be_simulated_is_refused(more: dict[str, Any], code: str) -> None:
    with pytest.raises(AwsError) as refused:
        simulated("s3:GetObject", **more)
    assert refused.value.code == code
