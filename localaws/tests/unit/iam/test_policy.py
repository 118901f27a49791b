"""IAM policy evaluation: an explicit deny wins, silence is a denial, and conditions follow AWS's documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localaws.iam.conditions import ConditionKeys, PolicyError
from localaws.iam.policy import AccessRequest, Decision, decide, parse_policy

BUCKET = "arn:aws:s3:::data"
READ = AccessRequest(action="s3:GetObject", resource=f"{BUCKET}/a/b.csv")


def statement(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/*"} | elements


def decision(*statements: dict[str, Any], request: AccessRequest = READ) -> Decision:
    return decide(parse_policy({"Version": "2012-10-17", "Statement": list(statements)}), request)


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        pytest.param({}, Decision.ALLOWED, id="exact action, wildcard resource"),
        pytest.param({"Action": "S3:getobject"}, Decision.ALLOWED, id="actions ignore case"),
        pytest.param({"Action": ["sqs:*", "s3:Get*"]}, Decision.ALLOWED, id="one of several actions"),
        pytest.param({"Action": "s3:GetObjectVersion"}, Decision.SILENT, id="an action is not a prefix"),
        pytest.param({"Resource": BUCKET}, Decision.SILENT, id="the bucket is not its objects"),
        pytest.param({"Resource": f"{BUCKET.upper()}/*"}, Decision.SILENT, id="resources mind case"),
        pytest.param({"Resource": f"{BUCKET}/?/b.csv"}, Decision.ALLOWED, id="question mark is one letter"),
        pytest.param({"Resource": f"{BUCKET}/?/?/b.csv"}, Decision.SILENT, id="question mark is not nothing"),
        pytest.param({"Effect": "Deny"}, Decision.DENIED, id="deny"),
    ],
)
def test_a_statement_applies_when_action_and_resource_match(elements: dict[str, Any], expected: Decision) -> None:
    assert decision(statement(**elements)) is expected


def test_an_explicit_deny_wins_wherever_it_stands() -> None:
    deny = statement(Effect="Deny", Resource=f"{BUCKET}/a/*")
    assert decision(deny, statement()) is Decision.DENIED
    assert decision(statement(), deny) is Decision.DENIED


def test_not_action_and_not_resource_name_everything_else() -> None:
    others = {"Effect": "Deny", "NotAction": "s3:Get*", "Resource": "*"}
    assert decision(statement(), others) is Decision.ALLOWED
    elsewhere = {"Effect": "Deny", "Action": "s3:*", "NotResource": f"{BUCKET}/public/*"}
    assert decision(statement(), elsewhere) is Decision.DENIED


def test_an_action_without_resources_needs_the_star() -> None:
    request = AccessRequest(action="cloudwatch:GetMetricData", resource="*")
    allow = {"Effect": "Allow", "Action": "cloudwatch:GetMetricData"}
    assert decision(allow | {"Resource": "*"}, request=request) is Decision.ALLOWED
    assert decision(allow | {"Resource": "arn:aws:cloudwatch:*:*:*"}, request=request) is Decision.SILENT


def test_no_policy_is_silence() -> None:
    assert decide((), READ) is Decision.SILENT


@pytest.mark.parametrize(
    ("condition", "context", "applies"),
    [
        ({"StringEquals": {"k": "a"}}, {"k": "a"}, True),
        ({"StringEquals": {"K": ["a", "b"]}}, {"k": "b"}, True),
        ({"StringEquals": {"k": "a"}}, {"k": "A"}, False),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"k": "a"}}, {"k": "b"}, False),
        ({"StringEqualsIgnoreCase": {"k": "a"}}, {"k": "A"}, True),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "b"}, False),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"StringLike": {"k": "shop-*"}}, {"k": "shop-dev"}, True),
        ({"StringNotLike": {"k": "shop-*"}}, {"k": "shop-dev"}, False),
        ({"ArnLike": {"k": "arn:aws:sqs:*:1:q-*"}}, {"k": "arn:aws:sqs:eu-west-1:1:q-a"}, True),
        ({"ArnLike": {"k": "arn:aws:sqs:*:q-a"}}, {"k": "arn:aws:sqs:eu-west-1:1:q-a"}, False),
        ({"ArnNotEquals": {"k": "arn:aws:sqs:r:1:q"}}, {"k": "arn:aws:sqs:r:1:q"}, False),
        ({"Bool": {"k": "true"}}, {"k": "true"}, True),
        ({"Bool": {"k": True}}, {"k": "true"}, True),
        ({"Bool": {"k": "false"}}, {"k": "true"}, False),
        ({"NumericLessThan": {"k": "10"}}, {"k": "9"}, True),
        ({"NumericGreaterThanEquals": {"k": 10}}, {"k": "9.5"}, False),
        ({"DateGreaterThan": {"k": "2026-01-01T00:00:00Z"}}, {"k": "2026-01-01T00:00:01Z"}, True),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "true"}}, {"k": "a"}, False),
        ({"Null": {"k": "false"}}, {"k": "a"}, True),
        ({"ForAnyValue:StringEquals": {"k": ["a", "b"]}}, {"k": ("x", "b")}, True),
        ({"ForAnyValue:StringEquals": {"k": "a"}}, {"k": ("x", "y")}, False),
        ({"ForAnyValue:StringEquals": {"k": "a"}}, {}, False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ("a", "b")}, True),
        ({"ForAllValues:StringEquals": {"k": "a"}}, {"k": ("a", "b")}, False),
        ({"ForAllValues:StringEquals": {"k": "a"}}, {}, True),
        ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a"}, False),
        ({"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}, {"k": "a", "l": "true"}, True),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else str(value),
)
def test_conditions(condition: dict[str, Any], context: ConditionKeys, applies: bool) -> None:
    request = AccessRequest(action="s3:GetObject", resource=f"{BUCKET}/k", context=context)
    expected = Decision.ALLOWED if applies else Decision.SILENT
    assert decision(statement(Condition=condition), request=request) is expected


def test_a_policy_with_principals_applies_to_those_only() -> None:
    trust = statement(Principal={"Service": ["states.amazonaws.com", "lambda.amazonaws.com"]})
    of_lambda = AccessRequest(
        action=READ.action, resource=READ.resource, principals=frozenset({"Service:lambda.amazonaws.com"})
    )
    assert decision(trust, request=of_lambda) is Decision.ALLOWED
    assert decision(trust) is Decision.SILENT
    assert decision(statement(Principal="*")) is Decision.ALLOWED
    assert decision(statement(Principal={"AWS": "*"})) is Decision.ALLOWED


def test_policy_variables_are_filled_from_the_context() -> None:
    home = statement(Resource=BUCKET + "/${aws:username}/*")
    of_ann = AccessRequest(action=READ.action, resource=f"{BUCKET}/ann/x", context={"aws:username": "ann"})
    assert decision(home, request=of_ann) is Decision.ALLOWED
    assert decision(home) is Decision.SILENT


@pytest.mark.parametrize(
    "elements",
    [
        pytest.param({"NotPrincipal": "*"}, id="element"),
        pytest.param({"Effect": "allow"}, id="effect"),
        pytest.param({"Principal": "someone"}, id="principal"),
    ],
)
def test_what_the_evaluator_does_not_know_is_an_error_and_no_guess(elements: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        parse_policy({"Statement": statement(**elements)})


def test_an_unknown_condition_operator_is_an_error() -> None:
    with pytest.raises(PolicyError, match="IpAddress"):
        decision(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
