"""Permissions of Application Auto Scaling; its setup also needs permissions of SageMaker and CloudWatch."""

from __future__ import annotations

from localaws.iam.permissions.permission import CallParams, Permission, Place


def autoscaling(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """Targets are resources with random ids, so only a policy for all of them can match before one exists.

    Registering looks at the endpoint and may rescale it; a target tracking policy makes alarms.
    """
    if operation.startswith("Describe"):
        return [Permission(f"application-autoscaling:{operation}", "*")]
    context = {
        "application-autoscaling:service-namespace": str(params.get("ServiceNamespace", "")),
        "application-autoscaling:scalable-dimension": str(params.get("ScalableDimension", "")),
    }
    target = place.arn("application-autoscaling", "scalable-target/*")
    needed = [Permission(f"application-autoscaling:{operation}", target, context)]
    resource = str(params.get("ResourceId", ""))
    if operation == "RegisterScalableTarget" and resource.startswith("endpoint/"):
        endpoint = place.arn("sagemaker", f"endpoint/{resource.split('/')[1].lower()}")
        actions = ("sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities")
        needed += [Permission(action, endpoint) for action in actions]
    if operation == "PutScalingPolicy" and params.get("PolicyType") == "TargetTrackingScaling":
        alarms = place.arn("cloudwatch", f"alarm:TargetTracking-{resource}-*")
        needed.append(Permission("cloudwatch:PutMetricAlarm", alarms))
    return needed
