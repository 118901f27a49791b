"""Tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, not_yet, not_yet_deleted
from localaws.services.cloudformation.resources.stack import Made


def make_table(creation: Creation) -> Made:
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
    if time_to_live is not None:
        settings = {"TableName": name, "TimeToLiveSpecification": time_to_live}
        creation.call("dynamodb", "UpdateTimeToLive", settings)
    if recovery is not None:
        settings = {"TableName": name, "PointInTimeRecoverySpecification": recovery}
        creation.call("dynamodb", "UpdateContinuousBackups", settings)
    attributes = {"Arn": table["TableArn"]}
    if "LatestStreamArn" in table:
        attributes["StreamArn"] = table["LatestStreamArn"]
    return Made(physical_id=name, attributes=attributes)


def _encryption(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """CloudFormation says ``SSEEnabled`` where the API says ``Enabled``."""
    if value is None:
        return None
    others = {name: item for name, item in value.items() if name != "SSEEnabled"}
    return {"Enabled": value["SSEEnabled"], **others}


def _stream(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """In CloudFormation a stream that is described is a stream that is on."""
    return None if value is None else {"StreamEnabled": True, **value}


HANDLERS: Mapping[str, ResourceHandler] = {"AWS::DynamoDB::Table": handler(make_table, not_yet, not_yet_deleted)}
