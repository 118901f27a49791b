"""Log groups, alarms, dashboards and SSM parameters."""

from __future__ import annotations

from collections.abc import Mapping

from localaws.services.cloudformation.resources.creation import AlreadyExistsError, Creation
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, made_before
from localaws.services.cloudformation.resources.stack import DeployedResource, Made
from localaws.services.cloudformation.resources.tags import tag_changes


def create_log_group(creation: Creation) -> Made:
    name = creation.name_from("LogGroupName", longest=512)
    retention_days = creation.take("RetentionInDays")
    params = {
        "logGroupName": name,
        "kmsKeyId": creation.take("KmsKeyId"),
        "logGroupClass": creation.take("LogGroupClass"),
        "tags": creation.tag_map(),
    }
    creation.call("logs", "CreateLogGroup", params)
    creation.exists_as(name)
    if retention_days is not None:
        settings = {"logGroupName": name, "retentionInDays": retention_days}
        creation.call("logs", "PutRetentionPolicy", settings)
    return Made(physical_id=name, attributes={"Arn": creation.arn("logs", f"log-group:{name}:*")})


def update_log_group(creation: Creation, deployed: DeployedResource) -> Made:
    """A group without retention keeps its events for ever."""
    creation.refuse_change(deployed, "LogGroupClass", "the class of a log group cannot be changed")
    name, retention_days = deployed.physical_id, creation.take("RetentionInDays")
    if retention_days is None:
        creation.call("logs", "DeleteRetentionPolicy", {"logGroupName": name})
    else:
        creation.call("logs", "PutRetentionPolicy", {"logGroupName": name, "retentionInDays": retention_days})
    arn = creation.arn("logs", f"log-group:{name}")
    tags, gone = tag_changes(deployed.properties.get("Tags"), creation.take("Tags"))
    if tags:
        creation.call("logs", "TagResource", {"resourceArn": arn, "tags": tags})
    if gone:
        creation.call("logs", "UntagResource", {"resourceArn": arn, "tagKeys": gone})
    return made_before(deployed)


def delete_log_group(creation: Creation, deployed: DeployedResource) -> None:
    creation.call_unless_gone("logs", "DeleteLogGroup", {"logGroupName": deployed.physical_id})


def create_parameter(creation: Creation) -> Made:
    name = creation.name_from("Name", longest=2048)
    tags = [{"Key": key, "Value": value} for key, value in creation.take("Tags", {}).items()] or None
    params = {"Name": name, "Tags": tags, **creation.rest()}
    creation.call("ssm", "PutParameter", params)
    return Made(physical_id=name, attributes={"Type": str(params["Type"]), "Value": str(params["Value"])})


def update_parameter(creation: Creation, deployed: DeployedResource) -> Made:
    name, about = deployed.physical_id, {"ResourceType": "Parameter", "ResourceId": deployed.physical_id}
    tags, gone = tag_changes(deployed.properties.get("Tags"), creation.take("Tags"))
    creation.accept(["Name"])
    defaults = {"Description": "", "Tier": "Standard", "DataType": "text"}
    params = {"Name": name, "Overwrite": True, **defaults, **creation.rest()}
    creation.accept(defaults)
    creation.call("ssm", "PutParameter", params)
    if tags:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        creation.call("ssm", "AddTagsToResource", {**about, "Tags": listed})
    if gone:
        creation.call("ssm", "RemoveTagsFromResource", {**about, "TagKeys": gone})
    return Made(physical_id=name, attributes={"Type": str(params["Type"]), "Value": str(params["Value"])})


def delete_parameter(creation: Creation, deployed: DeployedResource) -> None:
    creation.call_unless_gone("ssm", "DeleteParameter", {"Name": deployed.physical_id})


def create_alarm(creation: Creation) -> Made:
    return _make_alarm(creation, "PutMetricAlarm")


def create_composite_alarm(creation: Creation) -> Made:
    return _make_alarm(creation, "PutCompositeAlarm")


def _make_alarm(creation: Creation, operation: str) -> Made:
    name = creation.name_from("AlarmName", longest=255)
    kinds = {"AlarmNames": [name], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    found = creation.call("cloudwatch", "DescribeAlarms", kinds)
    if found.get("MetricAlarms") or found.get("CompositeAlarms"):
        raise AlreadyExistsError(creation.type, name)
    params = {"AlarmName": name, "Tags": creation.tags(), **creation.rest()}
    creation.call("cloudwatch", operation, params)
    return Made(physical_id=name, attributes={"Arn": creation.arn("cloudwatch", f"alarm:{name}")})


def update_alarm(creation: Creation, deployed: DeployedResource) -> Made:
    return _update_alarm(creation, deployed, "PutMetricAlarm")


def update_composite_alarm(creation: Creation, deployed: DeployedResource) -> Made:
    return _update_alarm(creation, deployed, "PutCompositeAlarm")


def _update_alarm(creation: Creation, deployed: DeployedResource, operation: str) -> Made:
    """Putting an alarm writes it whole, but ignores tags."""
    tags, gone = tag_changes(deployed.properties.get("Tags"), creation.take("Tags"))
    creation.accept(["AlarmName"])
    creation.call("cloudwatch", operation, {"AlarmName": deployed.physical_id, **creation.whole()})
    arn = creation.arn("cloudwatch", f"alarm:{deployed.physical_id}")
    if tags:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        creation.call("cloudwatch", "TagResource", {"ResourceARN": arn, "Tags": listed})
    if gone:
        creation.call("cloudwatch", "UntagResource", {"ResourceARN": arn, "TagKeys": gone})
    return made_before(deployed)


def delete_alarm(creation: Creation, deployed: DeployedResource) -> None:
    creation.call_unless_gone("cloudwatch", "DeleteAlarms", {"AlarmNames": [deployed.physical_id]})


def create_dashboard(creation: Creation) -> Made:
    name = creation.name_from("DashboardName", longest=255)
    creation.refuse_existing(name, "cloudwatch", "GetDashboard", {"DashboardName": name})
    return _put_dashboard(creation, name)


def update_dashboard(creation: Creation, deployed: DeployedResource) -> Made:
    return _put_dashboard(creation, deployed.physical_id)


def _put_dashboard(creation: Creation, name: str) -> Made:
    params = {"DashboardName": name, "DashboardBody": creation.need("DashboardBody")}
    creation.call("cloudwatch", "PutDashboard", params)
    return Made(physical_id=name)


def delete_dashboard(creation: Creation, deployed: DeployedResource) -> None:
    creation.call_unless_gone("cloudwatch", "DeleteDashboards", {"DashboardNames": [deployed.physical_id]})


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::Logs::LogGroup": handler(create_log_group, update_log_group, delete_log_group, replaced_by=("LogGroupName",)),
    "AWS::SSM::Parameter": handler(create_parameter, update_parameter, delete_parameter, replaced_by=("Name",)),
    "AWS::CloudWatch::Alarm": handler(create_alarm, update_alarm, delete_alarm, replaced_by=("AlarmName",)),
    "AWS::CloudWatch::CompositeAlarm": handler(
        create_composite_alarm, update_composite_alarm, delete_alarm, replaced_by=("AlarmName",)
    ),
    "AWS::CloudWatch::Dashboard": handler(
        create_dashboard, update_dashboard, delete_dashboard, replaced_by=("DashboardName",)
    ),
}
