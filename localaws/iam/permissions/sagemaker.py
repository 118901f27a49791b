"""Permissions of SageMaker and its runtime. Its ARNs are lower case, whatever the case of the names."""

from __future__ import annotations

import re

from localaws.iam.conditions import ContextValue
from localaws.iam.permissions.permission import CallParams, Permission, Place, as_arn, pass_role

_KINDS = {
    "Endpoint": "endpoint",
    "EndpointConfig": "endpoint-config",
    "Model": "model",
    "ModelPackage": "model-package",
    "ModelPackageGroup": "model-package-group",
    "ModelPackageGroupPolicy": "model-package-group",
    "Pipeline": "pipeline",
    "ProcessingJob": "processing-job",
    "TrainingJob": "training-job",
    "TransformJob": "transform-job",
    "HyperParameterTuningJob": "hyper-parameter-tuning-job",
}
_PARAMETER_OF_KIND = {"ModelPackageGroupPolicy": "ModelPackageGroupName"}
_VERBS = re.compile("^(Create|Describe|Update|Delete|Stop|Put|Get)(.+)$")
_ON_EXECUTION = {
    "DescribePipelineExecution",
    "DescribePipelineDefinitionForExecution",
    "ListPipelineExecutionSteps",
    "ListPipelineParametersForExecution",
    "RetryPipelineExecution",
    "StopPipelineExecution",
    "UpdatePipelineExecution",
}
_ROLE_PARAMETERS = ("ExecutionRoleArn", "RoleArn")


def sagemaker(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """The permissions of a control-plane call."""
    context = _context(operation, params)
    needed = [
        Permission(f"sagemaker:{operation}", resource, context) for resource in _resources(operation, params, place)
    ]
    if operation.startswith("Create") and params.get("Tags"):
        needed.append(Permission("sagemaker:AddTags", needed[0].resource))
    if operation.startswith(("Create", "Update")):
        for parameter in _ROLE_PARAMETERS:
            needed += pass_role(params.get(parameter), "sagemaker")
    return needed


def _context(operation: str, params: CallParams) -> dict[str, ContextValue]:
    """A version's approval, where the call gives it one: who may register or annotate may not always approve.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html: the key is of both
    calls. A call without a status has no such key.
    """
    if operation in {"CreateModelPackage", "UpdateModelPackage"} and params.get("ModelApprovalStatus"):
        return {"sagemaker:ModelApprovalStatus": str(params["ModelApprovalStatus"])}
    return {}


def runtime(operation: str, params: CallParams, place: Place) -> list[Permission]:
    """The permissions of an invocation."""
    return [Permission(f"sagemaker:{operation}", _arn(place, "endpoint", params.get("EndpointName", "")))]


def _resources(operation: str, params: CallParams, place: Place) -> list[str]:
    if operation in _ON_EXECUTION:
        return [str(params.get("PipelineExecutionArn", "*")).lower()]
    if operation in {"StartPipelineExecution", "ListPipelineExecutions"}:
        return [_arn(place, "pipeline", params.get("PipelineName", ""))]
    if operation in {"CreateEndpoint", "UpdateEndpoint"}:
        return [
            _arn(place, "endpoint", params.get("EndpointName", "")),
            _arn(place, "endpoint-config", params.get("EndpointConfigName", "")),
        ]
    if operation == "UpdateEndpointWeightsAndCapacities":
        return [_arn(place, "endpoint", params.get("EndpointName", ""))]
    if operation == "CreateModelPackage" and "ModelPackageGroupName" in params:
        # The version's number does not exist yet: only a policy for all versions of the group can match.
        return [_arn(place, "model-package", params["ModelPackageGroupName"]) + "/*"]
    if operation == "BatchDescribeModelPackage":
        return [str(arn).lower() for arn in params.get("ModelPackageArnList", [])]
    if operation in {"AddTags", "DeleteTags", "ListTags"}:
        return [str(params.get("ResourceArn", "*")).lower()]
    return [_resource_named_after(operation, params, place)]


def _resource_named_after(operation: str, params: CallParams, place: Place) -> str:
    """The resource of DescribeX, DeleteX and so on; "*" for operations without one, such as the lists."""
    match = _VERBS.match(operation)
    kind = match[2] if match else ""
    if kind not in _KINDS:
        return "*"
    parameter = _PARAMETER_OF_KIND.get(kind, f"{kind}Name")
    name = params.get(parameter) or params.get(f"{kind}Arn") or ""
    return _arn(place, _KINDS[kind], str(name))


def _arn(place: Place, kind: str, name: str) -> str:
    return as_arn(name, place.arn("sagemaker", f"{kind}/{name}")).lower()
