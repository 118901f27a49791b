"""An endpoint in the shape of DescribeEndpoint and of its event."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint
from localaws.services.sagemaker.endpoint_state.variant import Variant
from localaws.services.sagemaker.resources.timestamps import epoch_ms


def description(endpoint: Endpoint) -> dict[str, Any]:
    """The answer of DescribeEndpoint."""
    config = endpoint.config.request
    shown: dict[str, Any] = {
        **summary(endpoint),
        "EndpointConfigName": endpoint.config.name,
        "FailureReason": endpoint.failure_reason,
        "ProductionVariants": [_variant(variant) for variant in endpoint.variants],
        "ShadowProductionVariants": [_variant(variant) for variant in endpoint.shadows],
        "DataCaptureConfig": _data_capture(config.get("DataCaptureConfig")),
        "AsyncInferenceConfig": config.get("AsyncInferenceConfig"),
        "MetricsConfig": config.get("MetricsConfig"),
        "PendingDeploymentSummary": _pending(endpoint),
        "LastDeploymentConfig": endpoint.last_deployment,
    }
    return {key: value for key, value in shown.items() if value not in (None, [])}


def summary(endpoint: Endpoint) -> dict[str, Any]:
    """One entry of ListEndpoints."""
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointStatus": endpoint.status.value,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
    }


def event_detail(endpoint: Endpoint, tags: Mapping[str, str]) -> dict[str, Any]:
    """The detail of "SageMaker Endpoint State Change": another spelling of the status, numbers as floats."""
    pending = endpoint.pending
    variants = endpoint.variants or (pending.variants if pending else ())
    detail: dict[str, Any] = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.config.name,
        "ProductionVariants": [
            {
                "DesiredWeight": float(variant.desired_weight),
                "DesiredInstanceCount": float(variant.desired_instances),
            }
            for variant in variants
        ],
        "EndpointStatus": screaming_snake(endpoint.status.value),
        "CreationTime": float(epoch_ms(endpoint.created)),
        "LastModifiedTime": float(epoch_ms(endpoint.modified)),
        "Tags": dict(tags),
    }
    if endpoint.shadows:
        detail["ShadowProductionVariants"] = [
            {
                "DesiredWeight": float(variant.desired_weight),
                "DesiredInstanceCount": float(variant.desired_instances),
            }
            for variant in endpoint.shadows
        ]
    if endpoint.failure_reason:
        detail["FailureReason"] = endpoint.failure_reason
    return detail


def screaming_snake(status: str) -> str:
    """``InService`` → ``IN_SERVICE``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()


def _variant(variant: Variant) -> dict[str, Any]:
    images = {
        "SpecifiedImage": variant.blueprint.container.image,
        "ResolvedImage": variant.blueprint.container.image,
        "ResolutionTime": variant.resolved,
    }
    return {
        "VariantName": variant.name,
        "DeployedImages": [images],
        **_capacity(variant),
        **_progress(variant, at=lambda since: since),
    }


def _pending(endpoint: Endpoint) -> dict[str, Any] | None:
    pending = endpoint.pending
    if pending is None:
        return None
    shown = {
        "EndpointConfigName": pending.config.name,
        "StartTime": pending.started,
        "ProductionVariants": [_pending_variant(variant, pending.started) for variant in pending.variants],
    }
    if pending.shadows:
        shadows = [_pending_variant(variant, pending.started) for variant in pending.shadows]
        shown["ShadowProductionVariants"] = shadows
    return shown


def _pending_variant(variant: Variant, started: datetime) -> dict[str, Any]:
    creating = {"VariantStatus": [{"Status": "Creating", "StartTime": started}]}
    return {**creating, **_variant(variant), "InstanceType": variant.blueprint.instance_type}


def deployment_detail(endpoint: Endpoint, tags: Mapping[str, str]) -> dict[str, Any]:
    """The detail of "SageMaker Endpoint Deployment State Change"."""
    detail: dict[str, Any] = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.config.name,
        "ProductionVariants": [_variant_detail(variant) for variant in endpoint.variants],
        "EndpointStatus": screaming_snake(endpoint.status.value),
        "CreationTime": epoch_ms(endpoint.created),
        "LastModifiedTime": epoch_ms(endpoint.modified),
        "Tags": dict(tags),
    }
    if endpoint.shadows:
        detail["ShadowProductionVariants"] = [_variant_detail(variant) for variant in endpoint.shadows]
    if endpoint.pending:
        detail["PendingDeploymentSummary"] = {
            "EndpointConfigName": endpoint.pending.config.name,
            "StartTime": epoch_ms(endpoint.pending.started),
            "ProductionVariants": [_variant_detail(variant) for variant in endpoint.pending.variants],
        }
    return detail


def _variant_detail(variant: Variant) -> dict[str, Any]:
    return {"VariantName": variant.name, **_capacity(variant), **_progress(variant, at=epoch_ms)}


def _capacity(variant: Variant) -> dict[str, Any]:
    if variant.size and variant.desired_size:
        return {
            "CurrentWeight": variant.weight,
            "DesiredWeight": variant.desired_weight,
            "CurrentServerlessConfig": variant.size.shown(),
            "DesiredServerlessConfig": variant.desired_size.shown(),
        }
    return {
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.desired_weight,
        "CurrentInstanceCount": variant.instances,
        "DesiredInstanceCount": variant.desired_instances,
    }


def _progress(variant: Variant, *, at: Callable[[datetime], Any]) -> dict[str, Any]:
    """VariantStatus, with its time as ``at`` writes it; nothing when nothing is being done."""
    progress = variant.progress
    if progress is None:
        return {}
    status = {"Status": progress.phase.value, "StatusMessage": progress.message, "StartTime": at(progress.since)}
    return {"VariantStatus": [status]}


def _data_capture(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if config is None:
        return None
    is_on = config.get("EnableCapture", False)
    return {
        "EnableCapture": is_on,
        "CaptureStatus": "Started" if is_on else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
