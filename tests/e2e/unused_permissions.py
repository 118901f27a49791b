"""What the template grants although no play uses it, and why it has to. A new line needs a good reason."""

from __future__ import annotations

_PLATFORM = "SageMaker or Lambda does this as the role on AWS; here the local AWS does it by itself"
_VENDED = "Step Functions sets up the delivery of its logs with these; that is not rehearsed"
_FAILURE = "a failure that no play has; unit tests of rollouts, uploads and runs take it"
_PERSON = "only when a person steps in"
_SWEEP = "the sweep finds what an event should have told; in a play every event tells, and most end before it comes"
_MISSING = "without it what is missing looks like what is forbidden"

_STOPPED = "stops a deployment or a comparison under way, if it is still under way when its rollout ends"
_ASYNC = "for asynchronous endpoints"

_GATES = {"lambda:InvokeFunction": "a gate that a function keeps; the one in the plays is kept by a person"}
_GATE_TOLD = "a gate that waits before anything is changed, where a rollout has no stages"

_LOGS = ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
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

_SCALED = "for a model that scales, where a rollout finds its fleet in a state that the scene of a burst does not reach"
_TARGETS = {
    f"application-autoscaling:{name}": _SCALED
    for name in (
        "DescribeScalableTargets",
        "DescribeScalingPolicies",
        "DescribeScheduledActions",
        "RegisterScalableTarget",
        "DeregisterScalableTarget",
        "PutScalingPolicy",
        "PutScheduledAction",
        "DeleteScheduledAction",
    )
}
_SCALES = _TARGETS | {f"cloudwatch:{name}": _SCALED for name in ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms")}
_SCALES_FIRST = _SCALES | {"iam:CreateServiceLinkedRole": _SCALED}

ANYWHERE: dict[str, str] = {
    **{f"logs:{name}": _PLATFORM for name in _LOGS},
    **{f"ecr:{name}": _PLATFORM for name in _IMAGES},
    "cloudwatch:PutMetricData": _PLATFORM,
    "sqs:SendMessage": "a destination for what a function fails at, or a wake-up for uploads that wait their turn",
}
"""Action -> reason, whatever the role."""

UNUSED: dict[str, dict[str, str]] = {
    "PipelineRole": {
        "s3:AbortMultipartUpload": _FAILURE,
        "sagemaker:AddTags": _PLATFORM,
        "sagemaker:DescribeModelPackage": _PLATFORM,
        "sagemaker:DescribeModelPackageGroup": _PLATFORM,
        "sagemaker:StopProcessingJob": _PERSON,
        "sagemaker:StopTrainingJob": _PERSON,
    },
    "ModelRole": {
        "sns:Publish": _ASYNC,
        "s3:ListBucket": _MISSING,
        "s3:AbortMultipartUpload": _FAILURE,
    },
    "StartPipelineFunctionRole": {
        "sagemaker:DescribePipeline": "which parameters a request may set; the requests in the plays set none",
        "s3:ListBucket": _MISSING,
        "s3:DeleteObject": "hides a rejected file that is too large to be moved in time",
        "s3:AbortMultipartUpload": _FAILURE,
    },
    "RecordPipelineRunFunctionRole": {"dynamodb:Query": _FAILURE, "s3:ListBucket": _MISSING},
    "AnnouncePendingVersionFunctionRole": {"s3:ListBucket": _MISSING},
    "OpenRolloutFunctionRole": {
        "s3:ListBucket": _MISSING,
        "dynamodb:GetItem": _FAILURE,
        "dynamodb:UpdateItem": _FAILURE,
        "sagemaker:UpdateModelPackage": _FAILURE,
    },
    "PlanRolloutFunctionRole": {"dynamodb:DeleteItem": _FAILURE, **_GATES, "events:PutEvents": _GATE_TOLD},
    "ShiftTrafficFunctionRole": _SCALES,
    "ProvisionCandidateFunctionRole": {
        **_SCALES_FIRST,
        "sagemaker:UpdateEndpointWeightsAndCapacities": _SCALED,
        **_GATES,
    },
    "AnalyzeStageFunctionRole": {
        "dynamodb:UpdateItem": "the fence, when the judge is quicker than the alarm",
        **_GATES,
    },
    "PromoteCandidateFunctionRole": {
        **_SCALES_FIRST,
        "sagemaker:CreateEndpoint": _FAILURE,
        "sagemaker:DescribeModelPackage": "is it still approved, in the watch after a promotion",
    },
    "RollBackFunctionRole": {
        **_SCALES_FIRST,
        "sagemaker:DescribeTransformJob": _STOPPED,
        "sagemaker:StopTransformJob": _STOPPED,
        "sagemaker:DeleteEndpoint": _FAILURE,
        "sagemaker:UpdateEndpointWeightsAndCapacities": "when the quick way back was refused",
        "cloudwatch:SetAlarmState": _STOPPED,
    },
    "AbortRolloutFunctionRole": {
        "application-autoscaling:DescribeScalableTargets": _SCALED,
        "application-autoscaling:DescribeScalingPolicies": _SCALED,
        "application-autoscaling:DeregisterScalableTarget": _SCALED,
        "cloudwatch:DeleteAlarms": _SCALED,
        "cloudwatch:DescribeAlarms": _SCALED,
        "cloudwatch:SetAlarmState": _STOPPED,
        "sagemaker:UpdateEndpoint": _FAILURE,
        "states:DescribeExecution": _SWEEP,
    },
    "SweepFunctionRole": {
        **_SCALES_FIRST,
        "sagemaker:DescribeEndpoint": _SWEEP,
        "sagemaker:DescribeEndpointConfig": _SWEEP,
        "sagemaker:UpdateEndpointWeightsAndCapacities": _SCALED,
        "ssm:GetParameter": _SWEEP,
        "s3:GetObject": _SWEEP,
        "s3:ListBucket": _MISSING,
        "dynamodb:GetItem": _SWEEP,
        "dynamodb:PutItem": _SWEEP,
        "dynamodb:Query": _SWEEP,
        "dynamodb:UpdateItem": _SWEEP,
        "events:PutEvents": _SWEEP,
        "sagemaker:DescribeModelPackage": _SWEEP,
        "sagemaker:DescribePipelineExecution": _SWEEP,
        "sagemaker:DescribeTransformJob": _SWEEP,
        "sagemaker:ListModelPackages": _SWEEP,
        "ssm:GetParametersByPath": _SWEEP,
        "states:DescribeExecution": _SWEEP,
    },
    "StartBatchFunctionRole": {"s3:AbortMultipartUpload": _FAILURE},
    "HandleAsyncResultFunctionRole": {
        action: _ASYNC
        for action in (
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "events:PutEvents",
            "s3:GetObject",
            "s3:ListBucket",
            "sagemaker:DescribeEndpoint",
            "sagemaker:DescribeEndpointConfig",
            "sagemaker:InvokeEndpointAsync",
            "sqs:DeleteMessage",
            "ssm:GetParameter",
        )
    },
    "RolloutRole": {f"logs:{name}": _VENDED for name in _DELIVERY},
}
"""Role -> action -> reason."""
