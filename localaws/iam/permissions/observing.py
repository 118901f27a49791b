"""Permissions of CloudWatch, its logs, IAM and STS."""

from __future__ import annotations

from localaws.iam.permissions.permission import CallParams, Permission, Place, as_arn


def cloudwatch(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """Alarms and dashboards are resources; metrics are not, but writing them can be bound to a namespace."""
    action = f"cloudwatch:{operation}"
    if operation == "PutMetricData":
        return [Permission(action, "*", {"cloudwatch:namespace": str(params.get("Namespace", ""))})]
    if operation == "PutCompositeAlarm" or "CompositeAlarm" in params.get("AlarmTypes", ()):
        return [Permission(action, "*")]  # AWS wants the widest scope for anything with composite alarms
    names = params.get("AlarmNames") or [params.get("AlarmName")]
    if names != [None]:
        return [Permission(action, place.arn("cloudwatch", f"alarm:{name}")) for name in names]
    if operation == "DescribeAlarms":
        return [Permission(action, place.arn("cloudwatch", "alarm:*"))]
    dashboards = params.get("DashboardNames") or [params.get("DashboardName")]
    if dashboards != [None]:
        return [Permission(action, f"arn:aws:cloudwatch::{place.account}:dashboard/{name}") for name in dashboards]
    return [Permission(action, str(params.get("ResourceARN") or "*"))]


def logs(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """Log groups, written ``log-group:name:*`` as AWS does, and streams."""
    group = params.get("logGroupName")
    identifier = params.get("logGroupIdentifier") or params.get("resourceArn")
    if group is None:
        return [Permission(f"logs:{operation}", str(identifier or "*"))]
    stream = params.get("logStreamName")
    rest = f"log-group:{group}:log-stream:{stream}" if stream else f"log-group:{group}:*"
    return [Permission(f"logs:{operation}", place.arn("logs", rest))]


_IAM_KINDS = {"RoleName": "role", "UserName": "user", "GroupName": "group", "PolicyName": "policy"}


def iam(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """Global resources, without a path unless the call gives it."""
    action = f"iam:{operation}"
    if "PolicySourceArn" in params:  # a simulation: the resource is the principal
        return [Permission(action, params["PolicySourceArn"])]
    if operation.endswith(("Policy", "PolicyVersion")) and "PolicyArn" in params and len(params) == 1:
        return [Permission(action, params["PolicyArn"])]
    path = str(params.get("Path") or "/").lstrip("/")
    for parameter, kind in _IAM_KINDS.items():
        if params.get(parameter):
            resource = f"arn:aws:iam::{place.account}:{kind}/{path}{params[parameter]}"
            context = {"iam:PolicyARN": params["PolicyArn"]} if "PolicyArn" in params else {}
            return [Permission(action, resource, context)]
    return [Permission(action, str(params.get("PolicyArn") or "*"))]


def sts(operation: str, params: CallParams, _place: Place) -> list[Permission]:
    """Taking on a role; asking who one is needs nothing."""
    if operation == "GetCallerIdentity":
        return []
    return [Permission(f"sts:{operation}", str(params.get("RoleArn") or "*"))]


def cloudformation(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """Stacks, whose ids are ARNs."""
    name = params.get("StackName")
    resource = as_arn(name, place.arn("cloudformation", f"stack/{name}/*")) if name else "*"
    return [Permission(f"cloudformation:{operation}", resource)]
