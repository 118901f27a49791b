"""Permissions of compute and messaging services: Lambda, Step Functions, EventBridge, its scheduler, SQS, SNS."""

from __future__ import annotations

from localaws.iam.permissions.permission import CallParams, Permission, Place, as_arn, pass_role


def lambda_(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """Functions and layers; giving a function its role needs PassRole."""
    action = {"Invoke": "lambda:InvokeFunction"}.get(operation, f"lambda:{operation}")
    needed = [Permission(action, _lambda_resource(params, place))]
    if operation in {"CreateFunction", "UpdateFunctionConfiguration"}:
        needed += pass_role(params.get("Role"), "lambda")
    return needed


def _lambda_resource(params: CallParams, place: Place) -> str:
    if params.get("UUID"):  # of a mapping, even when it is given another function
        return place.arn("lambda", f"event-source-mapping:{params['UUID']}")
    if params.get("FunctionName"):
        name = str(params["FunctionName"])
        arn = as_arn(name, place.arn("lambda", f"function:{name}"))
        return f"{arn}:{params['Qualifier']}" if params.get("Qualifier") else arn
    if params.get("LayerName"):
        layer = as_arn(str(params["LayerName"]), place.arn("lambda", f"layer:{params['LayerName']}"))
        return f"{layer}:{params['VersionNumber']}" if params.get("VersionNumber") else layer
    return str(params.get("Resource") or params.get("ResourceARN") or "*")


def states(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """State machines and their executions. Task tokens belong to no resource."""
    if operation == "CreateStateMachine":
        resource = place.arn("states", f"stateMachine:{params.get('name')}")
    else:
        found = (params.get(key) for key in ("executionArn", "stateMachineArn", "resourceArn"))
        resource = next((str(arn) for arn in found if arn), "*")
    needed = [Permission(f"states:{operation}", resource)]
    if operation in {"CreateStateMachine", "UpdateStateMachine"}:
        needed += pass_role(params.get("roleArn"), "states")
    return needed


def events(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """Each entry of PutEvents is asked for with its source, so that a policy can bind a role to its own."""
    if operation == "PutEvents":
        return [
            Permission(
                "events:PutEvents",
                _event_bus(place, entry.get("EventBusName") or "default"),
                {"events:source": entry.get("Source", ""), "events:detail-type": entry.get("DetailType", "")},
            )
            for entry in params.get("Entries", [])
        ]
    rule = params.get("Rule") or (params.get("Name") if operation.endswith("Rule") else None)
    resource = _rule(place, rule, params) if rule else str(params.get("ResourceARN") or "*")
    needed = [Permission(f"events:{operation}", resource)]
    needed += pass_role(params.get("RoleArn"), "events")
    for target in params.get("Targets", []):
        needed += pass_role(target.get("RoleArn"), "events")
    return needed


def _event_bus(place: Place, name: str) -> str:
    return as_arn(name, place.arn("events", f"event-bus/{name}"))


def _rule(place: Place, rule: str, params: CallParams) -> str:
    bus = str(params.get("EventBusName") or "default").rsplit("/", 1)[-1]
    return place.arn("events", f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")


def scheduler(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """Schedules by group and name; a schedule's target gets a role."""
    name, group = params.get("Name"), params.get("GroupName") or "default"
    kind = f"schedule-group/{name}" if operation.endswith("ScheduleGroup") else f"schedule/{group}/{name}"
    resource = place.arn("scheduler", kind) if name else str(params.get("ResourceArn") or "*")
    needed = [Permission(f"scheduler:{operation}", resource)]
    return needed + pass_role(params.get("Target", {}).get("RoleArn"), "scheduler")


def sqs(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """Queues; a batch needs the permission of the single operation."""
    url = params.get("QueueUrl") or params.get("QueueName")
    resource = place.arn("sqs", str(url).rsplit("/", 1)[-1]) if url else "*"
    return [Permission(f"sqs:{operation.removesuffix('Batch')}", resource)]


def sns(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """Topics; a subscription is asked for by its topic."""
    topic = params.get("TopicArn") or params.get("TargetArn") or params.get("ResourceArn")
    if topic is None and params.get("SubscriptionArn"):
        topic = str(params["SubscriptionArn"]).rsplit(":", 1)[0]
    if topic is None and operation == "CreateTopic":
        topic = place.arn("sns", str(params.get("Name")))
    return [Permission(f"sns:{operation.removesuffix('Batch')}", str(topic or "*"))]
