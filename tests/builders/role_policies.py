"""What each role of the shipped template may do: its policies after SAM's translation, evaluated as AWS does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from localaws.iam.conditions import ContextValue
from localaws.iam.policy import AccessRequest, Decision, Statement, decide, parse_policy
from localaws.services.cloudformation.template.conditions import evaluate_conditions
from localaws.services.cloudformation.template.document import read_template
from localaws.services.cloudformation.template.intrinsics import TemplateScope, evaluate
from localaws.services.cloudformation.template.parameters import resolve_parameters
from localaws.services.cloudformation.template.translate import translate

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
ACCOUNT, REGION = "123456789012", "us-east-1"
BUCKET = "arn:aws:s3:::databucket"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/statetable"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "sluice-dev",
}
_SERVICES = {
    "AWS::DynamoDB::Table": f"dynamodb:{REGION}:{ACCOUNT}:table/",
    "AWS::IAM::Role": f"iam::{ACCOUNT}:role/",
    "AWS::Lambda::Function": f"lambda:{REGION}:{ACCOUNT}:function:",
    "AWS::S3::Bucket": "s3:::",
    "AWS::SNS::Topic": f"sns:{REGION}:{ACCOUNT}:",
    "AWS::SQS::Queue": f"sqs:{REGION}:{ACCOUNT}:",
    "AWS::StepFunctions::StateMachine": f"states:{REGION}:{ACCOUNT}:stateMachine:",
}


def sagemaker_arn(rest: str) -> str:
    """Such as ``sagemaker_arn("model-package/sluice-dev-fraud/7")``."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{rest}"


def is_allowed(
    role: str,
    action: str,
    resource: str,
    context: Mapping[str, ContextValue] | None = None,
    *,
    given: Mapping[str, str] | None = None,
) -> bool:
    """Whether a role, by its logical id, may do it on a stack with the parameters ``given``."""
    statements = policies_of(**(given or {}))[role]
    request = AccessRequest(action=action, resource=resource, context=context or {})
    return decide(statements, request) is Decision.ALLOWED


@cache
def policies_of(**given: str) -> Mapping[str, tuple[Statement, ...]]:
    """The statements of every role by its logical id, those of policies that are attached to it as well."""
    found: dict[str, list[Statement]] = {}
    for name, resource in resources_of(**given).items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            documents = [each["PolicyDocument"] for each in properties.get("Policies", ())]
            found.setdefault(name, []).extend(each for one in documents for each in parse_policy(one))
        elif resource["Type"] in ("AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy"):
            for role in properties.get("Roles") or [properties["RoleName"]]:
                found.setdefault(_logical_id(role), []).extend(parse_policy(properties["PolicyDocument"]))
    return {name: tuple(statements) for name, statements in found.items()}


@cache
def resources_of(**given: str) -> Mapping[str, Mapping[str, Any]]:
    """The resources of a stack with these parameters, as plain CloudFormation without functions."""
    source = read_template(TEMPLATE)
    chosen = resolve_parameters(source["Parameters"], {"Stage": "dev", **given})
    template = translate(_with_code(source), {"Stage": "dev", **given}, region=REGION)
    resources = template["Resources"]
    scope = TemplateScope(
        parameters={**chosen, **_PSEUDO},
        mappings=template.get("Mappings", {}),
        conditions={},
        ref=lambda name: _ref(name, resources),
        attribute=lambda name, attribute: _attribute(name, attribute, resources),
    )
    conditions = evaluate_conditions(template.get("Conditions", {}), scope)
    scope = TemplateScope(
        parameters=scope.parameters,
        mappings=scope.mappings,
        conditions=conditions,
        ref=scope.ref,
        attribute=scope.attribute,
    )
    there = {name: each for name, each in resources.items() if conditions.get(each.get("Condition", ""), True)}
    return {name: {**each, "Properties": evaluate(each.get("Properties", {}), scope)} for name, each in there.items()}


def _with_code(template: dict[str, Any]) -> dict[str, Any]:
    """SAM translates only what `sam package` has uploaded."""
    place = "s3://bucket/key"
    for resource in template["Resources"].values():
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            if name in resource.get("Properties", {}) or (
                name == "CodeUri" and resource["Type"] == "AWS::Serverless::Function"
            ):
                resource["Properties"][name] = place
    return template


def _ref(name: str, resources: Mapping[str, Any]) -> str:
    kind = resources[name]["Type"]
    if kind in ("AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"):
        return _attribute(name, "Arn", resources)
    return f"https://sqs/{name.lower()}" if kind == "AWS::SQS::Queue" else name.lower()


def _attribute(name: str, attribute: str, resources: Mapping[str, Any]) -> str:
    kind = resources[name]["Type"]
    return f"arn:aws:{_SERVICES.get(kind, 'none:::')}{name.lower()}" if attribute == "Arn" else f"{name}.{attribute}"


def _logical_id(name: str) -> str:
    return next(each for each in _roles() if each.lower() == name)


@cache
def _roles() -> tuple[str, ...]:
    return tuple(name for name, each in resources_of().items() if each["Type"] == "AWS::IAM::Role")


def roles() -> Iterator[str]:
    """The logical ids of all roles."""
    yield from _roles()
