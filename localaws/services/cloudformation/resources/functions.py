"""Lambda functions, layers, and the permissions to invoke functions.

What an update replaces is each type's ``createOnlyProperties`` in the CloudFormation registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, made_before, update_nothing
from localaws.services.cloudformation.resources.stack import DeployedResource, Made
from localaws.services.cloudformation.resources.tags import tag_changes
from localaws.services.cloudformation.template.errors import PropertyError


def create_function(creation: Creation) -> Made:
    name = creation.name_from("FunctionName", longest=64)
    reserved = creation.take("ReservedConcurrentExecutions")
    creation.take("RecursiveLoop")  # chains of a function and its queue are not detected here: nothing to allow
    params = {"FunctionName": name, "Code": _code(creation), "Tags": creation.tag_map(), **creation.rest()}
    arn = creation.call("lambda", "CreateFunction", params)["FunctionArn"]
    creation.exists_as(name)
    if reserved is not None:
        settings = {"FunctionName": name, "ReservedConcurrentExecutions": reserved}
        creation.call("lambda", "PutFunctionConcurrency", settings)
    return Made(physical_id=name, attributes={"Arn": arn})


def _code(creation: Creation) -> Any:
    code = creation.need("Code")
    if "ZipFile" in code:
        raise PropertyError("Code.ZipFile", "inline code is not supported by the local CloudFormation")
    return code


def update_function(creation: Creation, deployed: DeployedResource) -> Made:
    """The configuration first, then the code; in which order AWS does it is not documented.

    Invocations under way finish with what they began with. A setting removed from the template returns to its default.
    """
    name = deployed.physical_id
    creation.take("RecursiveLoop")
    settings = {setting: creation.take(setting, default) for setting, default in _default_settings(name).items()}
    if _differs(deployed, creation, settings):
        creation.call("lambda", "UpdateFunctionConfiguration", {"FunctionName": name, **settings})
    code, architectures = _code(creation), creation.take("Architectures", ["x86_64"])
    if _differs(deployed, creation, ("Code", "Architectures")):
        params = {"FunctionName": name, "Architectures": architectures, **code}
        creation.call("lambda", "UpdateFunctionCode", params)
    reserved = creation.take("ReservedConcurrentExecutions")
    if reserved is not None:
        limit = {"FunctionName": name, "ReservedConcurrentExecutions": reserved}
        creation.call("lambda", "PutFunctionConcurrency", limit)
    else:
        creation.call("lambda", "DeleteFunctionConcurrency", {"FunctionName": name})
    _retag(creation, deployed, creation.arn("lambda", f"function:{name}"))
    return made_before(deployed)


def _default_settings(name: str) -> dict[str, Any]:
    """Every setting that UpdateFunctionConfiguration knows here, with what it is when a template does not have it."""
    return {
        "Description": "",
        "Handler": None,  # required, like the role and the runtime
        "Role": None,
        "Runtime": None,
        "Timeout": 3,
        "MemorySize": 128,
        "Environment": {"Variables": {}},
        "DeadLetterConfig": {"TargetArn": ""},
        "TracingConfig": {"Mode": "PassThrough"},
        "Layers": [],
        "EphemeralStorage": {"Size": 512},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
    }


def _differs(deployed: DeployedResource, creation: Creation, names: Any) -> bool:
    return any(deployed.properties.get(name) != creation.properties.get(name) for name in names)


def _retag(creation: Creation, deployed: DeployedResource, arn: str) -> None:
    tags, gone = tag_changes(deployed.properties.get("Tags"), creation.take("Tags"))
    if tags:
        creation.call("lambda", "TagResource", {"Resource": arn, "Tags": tags})
    if gone:
        creation.call("lambda", "UntagResource", {"Resource": arn, "TagKeys": gone})


def delete_function(creation: Creation, deployed: DeployedResource) -> None:
    creation.call_unless_gone("lambda", "DeleteFunction", {"FunctionName": deployed.physical_id})


def create_layer_version(creation: Creation) -> Made:
    name = creation.name_from("LayerName", longest=64)
    params = {"LayerName": name, **creation.rest()}
    arn = creation.call("lambda", "PublishLayerVersion", params)["LayerVersionArn"]
    return Made(physical_id=arn, attributes={"LayerVersionArn": arn})


def delete_layer_version(creation: Creation, deployed: DeployedResource) -> None:
    """Functions that have the version keep it (Lambda developer guide, "Deleting a layer version")."""
    name, version = deployed.physical_id.rsplit(":", 2)[1:]
    creation.call_unless_gone("lambda", "DeleteLayerVersion", {"LayerName": name, "VersionNumber": version})


def create_permission(creation: Creation) -> Made:
    statement_id = creation.generated_id(longest=100)
    creation.call("lambda", "AddPermission", {"StatementId": statement_id, **creation.rest()})
    return Made(physical_id=statement_id, attributes={"Id": statement_id})


def delete_permission(creation: Creation, deployed: DeployedResource) -> None:
    params = {"FunctionName": deployed.properties["FunctionName"], "StatementId": deployed.physical_id}
    creation.call_unless_gone("lambda", "RemovePermission", params)


def create_event_source_mapping(creation: Creation) -> Made:
    params = {"Tags": creation.tag_map(), **creation.rest()}
    identifier = creation.call("lambda", "CreateEventSourceMapping", params)["UUID"]
    arn = creation.arn("lambda", f"event-source-mapping:{identifier}")
    return Made(physical_id=identifier, attributes={"Id": identifier, "EventSourceMappingArn": arn})


def update_event_source_mapping(creation: Creation, deployed: DeployedResource) -> Made:
    """What the function is may change in place, where its events come from may not."""
    settings = {name: creation.take(name, default) for name, default in _DEFAULT_MAPPING.items()}
    params = {"UUID": deployed.physical_id, "FunctionName": creation.need("FunctionName"), **settings}
    creation.call("lambda", "UpdateEventSourceMapping", params)
    _retag(creation, deployed, deployed.attributes["EventSourceMappingArn"])
    return made_before(deployed)


_DEFAULT_MAPPING: Mapping[str, Any] = {
    "Enabled": True,
    "BatchSize": 10,
    "MaximumBatchingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
    "FilterCriteria": {},
    "ScalingConfig": {},
}


def delete_event_source_mapping(creation: Creation, deployed: DeployedResource) -> None:
    creation.call_unless_gone("lambda", "DeleteEventSourceMapping", {"UUID": deployed.physical_id})


def create_event_invoke_config(creation: Creation) -> Made:
    function, qualifier = creation.need("FunctionName"), creation.need("Qualifier")
    where = {"FunctionName": function, "Qualifier": qualifier}
    identifier = f"{function}|{qualifier}"
    creation.refuse_existing(identifier, "lambda", "GetFunctionEventInvokeConfig", where)
    return _put_event_invoke_config(creation, where)


def update_event_invoke_config(creation: Creation, deployed: DeployedResource) -> Made:
    """Putting one writes it whole."""
    del deployed
    where = {"FunctionName": creation.need("FunctionName"), "Qualifier": creation.need("Qualifier")}
    return _put_event_invoke_config(creation, where)


def _put_event_invoke_config(creation: Creation, where: Mapping[str, str]) -> Made:
    settings = {name: creation.take(name) for name in _INVOKE_SETTINGS}
    creation.call("lambda", "PutFunctionEventInvokeConfig", {**where, **settings})
    return Made(physical_id=f"{where['FunctionName']}|{where['Qualifier']}")


_INVOKE_SETTINGS = ("DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts")


def delete_event_invoke_config(creation: Creation, deployed: DeployedResource) -> None:
    where = {name: deployed.properties[name] for name in ("FunctionName", "Qualifier")}
    creation.call_unless_gone("lambda", "DeleteFunctionEventInvokeConfig", where)


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::Lambda::Function": handler(
        create_function,
        update_function,
        delete_function,
        replaced_by=("FunctionName", "PackageType", "TenancyConfig"),
    ),
    "AWS::Lambda::LayerVersion": handler(
        create_layer_version,
        update_nothing,
        delete_layer_version,
        replaced_by=(
            "CompatibleArchitectures",
            "CompatibleRuntimes",
            "Content",
            "Description",
            "LayerName",
            "LicenseInfo",
        ),
    ),
    "AWS::Lambda::Permission": handler(
        create_permission,
        update_nothing,
        delete_permission,
        replaced_by=(
            "Action",
            "EventSourceToken",
            "FunctionName",
            "FunctionUrlAuthType",
            "InvokedViaFunctionUrl",
            "Principal",
            "PrincipalOrgID",
            "SourceAccount",
            "SourceArn",
        ),
    ),
    "AWS::Lambda::EventSourceMapping": handler(
        create_event_source_mapping,
        update_event_source_mapping,
        delete_event_source_mapping,
        replaced_by=("EventSourceArn", "SelfManagedEventSource", "StartingPosition", "StartingPositionTimestamp"),
    ),
    "AWS::Lambda::EventInvokeConfig": handler(
        create_event_invoke_config,
        update_event_invoke_config,
        delete_event_invoke_config,
        replaced_by=("FunctionName", "Qualifier"),
    ),
}
