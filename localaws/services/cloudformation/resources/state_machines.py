"""State machines.

What an update replaces is the type's ``createOnlyProperties`` in the CloudFormation registry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, made_before
from localaws.services.cloudformation.resources.stack import DeployedResource, Made
from localaws.services.cloudformation.resources.tags import tag_changes, tag_list
from localaws.services.cloudformation.template.errors import PropertyError

_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")


def create_state_machine(creation: Creation) -> Made:
    name = creation.name_from("StateMachineName", longest=80)
    arn = creation.arn("states", f"stateMachine:{name}")
    creation.refuse_existing(name, "stepfunctions", "DescribeStateMachine", {"stateMachineArn": arn})
    params = {
        "name": name,
        "type": creation.take("StateMachineType"),
        "tags": creation.tags("key", "value"),
        **_settings(creation),
    }
    creation.call("stepfunctions", "CreateStateMachine", params)
    return Made(physical_id=arn, attributes={"Arn": arn, "Name": name})


def update_state_machine(creation: Creation, deployed: DeployedResource) -> Made:
    """In place. Executions under way go on with the definition and the role they began with."""
    arn, defaults = deployed.physical_id, {"loggingConfiguration": _NO_LOGGING, "tracingConfiguration": _NO_TRACING}
    given = {name: value for name, value in _settings(creation).items() if value is not None}
    creation.call("stepfunctions", "UpdateStateMachine", {"stateMachineArn": arn, **defaults, **given})
    tags, gone = tag_changes(deployed.properties.get("Tags"), creation.take("Tags"))
    if tags:
        listed = tag_list(tags, "key", "value")
        creation.call("stepfunctions", "TagResource", {"resourceArn": arn, "tags": listed})
    if gone:
        creation.call("stepfunctions", "UntagResource", {"resourceArn": arn, "tagKeys": gone})
    return made_before(deployed)


_NO_LOGGING: Mapping[str, Any] = {"level": "OFF", "includeExecutionData": False, "destinations": []}
_NO_TRACING: Mapping[str, Any] = {"enabled": False}


def _settings(creation: Creation) -> dict[str, Any]:
    return {
        "definition": _definition(creation),
        "roleArn": creation.need("RoleArn"),
        "loggingConfiguration": _lower_camel(creation.take("LoggingConfiguration")),
        "tracingConfiguration": _lower_camel(creation.take("TracingConfiguration")),
    }


def delete_state_machine(creation: Creation, deployed: DeployedResource) -> None:
    creation.call_unless_gone("stepfunctions", "DeleteStateMachine", {"stateMachineArn": deployed.physical_id})


def _definition(creation: Creation) -> str:
    """The state machine's ASL with ``${Name}`` substituted; a name without a value is an error."""
    text = _definition_text(creation)
    values = creation.take("DefinitionSubstitutions", {})
    missing = sorted({name for name in _PLACEHOLDER.findall(text) if name not in values})
    if missing:
        raise PropertyError("DefinitionSubstitutions", f"no value for {', '.join(missing)}")
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), text)


def _definition_text(creation: Creation) -> str:
    ways = {name: creation.take(name) for name in ("Definition", "DefinitionS3Location", "DefinitionString")}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        raise PropertyError("DefinitionString", f"exactly one of {', '.join(ways)} is needed, not {given or 'none'}")
    if given == ["Definition"]:
        return json.dumps(ways["Definition"])
    if given == ["DefinitionString"]:
        return str(ways["DefinitionString"])
    location = ways["DefinitionS3Location"]
    at = {"Bucket": location["Bucket"], "Key": location["Key"], "VersionId": location.get("Version")}
    body: bytes = creation.call("s3", "GetObject", at)["Body"].read()
    return body.decode()


def _lower_camel(value: Any) -> Any:
    """Step Functions' API writes ``includeExecutionData`` where CloudFormation writes it with a capital."""
    if isinstance(value, Mapping):
        return {name[0].lower() + name[1:]: _lower_camel(item) for name, item in value.items()}
    return [_lower_camel(item) for item in value] if isinstance(value, list) else value


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::StepFunctions::StateMachine": handler(
        create_state_machine,
        update_state_machine,
        delete_state_machine,
        replaced_by=("StateMachineName", "StateMachineType"),
    ),
}
