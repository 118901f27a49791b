"""The text of a template, and which capabilities it asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor

from localaws.services.cloudformation.template.errors import TemplateError

SERVERLESS = "AWS::Serverless-2016-10-31"
# Types whose creation the caller must acknowledge, and the property by which each takes a name of the caller's.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html, Capabilities
_NAME_OF_IAM_TYPE = {
    "AWS::IAM::AccessKey": None,
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": None,
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::RolePolicy": None,
    "AWS::IAM::User": "UserName",
    "AWS::IAM::UserToGroupAddition": None,
}


class _TemplateLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # whichever is there
    """Reads the short forms as the SAM translator does, ten times as fast where PyYAML has libyaml."""


_TemplateLoader.add_multi_constructor("!", intrinsics_multi_constructor)


def parse_template(text: str) -> dict[str, Any]:
    """A YAML or JSON template with the short forms ``!Ref`` … spelled out; raises TemplateError as AWS words it."""
    try:
        template = yaml.load(text, Loader=_TemplateLoader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        raise TemplateError(f"Template format error: {error}") from error
    if not isinstance(template, dict):
        raise TemplateError("Template format error: unsupported structure.")
    if not isinstance(template.get("Resources"), dict) or not template["Resources"]:
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    for logical_id, resource in template["Resources"].items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            problem = f"[/Resources/{logical_id}] Every Resources object must contain a Type member."
            raise TemplateError(f"Template format error: {problem}")
    for name, output in template.get("Outputs", {}).items():
        if not isinstance(output, dict) or "Value" not in output:
            problem = f"Output {name} is malformed. The Value field of every Outputs member must be specified."
            raise TemplateError(f"Template format error: {problem}")
    return template


def read_template(path: Path) -> dict[str, Any]:
    """The template in a file."""
    return parse_template(path.read_text())


def transforms(template: Mapping[str, Any]) -> list[str]:
    """The macros that a template names."""
    named = template.get("Transform", [])
    return [str(each) for each in (named if isinstance(named, list) else [named])]


def iam_capabilities(template: Mapping[str, Any]) -> tuple[str | None, list[str]]:
    """The capability a template without transforms needs, None for none, and the resource types it needs it for."""
    resources = [each for each in template["Resources"].values() if each["Type"] in _NAME_OF_IAM_TYPE]
    if not resources:
        return None, []
    is_named = any(_NAME_OF_IAM_TYPE[each["Type"]] in each.get("Properties", {}) for each in resources)
    types = sorted({str(each["Type"]) for each in resources})
    return ("CAPABILITY_NAMED_IAM" if is_named else "CAPABILITY_IAM"), types


def missing_capabilities(template: Mapping[str, Any], given: tuple[str, ...]) -> list[str]:
    """What a caller must acknowledge and has not; CAPABILITY_NAMED_IAM covers CAPABILITY_IAM."""
    needed, _ = iam_capabilities(template)
    if needed is None or needed in given or "CAPABILITY_NAMED_IAM" in given:
        return []
    return [needed]
