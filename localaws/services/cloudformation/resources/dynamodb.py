"""Tables.

``TableName`` and ``KeySchema`` replace a table (createOnly and conditionalCreateOnly properties in the CloudFormation
registry). Attributes of a key cannot be redefined without a new table, and one update makes or removes one index.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler
from localaws.services.cloudformation.resources.stack import DeployedResource, Made
from localaws.services.cloudformation.resources.tags import tag_changes, tag_list
from localaws.services.cloudformation.template.errors import PropertyError

_THROUGHPUT = "ProvisionedThroughput"
_INDEXES = "GlobalSecondaryIndexes"


def create_table(creation: Creation) -> Made:
    name = creation.name_from("TableName", longest=255)
    time_to_live = creation.take("TimeToLiveSpecification")
    recovery = creation.take("PointInTimeRecoverySpecification")
    params = {
        "TableName": name,
        "SSESpecification": _encryption(creation.take("SSESpecification")),
        "StreamSpecification": _stream(creation.take("StreamSpecification")),
        "Tags": creation.tags(),
        **creation.rest(),
    }
    table = creation.call("dynamodb", "CreateTable", params)["TableDescription"]
    creation.exists_as(name)
    if time_to_live is not None:
        settings = {"TableName": name, "TimeToLiveSpecification": time_to_live}
        creation.call("dynamodb", "UpdateTimeToLive", settings)
    if recovery is not None:
        settings = {"TableName": name, "PointInTimeRecoverySpecification": recovery}
        creation.call("dynamodb", "UpdateContinuousBackups", settings)
    return _made(table)


def _made(table: Mapping[str, Any]) -> Made:
    attributes = {"Arn": table["TableArn"]}
    if "LatestStreamArn" in table:
        attributes["StreamArn"] = table["LatestStreamArn"]
    return Made(physical_id=table["TableName"], attributes=attributes)


def _encryption(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """CloudFormation says ``SSEEnabled`` where the API says ``Enabled``."""
    if value is None:
        return None
    others = {name: item for name, item in value.items() if name != "SSEEnabled"}
    return {"Enabled": value["SSEEnabled"], **others}


def _stream(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """In CloudFormation a stream that is described is a stream that is on."""
    return None if value is None else {"StreamEnabled": True, **value}


def update_table(creation: Creation, deployed: DeployedResource) -> Made:
    name, attributes = deployed.physical_id, creation.need("AttributeDefinitions")
    creation.refuse_change(deployed, "LocalSecondaryIndexes", "a table's local indexes cannot be changed")
    creation.refuse_change(deployed, "SSESpecification", "the local DynamoDB cannot change the encryption of a table")
    _refuse_redefined(deployed.properties["AttributeDefinitions"], attributes)
    changes = _settings(creation, deployed)
    changes += outstanding(index_changes(deployed.properties, creation.properties), _indexes(creation, name))
    for change in changes:
        params = {"TableName": name, "AttributeDefinitions": attributes, **change}
        creation.call("dynamodb", "UpdateTable", params)
    creation.accept([_INDEXES])
    _update_time_to_live(creation, deployed)
    _update_recovery(creation, deployed)
    table = creation.call("dynamodb", "DescribeTable", {"TableName": name})["Table"]
    tags, gone = tag_changes(deployed.properties.get("Tags"), creation.take("Tags"))
    if tags:
        params = {"ResourceArn": table["TableArn"], "Tags": tag_list(tags)}
        creation.call("dynamodb", "TagResource", params)
    if gone:
        creation.call("dynamodb", "UntagResource", {"ResourceArn": table["TableArn"], "TagKeys": gone})
    return _made(table)


def _refuse_redefined(before: list[Mapping[str, Any]], after: list[Mapping[str, Any]]) -> None:
    types = {one["AttributeName"]: one["AttributeType"] for one in before}
    for one in after:
        if types.get(one["AttributeName"], one["AttributeType"]) != one["AttributeType"]:
            raise PropertyError("AttributeDefinitions", f"the type of {one['AttributeName']} cannot be changed")


def _settings(creation: Creation, deployed: DeployedResource) -> list[dict[str, Any]]:
    """The changes of the table itself, at most one UpdateTable."""
    before = deployed.properties
    billing, throughput = creation.take("BillingMode", "PROVISIONED"), creation.take(_THROUGHPUT)
    protection = creation.take("DeletionProtectionEnabled", False)
    change: dict[str, Any] = {}
    if billing != before.get("BillingMode", "PROVISIONED") or throughput != before.get(_THROUGHPUT):
        change |= {"BillingMode": billing, _THROUGHPUT: throughput}
    if protection != before.get("DeletionProtectionEnabled", False):
        change["DeletionProtectionEnabled"] = protection
    stream = creation.take("StreamSpecification")
    if stream != before.get("StreamSpecification"):
        change["StreamSpecification"] = _stream(stream) or {"StreamEnabled": False}
    return [change] if change else []


def index_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The UpdateTable that makes or removes an index; raises PropertyError for more than one in one update.

    CloudFormation refuses that in these words, as UpdateTable itself takes one at a time. Pure.
    """
    old = {index["IndexName"]: index for index in before.get(_INDEXES, [])}
    new = {index["IndexName"]: index for index in after.get(_INDEXES, [])}
    for name in sorted(old.keys() & new.keys()):
        if old[name] != new[name]:
            raise PropertyError(_INDEXES, f"the local CloudFormation cannot change index {name} in place")
    made = [{"Create": new[name]} for name in sorted(new.keys() - old.keys())]
    removed = [{"Delete": {"IndexName": name}} for name in sorted(old.keys() - new.keys())]
    if len(made) + len(removed) > 1:
        raise PropertyError(_INDEXES, "Cannot perform more than one GSI creation or deletion in a single update")
    return [{"GlobalSecondaryIndexUpdates": [change]} for change in (*made, *removed)]


def outstanding(changes: list[dict[str, Any]], existing: Collection[str]) -> list[dict[str, Any]]:
    """Those that are not done yet: an update that is rolled back may have failed before it came to them. Pure."""
    left = []
    for change in changes:
        (update,) = change["GlobalSecondaryIndexUpdates"]
        ((verb, index),) = update.items()
        if (verb == "Delete") == (index["IndexName"] in existing):
            left.append(change)
    return left


def _indexes(creation: Creation, name: str) -> set[str]:
    table = creation.call("dynamodb", "DescribeTable", {"TableName": name})["Table"]
    return {index["IndexName"] for index in table.get(_INDEXES, [])}


def _update_time_to_live(creation: Creation, deployed: DeployedResource) -> None:
    """Another attribute can only expire items after the first one was switched off."""
    before, after = deployed.properties.get("TimeToLiveSpecification"), creation.take("TimeToLiveSpecification")
    if before == after:
        return
    for settings in time_to_live_changes(before, after):
        params = {"TableName": deployed.physical_id, "TimeToLiveSpecification": settings}
        creation.call("dynamodb", "UpdateTimeToLive", params)


def time_to_live_changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """What UpdateTimeToLive has to be told, in order: it refuses to switch on what is on, and off what is off. Pure."""
    changes: list[dict[str, Any]] = []
    was, is_now = _expiring_attribute(before), _expiring_attribute(after)
    if was is not None and was != is_now:
        changes.append({"Enabled": False, "AttributeName": was})
    if is_now is not None and was != is_now:
        changes.append({"Enabled": True, "AttributeName": is_now})
    return changes


def _expiring_attribute(settings: Mapping[str, Any] | None) -> str | None:
    if settings is None or str(settings.get("Enabled")).lower() != "true":
        return None
    return str(settings["AttributeName"])


def _update_recovery(creation: Creation, deployed: DeployedResource) -> None:
    name = "PointInTimeRecoverySpecification"
    recovery = creation.take(name, {"PointInTimeRecoveryEnabled": False})
    if creation.properties.get(name) != deployed.properties.get(name):
        creation.call("dynamodb", "UpdateContinuousBackups", {"TableName": deployed.physical_id, name: recovery})


def delete_table(creation: Creation, deployed: DeployedResource) -> None:
    creation.call_unless_gone("dynamodb", "DeleteTable", {"TableName": deployed.physical_id})


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::DynamoDB::Table": handler(
        create_table,
        update_table,
        delete_table,
        replaced_by=("ImportSourceSpecification", "KeySchema", "TableName"),
    )
}
