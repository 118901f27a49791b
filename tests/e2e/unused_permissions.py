"""What the template grants although no play uses it, and why it has to. A new line needs a good reason.

A reason is true only while nothing uses the grant: the test fails for a grant in ``UNUSED`` that a play uses. What some
plays use and others do not, as their timing has it, is in ``BY_TIMING`` with what decides.
"""

from __future__ import annotations

from collections.abc import Callable

_PLATFORM = "SageMaker does this as the role on AWS; here the local AWS does it by itself"
_VENDED = "Step Functions sets up the delivery of its logs with these; that is not rehearsed"
_FAILURE = "a failure that no play has; unit tests of rollouts, uploads and runs take it"
_DEAD_LETTERS = "what could not be done or delivered; nothing in a play fails for good"
_PERSON = "only when a person stops a pipeline"
_MISSING = "without it what is missing looks like what is forbidden; nothing is missing in a play"
_CLOCK = "for a model that scales by the clock; no play's does"
_FIRST_SCALED = "AWS makes the account's role for scaling with it; the local AWS needs none"
_GATE = "a gate that a function keeps; the one in the plays is kept by a person"
_GATE_TOLD = "a gate that waits before anything is changed, where a rollout has no stages"

_IMAGES = ("GetAuthorizationToken", "BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
_DELIVERY = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)
_SERVES = {
    **{f"ecr:{name}": _PLATFORM for name in _IMAGES},
    "logs:DescribeLogStreams": _PLATFORM,
    "cloudwatch:PutMetricData": _PLATFORM,
}
_RUNS_CONTAINERS = _SERVES | {"s3:AbortMultipartUpload": _FAILURE}
_SCALES_BY_THE_CLOCK = {
    f"application-autoscaling:{name}": _CLOCK for name in ("PutScheduledAction", "DeleteScheduledAction")
}
_NEVER_SCALES = _SCALES_BY_THE_CLOCK | {"iam:CreateServiceLinkedRole": _FIRST_SCALED}

UNUSED: dict[str, dict[str, str]] = {
    "PipelineRole": {
        **_RUNS_CONTAINERS,
        **{f"logs:{name}": _PLATFORM for name in ("CreateLogGroup", "CreateLogStream", "PutLogEvents")},
        "sagemaker:DescribeModelPackage": _PLATFORM,
        "sagemaker:DescribeModelPackageGroup": _PLATFORM,
        "sagemaker:StopProcessingJob": _PERSON,
        "sagemaker:StopTrainingJob": _PERSON,
    },
    "ModelRole": _RUNS_CONTAINERS,
    "ScheduleRole": {"sqs:SendMessage": "no play waits for a schedule of training"},
    "BatchScheduleRole": {"sqs:SendMessage": _DEAD_LETTERS},
    "ServerlessModelRole": _SERVES,
    "StartPipelineFunctionRole": {
        "s3:ListBucket": _MISSING,
        "s3:DeleteObject": "hides a rejected file that is too large to be moved in time",
        "s3:AbortMultipartUpload": _FAILURE,
    },
    "RecordPipelineRunFunctionRole": {"dynamodb:Query": _FAILURE, "s3:ListBucket": _MISSING},
    "AnnouncePendingVersionFunctionRole": {"s3:ListBucket": _MISSING, "sqs:SendMessage": _DEAD_LETTERS},
    "OpenRolloutFunctionRole": {
        "s3:ListBucket": _MISSING,
        "sagemaker:UpdateModelPackage": _FAILURE,
        "sqs:SendMessage": _DEAD_LETTERS,
    },
    "PlanRolloutFunctionRole": {
        "dynamodb:DeleteItem": _FAILURE,
        "lambda:InvokeFunction": _GATE,
        "events:PutEvents": _GATE_TOLD,
    },
    "ProvisionCandidateFunctionRole": {**_NEVER_SCALES, "lambda:InvokeFunction": _GATE},
    "ShiftTrafficFunctionRole": _SCALES_BY_THE_CLOCK,
    "AnalyzeStageFunctionRole": {"lambda:InvokeFunction": _GATE},
    "PromoteCandidateFunctionRole": {**_NEVER_SCALES, "sagemaker:CreateEndpoint": _FAILURE},
    "RollBackFunctionRole": {
        **_NEVER_SCALES,
        "sagemaker:DeleteEndpoint": _FAILURE,
    },
    "AbortRolloutFunctionRole": {"sqs:SendMessage": _DEAD_LETTERS},
    "SweepFunctionRole": {**_NEVER_SCALES, "sqs:SendMessage": _DEAD_LETTERS},
    "StartBatchFunctionRole": {"s3:AbortMultipartUpload": _FAILURE, "sqs:SendMessage": _DEAD_LETTERS},
    "CompleteBatchFunctionRole": {"sqs:SendMessage": _DEAD_LETTERS},
    "HandleAsyncResultFunctionRole": {"s3:ListBucket": _MISSING},
    "RecordOutcomeFunctionRole": {"sqs:SendMessage": "an outcome that can never be counted; the plays send none"},
    "RolloutRole": {f"logs:{name}": _VENDED for name in _DELIVERY},
}
"""Role -> action -> why no play uses it."""

_FLEET = "the state in which a task finds the fleet of a model that scales: before, in or after a burst"
_FOUND = "how far a rollout has come when its alarm rings"
_COMPARED = "whether a comparison of batch versions has ended when its rollout is stopped"
_CLOSED = "whether the event of a rejection by a rollback comes before its rollout is closed"
_FENCE = "whether the judge is quicker than the alarm"
_SWEPT = "whether the sweep comes while something is open or has not been told"

_SCALING = tuple(
    f"application-autoscaling:{name}"
    for name in (
        "DescribeScalableTargets",
        "DescribeScalingPolicies",
        "DescribeScheduledActions",
        "RegisterScalableTarget",
        "DeregisterScalableTarget",
        "PutScalingPolicy",
    )
)
_SCALING_ALARMS = ("cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms")
_SCALES = {action: _FLEET for action in (*_SCALING, *_SCALING_ALARMS)}

BY_TIMING: dict[str, dict[str, str]] = {
    "OpenRolloutFunctionRole": {"sagemaker:DescribeEndpoint": _CLOSED, "sagemaker:DescribeEndpointConfig": _CLOSED},
    "ProvisionCandidateFunctionRole": {**_SCALES, "sagemaker:UpdateEndpointWeightsAndCapacities": _FLEET},
    "ShiftTrafficFunctionRole": _SCALES,
    "AnalyzeStageFunctionRole": {"dynamodb:UpdateItem": _FENCE},
    "PromoteCandidateFunctionRole": _SCALES,
    "RollBackFunctionRole": {
        **_SCALES,
        "sagemaker:DescribeTransformJob": _COMPARED,
        "sagemaker:StopTransformJob": _COMPARED,
        "cloudwatch:SetAlarmState": _FOUND,
        "sagemaker:UpdateEndpointWeightsAndCapacities": _FOUND,
    },
    "AbortRolloutFunctionRole": {
        action: _FOUND
        for action in (
            "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:DescribeScalingPolicies",
            "application-autoscaling:DeregisterScalableTarget",
            "cloudwatch:DeleteAlarms",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:SetAlarmState",
            "sagemaker:UpdateEndpoint",
            "states:StartExecution",
        )
    }
    | {"states:DescribeExecution": _SWEPT},
    "SweepFunctionRole": {
        **{action: _SWEPT for action in (*_SCALING, *_SCALING_ALARMS)},
        **{
            action: _SWEPT
            for action in (
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
                "events:PutEvents",
                "logs:CreateLogStream",
                "logs:PutLogEvents",
                "s3:GetObject",
                "s3:ListBucket",
                "sagemaker:DescribeEndpoint",
                "sagemaker:DescribeEndpointConfig",
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribePipelineExecution",
                "sagemaker:DescribeTransformJob",
                "sagemaker:ListModelPackages",
                "sagemaker:UpdateEndpointWeightsAndCapacities",
                "ssm:GetParameter",
                "ssm:GetParametersByPath",
                "states:DescribeExecution",
            )
        },
    },
}
"""Role -> action -> what decides whether a play uses it."""


def needless(used: dict[str, dict[str, bool]]) -> dict[str, list[str]]:
    """Role -> actions that no play used and that have no reason. ``used`` has role -> action -> whether it was used."""
    return _those(used, lambda role, action, is_used: not is_used and action not in _reasons(role))


def untrue(used: dict[str, dict[str, bool]]) -> dict[str, list[str]]:
    """Role -> actions that are said to be used by no play, and are."""
    return _those(used, lambda role, action, is_used: is_used and action in UNUSED.get(role, {}))


def stale(used: dict[str, dict[str, bool]]) -> list[str]:
    """What has a reason and is not granted, or has one of either kind."""
    listed = [(role, action) for reasons in (UNUSED, BY_TIMING) for role in reasons for action in reasons[role]]
    return [
        f"{role}: {action}"
        for role, action in listed
        if action not in used.get(role, {}) or listed.count((role, action)) > 1
    ]


def _reasons(role: str) -> set[str]:
    return {*UNUSED.get(role, ()), *BY_TIMING.get(role, ())}


def _those(used: dict[str, dict[str, bool]], wanted: Callable[[str, str, bool], bool]) -> dict[str, list[str]]:
    found = {
        role: sorted(action for action, is_used in actions.items() if wanted(role, action, is_used))
        for role, actions in used.items()
    }
    return {role: actions for role, actions in found.items() if actions}
