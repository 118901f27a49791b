"""From a SAM template to plain CloudFormation, by AWS's own translator and without the network."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Mapping
from typing import Any

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from localaws.services.cloudformation.template.document import SERVERLESS, transforms
from localaws.services.cloudformation.template.errors import TemplateError

logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)  # AWS's own: here nobody publishes them
_ONE_AT_A_TIME = threading.Lock()  # the translator keeps the region in class state


def translate(template: Mapping[str, Any], parameters: Mapping[str, str], *, region: str) -> dict[str, Any]:
    """The template with every ``AWS::Serverless::…`` resource replaced by what it stands for."""
    unknown = [name for name in transforms(template) if name != SERVERLESS]
    if unknown:
        raise TemplateError(f"transform {unknown[0]} is not supported by the local CloudFormation")
    # The translator works on the template in place.
    with _ONE_AT_A_TIME:
        translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
        try:
            translated: dict[str, Any] = translator.translate(
                copy.deepcopy(dict(template)), parameter_values=dict(parameters), get_managed_policy_map=dict
            )
        except InvalidDocumentException as error:
            causes = "; ".join(cause.message for cause in error.causes) or error.message
            count = f"Number of errors found: {max(len(error.causes), 1)}"
            problem = f"Invalid Serverless Application Specification document. {count}. {causes}"
            raise TemplateError(f"Transform {SERVERLESS} failed with: {problem}") from error
    return translated
