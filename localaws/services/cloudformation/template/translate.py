"""From a SAM template to plain CloudFormation, by AWS's own translator and without the network."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from localaws.services.cloudformation.template.errors import TemplateError


def read_template(path: Path) -> dict[str, Any]:
    """A YAML or JSON template with the short forms ``!Ref`` … spelled out."""
    template = yaml_parse(path.read_text())
    if not isinstance(template, dict) or "Resources" not in template:
        raise TemplateError(f"{path} has no Resources")
    return template


def translate(template: Mapping[str, Any], parameters: Mapping[str, str], *, region: str) -> dict[str, Any]:
    """The template with every ``AWS::Serverless::…`` resource replaced by what it stands for."""
    # The translator keeps the region in class state and works on the template in place.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    try:
        translated: dict[str, Any] = translator.translate(
            copy.deepcopy(dict(template)), parameter_values=dict(parameters), get_managed_policy_map=dict
        )
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes) or error.message
        raise TemplateError(f"the SAM translator refuses the template: {causes}") from error
    return translated
