"""Lambda functions, layers, and what invokes them."""

from __future__ import annotations

from collections.abc import Mapping

from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, not_yet, not_yet_deleted
from localaws.services.cloudformation.resources.stack import Made
from localaws.services.cloudformation.template.errors import PropertyError


def make_function(creation: Creation) -> Made:
    name = creation.name_from("FunctionName", longest=64)
    reserved = creation.take("ReservedConcurrentExecutions")
    creation.take("RecursiveLoop")  # chains of a function and its queue are not detected here: nothing to allow
    code = creation.need("Code")
    if "ZipFile" in code:
        raise PropertyError("Code.ZipFile", "inline code is not supported by the local CloudFormation")
    params = {"FunctionName": name, "Code": code, "Tags": creation.tag_map(), **creation.rest()}
    arn = creation.call("lambda", "CreateFunction", params)["FunctionArn"]
    if reserved is not None:
        settings = {"FunctionName": name, "ReservedConcurrentExecutions": reserved}
        creation.call("lambda", "PutFunctionConcurrency", settings)
    return Made(physical_id=name, attributes={"Arn": arn})


def make_layer_version(creation: Creation) -> Made:
    name = creation.name_from("LayerName", longest=64)
    params = {"LayerName": name, **creation.rest()}
    arn = creation.call("lambda", "PublishLayerVersion", params)["LayerVersionArn"]
    return Made(physical_id=arn, attributes={"LayerVersionArn": arn})


def make_permission(creation: Creation) -> Made:
    statement_id = f"{creation.stack}-{creation.logical_id}"
    creation.call("lambda", "AddPermission", {"StatementId": statement_id, **creation.rest()})
    return Made(physical_id=statement_id, attributes={"Id": statement_id})


def make_event_source_mapping(creation: Creation) -> Made:
    params = {"Tags": creation.tag_map(), **creation.rest()}
    identifier = creation.call("lambda", "CreateEventSourceMapping", params)["UUID"]
    arn = creation.arn("lambda", f"event-source-mapping:{identifier}")
    return Made(physical_id=identifier, attributes={"Id": identifier, "EventSourceMappingArn": arn})


def make_event_invoke_config(creation: Creation) -> Made:
    creation.call("lambda", "PutFunctionEventInvokeConfig", creation.rest())
    return Made(physical_id=f"{creation.stack}-{creation.logical_id}")


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::Lambda::Function": handler(make_function, not_yet, not_yet_deleted),
    "AWS::Lambda::LayerVersion": handler(make_layer_version, not_yet, not_yet_deleted),
    "AWS::Lambda::Permission": handler(make_permission, not_yet, not_yet_deleted),
    "AWS::Lambda::EventSourceMapping": handler(make_event_source_mapping, not_yet, not_yet_deleted),
    "AWS::Lambda::EventInvokeConfig": handler(make_event_invoke_config, not_yet, not_yet_deleted),
}
