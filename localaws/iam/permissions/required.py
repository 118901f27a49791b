"""The permissions of any call."""

from __future__ import annotations

from collections.abc import Callable

from localaws.iam.permissions import acting, observing, sagemaker, scaling, storage
from localaws.iam.permissions.permission import CallParams, Permission, Place, Rules
from localaws.service_api import Call

_RULES: dict[str, Rules] = {
    "application-autoscaling": scaling.autoscaling,
    "cloudformation": observing.cloudformation,
    "cloudwatch": observing.cloudwatch,
    "dynamodb": storage.dynamodb,
    "events": acting.events,
    "iam": observing.iam,
    "lambda": acting.lambda_,
    "logs": observing.logs,
    "s3": storage.s3,
    "sagemaker": sagemaker.sagemaker,
    "sagemaker-runtime": sagemaker.runtime,
    "scheduler": acting.scheduler,
    "sns": acting.sns,
    "sqs": acting.sqs,
    "ssm": storage.ssm,
    "stepfunctions": acting.states,
    "sts": observing.sts,
}


def required(
    call: Call, params: CallParams, partition_key: Callable[[str], str | None] = lambda _table: None
) -> list[Permission]:
    """All permissions ``call`` needs. A service without rules here can only be allowed on all resources."""
    rules = _RULES.get(call.service)
    if rules is None:
        return [Permission(f"{call.service}:{call.operation}", "*")]
    return rules(call.operation, params, Place(call.account, call.region, partition_key))
