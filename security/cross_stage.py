"""What the roles of one stage may do to resources of another in the same account, and why it cannot be less.

Stages are told apart by names. What has no resource-level permission, or a name that SageMaker makes up, is not.
"""

from __future__ import annotations

from security.deployed_template import deployed, role_statements

_NO_RESOURCE = "AWS has no resource-level permission for it"
_RANDOM_TARGET = "targets have random ids; registering one also needs the right to change its endpoint's capacity"
_JOB = "SageMaker names the jobs of a pipeline `pipelines-<execution>-…`, without the pipeline's name"
_BY_HAND = "a config that was put on our endpoint by hand has any name; the endpoint itself must be the stage's"
_ONE_GROUP = "SageMaker has one log group for all jobs of a kind"
_IMAGE = "an image of AWS's, which all accounts share"

REASONS: dict[str, str] = {
    **{f"application-autoscaling:{name}": _NO_RESOURCE for name in
       ("DescribeScalableTargets", "DescribeScalingPolicies", "DescribeScheduledActions")},
    **{f"application-autoscaling:{name}": _RANDOM_TARGET for name in
       ("RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy", "PutScheduledAction",
        "DeleteScheduledAction")},
    "cloudwatch:DescribeAlarms": "under a narrower scope AWS leaves composite alarms out",
    "cloudwatch:GetMetricData": _NO_RESOURCE,
    "cloudwatch:PutCompositeAlarm": "AWS refuses to make a composite alarm under a narrower scope",
    "cloudwatch:PutMetricData": "it can only be bound to a namespace",
    **{f"ecr:{name}": _IMAGE for name in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")},
    "ecr:GetAuthorizationToken": _NO_RESOURCE,
    "events:PutEvents": "all stages share the default bus; rules take what names their own stage",
    "iam:CreateServiceLinkedRole": "an account has one such role",
    **{f"logs:{name}": _ONE_GROUP for name in
       ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")},
    **{f"logs:{name}": _NO_RESOURCE for name in
       ("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries",
        "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups")},
    **{f"sagemaker:{name}": _JOB for name in
       ("AddTags", "CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob", "CreateTrainingJob",
        "DescribeTrainingJob", "StopTrainingJob")},
    **{f"sagemaker:{name}": _BY_HAND for name in ("DescribeEndpoint", "DescribeEndpointConfig", "UpdateEndpoint")},
    "sagemaker:ListModelPackages": _NO_RESOURCE,
}  # fmt: skip
"""Action -> why its resources are not those of one stage."""


def crossing() -> dict[str, dict[str, set[str]]]:
    """Action -> resource pattern -> roles: what ``dev`` is granted in the very words in which ``prod`` is."""
    granted = {stage: _granted(stage) for stage in ("dev", "prod")}
    return {
        action: both
        for action, patterns in granted["dev"].items()
        if (both := {each: roles for each, roles in patterns.items() if each in granted["prod"].get(action, {})})
    }


def _granted(stage: str) -> dict[str, dict[str, set[str]]]:
    """Without the resources that CloudFormation names, which are each stack's own."""
    found: dict[str, dict[str, set[str]]] = {}
    for statement in role_statements(deployed(stage)):
        if statement.effect == "Allow":
            for action in statement.actions:
                for resource in statement.resources:
                    if "<" not in resource:
                        found.setdefault(action, {}).setdefault(resource, set()).add(statement.role)
    return found
