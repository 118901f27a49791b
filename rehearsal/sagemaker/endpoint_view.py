"""An endpoint as DescribeEndpoint shows it and as its event tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rehearsal.sagemaker.endpoint import Endpoint, Variant
from rehearsal.sagemaker.timestamps import epoch_ms


def description(endpoint: Endpoint) -> dict[str, Any]:
    """The answer of DescribeEndpoint."""
    config = endpoint.config.request
    shown: dict[str, Any] = {
        **summary(endpoint),
        "EndpointConfigName": endpoint.config.name,
        "FailureReason": endpoint.failure_reason,
        "ProductionVariants": [_variant(variant) for variant in endpoint.variants],
        "DataCaptureConfig": _data_capture(config.get("DataCaptureConfig")),
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
    if endpoint.failure_reason:
        detail["FailureReason"] = endpoint.failure_reason
    return detail


def screaming_snake(status: str) -> str:
    """``InService`` → ``IN_SERVICE``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()


def _variant(variant: Variant) -> dict[str, Any]:
    return {
        "VariantName": variant.name,
        "DeployedImages": [
            {
                "SpecifiedImage": variant.blueprint.container.image,
                "ResolvedImage": variant.blueprint.container.image,
                "ResolutionTime": variant.resolved,
            }
        ],
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.desired_weight,
        "CurrentInstanceCount": variant.instances,
        "DesiredInstanceCount": variant.desired_instances,
    }


def _pending(endpoint: Endpoint) -> dict[str, Any] | None:
    if endpoint.pending is None:
        return None
    return {
        "EndpointConfigName": endpoint.pending.config.name,
        "StartTime": endpoint.pending.started,
        "ProductionVariants": [
            {
                **_variant(variant),
                "VariantStatus": [{"Status": "Creating", "StartTime": endpoint.pending.started}],
            }
            for variant in endpoint.pending.variants
        ],
    }


def _data_capture(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Stopped, always: capture is configured here but not carried out."""
    if config is None:
        return None
    return {
        "EnableCapture": config.get("EnableCapture", False),
        "CaptureStatus": "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
