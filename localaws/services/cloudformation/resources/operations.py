"""Log groups, alarms, dashboards and SSM parameters."""

from __future__ import annotations

from collections.abc import Mapping

from localaws.services.cloudformation.resources.creation import Creation, Maker
from localaws.services.cloudformation.resources.stack import Made


def make_log_group(creation: Creation) -> Made:
    name = creation.name_from("LogGroupName", longest=512)
    retention_days = creation.take("RetentionInDays")
    params = {
        "logGroupName": name,
        "kmsKeyId": creation.take("KmsKeyId"),
        "logGroupClass": creation.take("LogGroupClass"),
        "tags": creation.tag_map(),
    }
    creation.call("logs", "CreateLogGroup", params)
    if retention_days is not None:
        settings = {"logGroupName": name, "retentionInDays": retention_days}
        creation.call("logs", "PutRetentionPolicy", settings)
    return Made(physical_id=name, attributes={"Arn": creation.arn("logs", f"log-group:{name}:*")})


def make_parameter(creation: Creation) -> Made:
    name = creation.name_from("Name", longest=2048)
    tags = [{"Key": key, "Value": value} for key, value in creation.take("Tags", {}).items()] or None
    params = {"Name": name, "Tags": tags, **creation.rest()}
    creation.call("ssm", "PutParameter", params)
    return Made(physical_id=name, attributes={"Type": str(params["Type"]), "Value": str(params["Value"])})


def make_alarm(creation: Creation) -> Made:
    return _make_alarm(creation, "PutMetricAlarm")


def make_composite_alarm(creation: Creation) -> Made:
    return _make_alarm(creation, "PutCompositeAlarm")


def _make_alarm(creation: Creation, operation: str) -> Made:
    name = creation.name_from("AlarmName", longest=255)
    params = {"AlarmName": name, "Tags": creation.tags(), **creation.rest()}
    creation.call("cloudwatch", operation, params)
    return Made(physical_id=name, attributes={"Arn": creation.arn("cloudwatch", f"alarm:{name}")})


def make_dashboard(creation: Creation) -> Made:
    name = creation.name_from("DashboardName", longest=255)
    params = {"DashboardName": name, "DashboardBody": creation.need("DashboardBody")}
    creation.call("cloudwatch", "PutDashboard", params)
    return Made(physical_id=name)


MAKERS: Mapping[str, Maker] = {
    "AWS::Logs::LogGroup": make_log_group,
    "AWS::SSM::Parameter": make_parameter,
    "AWS::CloudWatch::Alarm": make_alarm,
    "AWS::CloudWatch::CompositeAlarm": make_composite_alarm,
    "AWS::CloudWatch::Dashboard": make_dashboard,
}
