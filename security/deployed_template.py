"""The template as CloudFormation gets it: translated by SAM's own translator, every expression replaced by its value.

What a template grants is in what SAM makes of it, which adds to roles and policies of its own. Names that AWS makes up
are written in angle brackets: ``<DataBucket>`` is the bucket of the stack, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localaws.services.cloudformation.template.conditions import evaluate_conditions
from localaws.services.cloudformation.template.document import read_template
from localaws.services.cloudformation.template.intrinsics import TemplateScope, evaluate
from localaws.services.cloudformation.template.translate import translate

ROOT = Path(__file__).parents[1]
ACCOUNT, REGION, PARTITION = "ACCOUNT", "REGION", "aws"
_URIS = ("CodeUri", "ContentUri", "DefinitionUri")

Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RoleStatement:
    """One statement of a policy of a role: ``Action`` and ``Resource`` as lists."""

    role: str  # logical id
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]


def packaged() -> dict[str, Any]:
    """The template as ``sam package`` would leave it."""
    template = read_template(ROOT / "template.yaml")
    for properties in (
        template["Globals"]["Function"],
        *(each["Properties"] for each in template["Resources"].values()),
    ):
        properties |= {name: "s3://bucket/key" for name in _URIS if name in properties}
    return template


def _value(given: Any, kind: str) -> Any:
    """A parameter's value, unchecked: placeholders are values, too."""
    return str(given).split(",") if "List" in kind else given


def deployed(stage: str = "dev", **parameters: str) -> dict[str, Resource]:
    """Logical id -> resource, without those whose condition does not hold."""
    template = packaged()
    given = {"Stage": stage, **parameters}
    translated = translate(template, given, region="us-east-1")
    chosen = {
        name: _value(given.get(name, each.get("Default", "")), each["Type"])
        for name, each in template["Parameters"].items()
    }
    by_region = {name: {**each, REGION: each["us-east-1"]} for name, each in translated.get("Mappings", {}).items()}
    pseudo = {"AccountId": ACCOUNT, "Region": REGION, "Partition": PARTITION, "StackName": f"sluice-{stage}"}
    known = {f"AWS::{name}": value for name, value in pseudo.items()}
    resources = translated["Resources"]
    scope = TemplateScope(
        parameters=chosen | known, mappings=by_region, conditions={}, ref=str, attribute=lambda _id, _name: ""
    )
    scope = replace(scope, conditions=evaluate_conditions(translated["Conditions"], scope))

    def name_of(logical_id: str) -> str:
        """The physical name: the one that the template gives, or a made-up one."""
        properties = resources[logical_id].get("Properties", {})
        kind = resources[logical_id]["Type"].rsplit("::", 1)[-1]
        given_name = evaluate(properties.get(f"{kind}Name", properties.get("Name", {"Ref": "AWS::NoValue"})), scope)
        return given_name if isinstance(given_name, str) else f"<{logical_id}>"

    def arn_of(logical_id: str) -> str:
        _, service, kind = resources[logical_id]["Type"].split("::")
        name = name_of(logical_id)
        own = f"arn:{PARTITION}:{service.lower()}:{REGION}:{ACCOUNT}"
        arns = {
            "Bucket": f"arn:{PARTITION}:s3:::{name}",
            "Role": f"arn:{PARTITION}:iam::{ACCOUNT}:role/{name}",
            "Function": f"{own}:function:{name}",
            "Table": f"{own}:table/{name}",
            "Rule": f"{own}:rule/{name}",
            "LogGroup": f"{own}:log-group:{name}:*",
            "StateMachine": f"arn:{PARTITION}:states:{REGION}:{ACCOUNT}:stateMachine:{name}",
        }
        return arns.get(kind, f"{own}:{name}")

    def ref(logical_id: str) -> str:
        is_arn = resources[logical_id]["Type"].rsplit("::", 1)[-1] in {"Topic", "StateMachine"}
        return arn_of(logical_id) if is_arn else name_of(logical_id)

    def attribute(logical_id: str, name: str) -> str:
        return arn_of(logical_id) if name == "Arn" else f"{name_of(logical_id)}.{name}"

    scope = replace(scope, ref=ref, attribute=attribute)
    return {
        logical_id: evaluate(resource, scope)
        for logical_id, resource in resources.items()
        if scope.conditions.get(resource.get("Condition", ""), True)
    }


def of_type(kind: str, resources: Mapping[str, Resource]) -> dict[str, dict[str, Any]]:
    """Logical id -> properties of the resources of one type; raises LookupError when there is none."""
    found = {name: each.get("Properties", {}) for name, each in resources.items() if each["Type"] == kind}
    if not found:
        raise LookupError(f"no {kind} in the template")
    return found


def role_statements(resources: Mapping[str, Resource]) -> Iterator[RoleStatement]:
    """Every statement that roles have, from policies in the role, beside it, and shared by several."""
    for name, role in of_type("AWS::IAM::Role", resources).items():
        for policy in role.get("Policies", []):
            yield from _statements(name, policy["PolicyDocument"])
    ids = {f"<{name}>": name for name in resources}
    for each in resources.values():
        properties = each.get("Properties", {})
        if each["Type"] == "AWS::IAM::RolePolicy":
            yield from _statements(ids[properties["RoleName"]], properties["PolicyDocument"])
        elif each["Type"] in {"AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"}:
            for role_name in properties.get("Roles", []):
                yield from _statements(ids[role_name], properties["PolicyDocument"])


def _statements(role: str, document: Mapping[str, Any]) -> Iterator[RoleStatement]:
    for statement in document["Statement"]:
        yield RoleStatement(
            role,
            statement["Effect"],
            _texts(statement["Action"]),
            _texts(statement["Resource"]),
            statement.get("Condition", {}),
        )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (value,)
