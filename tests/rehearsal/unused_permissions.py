"""What the template grants although the story does not use it, and why it has to. A new line needs a good reason."""

from __future__ import annotations

_PLATFORM = "SageMaker or Lambda does this as the role on AWS; here the local AWS does it by itself"
_VENDED = "Step Functions sets up the delivery of its logs with these; that is not rehearsed"
_FAILURE = "a failure that the story does not have; unit tests of rollouts, uploads and runs take it"
_PERSON = "only when a person steps in"
_SWEEP = "the sweep finds what an event should have told; in a story every event tells, and most end before it comes"
_MISSING = "without it what is missing looks like what is forbidden"
_QUARANTINE = "for an upload that breaks its contract; the short story has one"
_COMPARED = "only for models whose spec asks to be compared with the live version, as that of the short story"

_STRATEGY = "for another strategy than the story's canary: its scene uses it"
_BATCH = "for batch models, which the scene of this name has"
_ASYNC = "for asynchronous endpoints, of which the story has none: their scene uses it"

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

_SCALED = "only for a model whose spec has scaling, as in the scene of a burst; the story's capacity stays as it is"
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
        "s3:GetObject": _ASYNC,
        "sns:Publish": _ASYNC,
        "s3:ListBucket": _MISSING,
        "s3:PutObject": _STRATEGY,
        "s3:AbortMultipartUpload": _FAILURE,
        "cloudwatch:DescribeAlarms": _STRATEGY,
    },
    "StartPipelineFunctionRole": {
        "s3:PutObject": _QUARANTINE,
        "s3:DeleteObjectVersion": _QUARANTINE,
        "s3:ListBucket": _MISSING,
        "s3:GetObject": _COMPARED,
        "sagemaker:DescribeEndpoint": _COMPARED,
        "sagemaker:DescribeEndpointConfig": _COMPARED,
        "sagemaker:DescribeModelPackage": _COMPARED,
    },
    "OnPipelineStatusFunctionRole": {"dynamodb:Query": _FAILURE, "s3:ListBucket": _MISSING},
    "AnnouncePendingFunctionRole": {"s3:ListBucket": _MISSING},
    "OpenRolloutFunctionRole": {"dynamodb:GetItem": _FAILURE, "dynamodb:UpdateItem": _FAILURE},
    "PlanFunctionRole": {
        "application-autoscaling:DescribeScalingPolicies": _SCALED,
        "dynamodb:DeleteItem": _FAILURE,
        "cloudwatch:DescribeAlarms": "only for alarms of the user's own, which the scene of the strategy linear has",
    },
    "ShiftFunctionRole": _SCALES,
    "ProvisionFunctionRole": {
        **_SCALES_FIRST,
        "sagemaker:UpdateEndpointWeightsAndCapacities": _SCALED,
        "sagemaker:DescribeModelPackage": _PLATFORM,
        "cloudwatch:DescribeAlarms": _STRATEGY,
        "lambda:InvokeFunction": _BATCH,
        "sagemaker:CreateTransformJob": _BATCH,
        "sagemaker:DescribeTransformJob": _BATCH,
        "s3:GetObject": _BATCH,
        "s3:PutObject": _BATCH,
        "s3:ListBucket": _BATCH,
        "events:PutEvents": _BATCH,
    },
    "LookFunctionRole": {"dynamodb:UpdateItem": "the fence, when the judge is quicker than the alarm"},
    "PromoteFunctionRole": {
        **_SCALES_FIRST,
        "sagemaker:CreateEndpoint": _FAILURE,
        "sagemaker:DescribeModelPackage": "is it still approved, in the watch after a promotion",
    },
    "RestoreFunctionRole": {
        **_SCALES_FIRST,
        "sagemaker:DescribeTransformJob": _BATCH,
        "sagemaker:StopTransformJob": _BATCH,
        "sagemaker:DeleteEndpoint": _FAILURE,
        "sagemaker:UpdateEndpointWeightsAndCapacities": "when the quick way back was refused",
        "cloudwatch:SetAlarmState": _STRATEGY,
    },
    "RollBackFunctionRole": {
        "application-autoscaling:DescribeScalableTargets": _SCALED,
        "application-autoscaling:DescribeScalingPolicies": _SCALED,
        "application-autoscaling:DeregisterScalableTarget": _SCALED,
        "cloudwatch:DeleteAlarms": _SCALED,
        "cloudwatch:DescribeAlarms": _SCALED,
        "cloudwatch:SetAlarmState": _STRATEGY,
        "events:PutEvents": _FAILURE,
        "sagemaker:UpdateEndpoint": _FAILURE,
        "states:StartExecution": _FAILURE,
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
        "dynamodb:Query": _SWEEP,
        "events:PutEvents": _SWEEP,
        "sagemaker:DescribeModelPackage": _SWEEP,
        "sagemaker:DescribePipelineExecution": _SWEEP,
        "sagemaker:DescribeTransformJob": _SWEEP,
        "sagemaker:ListModelPackages": _SWEEP,
        "ssm:GetParametersByPath": _SWEEP,
        "states:DescribeExecution": _SWEEP,
    },
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
    "BatchScheduleRole": {"lambda:InvokeFunction": _BATCH},
    "StartBatchFunctionRole": {
        action: _BATCH
        for action in (
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            "events:PutEvents",
            "s3:ListBucket",
            "s3:PutObject",
            "sagemaker:CreateTransformJob",
            "sagemaker:DescribeModelPackage",
            "ssm:GetParameter",
        )
    },
    "HandleBatchResultFunctionRole": {
        action: _BATCH
        for action in (
            "dynamodb:GetItem",
            "dynamodb:UpdateItem",
            "events:PutEvents",
            "s3:GetObject",
            "s3:ListBucket",
            "sagemaker:DescribeTransformJob",
        )
    },
    "RolloutRole": {f"logs:{name}": _VENDED for name in _DELIVERY},
}
"""Role -> action -> reason."""
