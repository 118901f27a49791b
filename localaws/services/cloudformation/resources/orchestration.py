"""Event rules, schedule groups and state machines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation, document
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, not_yet, not_yet_deleted
from localaws.services.cloudformation.resources.stack import Made
from localaws.services.cloudformation.template.errors import PropertyError

_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")


def make_rule(creation: Creation) -> Made:
    name = creation.name_from("Name", longest=64)
    targets = creation.take("Targets", [])
    bus = creation.take("EventBusName")
    pattern = document(creation.take("EventPattern"))
    rule = {"Name": name, "EventBusName": bus, "EventPattern": pattern, **creation.rest()}
    arn = creation.call("events", "PutRule", rule)["RuleArn"]
    if targets:
        params = {"Rule": name, "EventBusName": bus, "Targets": targets}
        answer = creation.call("events", "PutTargets", params)
        if answer.get("FailedEntryCount"):
            raise PropertyError("Targets", f"refused: {answer['FailedEntries']}")
    return Made(physical_id=name, attributes={"Arn": arn})


def make_schedule_group(creation: Creation) -> Made:
    name = creation.name_from("Name", longest=64)
    arn = creation.call("scheduler", "CreateScheduleGroup", {"Name": name, **creation.rest()})["ScheduleGroupArn"]
    return Made(physical_id=name, attributes={"Arn": arn})


def make_state_machine(creation: Creation) -> Made:
    name = creation.name_from("StateMachineName", longest=80)
    params = {
        "name": name,
        "definition": _definition(creation),
        "roleArn": creation.need("RoleArn"),
        "type": creation.take("StateMachineType"),
        "tags": creation.tags("key", "value"),
        "loggingConfiguration": _lower_camel(creation.take("LoggingConfiguration")),
        "tracingConfiguration": _lower_camel(creation.take("TracingConfiguration")),
    }
    arn = creation.call("stepfunctions", "CreateStateMachine", params)["stateMachineArn"]
    return Made(physical_id=arn, attributes={"Arn": arn, "Name": name})


def _definition(creation: Creation) -> str:
    """The state machine's ASL with ``${Name}`` substituted; a name without a value is an error."""
    text = _definition_text(creation)
    values = creation.take("DefinitionSubstitutions", {})
    missing = sorted({name for name in _PLACEHOLDER.findall(text) if name not in values})
    if missing:
        raise PropertyError("DefinitionSubstitutions", f"no value for {', '.join(missing)}")
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), text)


def _definition_text(creation: Creation) -> str:
    location = creation.take("DefinitionS3Location")
    as_object = creation.take("Definition")
    if as_object is not None:
        return json.dumps(as_object)
    if location is None:
        return str(creation.need("DefinitionString"))
    at = {"Bucket": location["Bucket"], "Key": location["Key"], "VersionId": location.get("Version")}
    body: bytes = creation.call("s3", "GetObject", at)["Body"].read()
    return body.decode()


def _lower_camel(value: Any) -> Any:
    """Step Functions' API writes ``includeExecutionData`` where CloudFormation writes it with a capital."""
    if isinstance(value, Mapping):
        return {name[0].lower() + name[1:]: _lower_camel(item) for name, item in value.items()}
    return [_lower_camel(item) for item in value] if isinstance(value, list) else value


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::Events::Rule": handler(make_rule, not_yet, not_yet_deleted),
    "AWS::Scheduler::ScheduleGroup": handler(make_schedule_group, not_yet, not_yet_deleted),
    "AWS::StepFunctions::StateMachine": handler(make_state_machine, not_yet, not_yet_deleted),
}
