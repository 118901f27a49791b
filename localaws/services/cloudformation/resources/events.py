"""Event rules, schedules and their groups.

What an update replaces is each type's ``createOnlyProperties`` in the CloudFormation registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation, document
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, made_before
from localaws.services.cloudformation.resources.stack import DeployedResource, Made
from localaws.services.cloudformation.resources.tags import tag_changes, tag_list
from localaws.services.cloudformation.template.errors import PropertyError


def create_rule(creation: Creation) -> Made:
    name = creation.name_from("Name", longest=64)
    where = {"Name": name, "EventBusName": creation.take("EventBusName")}
    creation.refuse_existing(name, "events", "DescribeRule", where)
    return _put_rule(creation, where, creation.tags())


def update_rule(creation: Creation, deployed: DeployedResource) -> Made:
    """PutRule writes a rule whole, except for its tags and targets."""
    creation.refuse_change(deployed, "EventBusName", "a rule cannot be moved to another bus here")
    where = _where(deployed)
    tags, gone = tag_changes(deployed.properties.get("Tags"), creation.take("Tags"))
    made = _put_rule(creation, where, None)
    kept = {target["Id"] for target in creation.take("Targets", [])}
    _remove_targets(creation, deployed, [one["Id"] for one in _targets(deployed) if one["Id"] not in kept])
    arn = made.attributes["Arn"]
    if tags:
        creation.call("events", "TagResource", {"ResourceARN": arn, "Tags": tag_list(tags)})
    if gone:
        creation.call("events", "UntagResource", {"ResourceARN": arn, "TagKeys": gone})
    return made


def _put_rule(creation: Creation, where: Mapping[str, Any], tags: Any) -> Made:
    targets, pattern = creation.take("Targets", []), document(creation.take("EventPattern"))
    creation.accept(["Name"])
    rule = {**where, "EventPattern": pattern, "Tags": tags, **creation.whole()}
    arn = creation.call("events", "PutRule", rule)["RuleArn"]
    creation.exists_as(where["Name"])
    if targets:
        params = {"Rule": where["Name"], "EventBusName": where["EventBusName"], "Targets": targets}
        answer = creation.call("events", "PutTargets", params)
        if answer.get("FailedEntryCount"):
            raise PropertyError("Targets", f"refused: {answer['FailedEntries']}")
    return Made(physical_id=where["Name"], attributes={"Arn": arn})


def _where(deployed: DeployedResource) -> dict[str, Any]:
    return {"Name": deployed.physical_id, "EventBusName": deployed.properties.get("EventBusName")}


def _targets(deployed: DeployedResource) -> list[Mapping[str, Any]]:
    targets: list[Mapping[str, Any]] = deployed.properties.get("Targets", [])
    return targets


def _remove_targets(creation: Creation, deployed: DeployedResource, ids: list[str]) -> None:
    if ids:
        bus = deployed.properties.get("EventBusName")
        params = {"Rule": deployed.physical_id, "EventBusName": bus, "Ids": ids}
        creation.call_unless_gone("events", "RemoveTargets", params)


def delete_rule(creation: Creation, deployed: DeployedResource) -> None:
    """Its own targets first; with those of others EventBridge refuses to delete it."""
    _remove_targets(creation, deployed, [target["Id"] for target in _targets(deployed)])
    creation.call_unless_gone("events", "DeleteRule", _where(deployed))


def create_schedule_group(creation: Creation) -> Made:
    name = creation.name_from("Name", longest=64)
    params = {"Name": name, "Tags": creation.tags()}
    arn = creation.call("scheduler", "CreateScheduleGroup", params)["ScheduleGroupArn"]
    return Made(physical_id=name, attributes={"Arn": arn})


def update_schedule_group(creation: Creation, deployed: DeployedResource) -> Made:
    arn = deployed.attributes["Arn"]
    tags, gone = tag_changes(deployed.properties.get("Tags"), creation.take("Tags"))
    if tags:
        creation.call("scheduler", "TagResource", {"ResourceArn": arn, "Tags": tag_list(tags)})
    if gone:
        creation.call("scheduler", "UntagResource", {"ResourceArn": arn, "TagKeys": gone})
    return made_before(deployed)


def delete_schedule_group(creation: Creation, deployed: DeployedResource) -> None:
    """With all its schedules, those that the application made included."""
    creation.call_unless_gone("scheduler", "DeleteScheduleGroup", {"Name": deployed.physical_id})


def create_schedule(creation: Creation) -> Made:
    name = creation.name_from("Name", longest=64)
    arn = creation.call("scheduler", "CreateSchedule", {"Name": name, **creation.rest()})["ScheduleArn"]
    return Made(physical_id=name, attributes={"Arn": arn})


def update_schedule(creation: Creation, deployed: DeployedResource) -> Made:
    """Updating writes a schedule whole, but cannot move it to another group."""
    creation.refuse_change(deployed, "GroupName", "a schedule cannot be moved to another group")
    creation.accept(["Name"])
    where = {"Name": deployed.physical_id, "GroupName": deployed.properties.get("GroupName")}
    creation.call("scheduler", "UpdateSchedule", {**where, **creation.whole()})
    return made_before(deployed)


def delete_schedule(creation: Creation, deployed: DeployedResource) -> None:
    where = {"Name": deployed.physical_id, "GroupName": deployed.properties.get("GroupName")}
    creation.call_unless_gone("scheduler", "DeleteSchedule", where)


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::Events::Rule": handler(create_rule, update_rule, delete_rule, replaced_by=("Name",)),
    "AWS::Scheduler::ScheduleGroup": handler(
        create_schedule_group, update_schedule_group, delete_schedule_group, replaced_by=("Name",)
    ),
    "AWS::Scheduler::Schedule": handler(create_schedule, update_schedule, delete_schedule, replaced_by=("Name",)),
}
