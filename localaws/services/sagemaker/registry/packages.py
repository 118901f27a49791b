"""Versioned model packages: validation, changes by requests, and the shape of their events. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from localaws.service_api import invalid
from localaws.services.sagemaker.resources.timestamps import iso

ModelPackage = dict[str, Any]  # as DescribeModelPackage returns it

METADATA_PAIRS_MAX = 50

_GIVEN_ONCE = (  # members of CreateModelPackage that are kept as they are
    "ModelPackageDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "ValidationSpecification",
    "SourceAlgorithmSpecification",
    "MetadataProperties",
    "ModelMetrics",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "AdditionalInferenceSpecifications",
    "SkipModelValidation",
    "SourceUri",
    "SecurityConfig",
    "ModelCard",
    "ModelLifeCycle",
    "ManagedStorageType",
)
_REPLACED_BY_UPDATE = (
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)
_NAME_IN_EVENT = {"SourceUri": "sourceUri"}  # AWS documents this one in another case
_IN_EVENT = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelPackageStatusDetails",
    "CertifyForMarketplace",
    "ModelApprovalStatus",
    "MetadataProperties",
    "ModelMetrics",
    "ModelLifeCycle",
)
_IN_SUMMARY = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)


def new_package(
    request: Mapping[str, Any],
    *,
    group_arn: str,
    version: int,
    now: datetime,
    author: Mapping[str, Any],
    status: str = "Completed",
) -> ModelPackage:
    """The package that CreateModelPackage makes, as version ``version`` of its group.

    The real service has it Pending and InProgress first (ModelPackageStatus of DescribeModelPackage); here it has
    ``status`` at once.
    """
    group = group_arn.rsplit("/", 1)[-1]
    return {
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelPackageRegistrationType": "Registered",
        **{field: request[field] for field in _GIVEN_ONCE if request.get(field) is not None},
        **({"ModelApprovalStatus": request["ModelApprovalStatus"]} if request.get("ModelApprovalStatus") else {}),
        "ModelPackageGroupName": group,
        "ModelPackageVersion": version,
        "ModelPackageArn": f"{group_arn.replace(':model-package-group/', ':model-package/')}/{version}",
        "ModelPackageStatus": status,
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": bool(request.get("CertifyForMarketplace")),
        "CreationTime": now,
        "CreatedBy": author,
        "LastModifiedTime": now,
        "LastModifiedBy": author,
    }


def with_status(package: ModelPackage, status: str, failure: str, *, now: datetime) -> ModelPackage:
    """The package once its own work has gone on to ``status``; ``failure`` is why a validation failed."""
    found = [{"Name": "validation", "Status": "Failed", "FailureReason": failure}] if failure else []
    details = {**package["ModelPackageStatusDetails"], "ValidationStatuses": found}
    return {**package, "ModelPackageStatus": status, "ModelPackageStatusDetails": details, "LastModifiedTime": now}


def updated_package(
    package: ModelPackage, request: Mapping[str, Any], *, now: datetime, author: Mapping[str, Any]
) -> tuple[ModelPackage, list[str]]:
    """The package after UpdateModelPackage, and ``UpdatedModelPackageFields`` of its event.

    Every member sent counts as updated, even with the value it had: consumers must bear the repeated event.
    """
    replaced = {field: request[field] for field in _REPLACED_BY_UPDATE if request.get(field) is not None}
    changed = [_NAME_IN_EVENT.get(field, field) for field in replaced]
    after = {**package, **replaced, "LastModifiedTime": now, "LastModifiedBy": author}
    if request.get("CustomerMetadataProperties") or request.get("CustomerMetadataPropertiesToRemove"):
        after["CustomerMetadataProperties"] = merged_metadata(
            package.get("CustomerMetadataProperties", {}),
            request.get("CustomerMetadataProperties") or {},
            request.get("CustomerMetadataPropertiesToRemove") or [],
        )
        changed.append("CustomerMetadataProperties")
    if request.get("AdditionalInferenceSpecificationsToAdd"):
        after["AdditionalInferenceSpecifications"] = [
            *package.get("AdditionalInferenceSpecifications", []),
            *request["AdditionalInferenceSpecificationsToAdd"],
        ]
    return after, changed


def merged_metadata(before: Mapping[str, str], given: Mapping[str, str], removed: list[str]) -> dict[str, str]:
    """Merge the pairs given, then drop the keys removed; at most 50 pairs may remain."""
    merged = {key: value for key, value in {**before, **given}.items() if key not in removed}
    if len(merged) > METADATA_PAIRS_MAX:
        raise invalid(f"CustomerMetadataProperties can have at most {METADATA_PAIRS_MAX} entries")
    return merged


def summary(package: ModelPackage) -> dict[str, Any]:
    """The entry of ListModelPackages."""
    return {field: package[field] for field in _IN_SUMMARY if field in package}


def event_detail(package: ModelPackage, changed: list[str] | None) -> dict[str, Any]:
    """Detail of "SageMaker Model Package State Change"; ``changed`` is None when it was just created.

    Like the real event it lacks ApprovalDescription and CustomerMetadataProperties: those have to be read.
    """
    detail = {field: package[field] for field in _IN_EVENT if field in package}
    detail["CreationTime"] = iso(package["CreationTime"])
    detail["LastModifiedTime"] = iso(package["LastModifiedTime"])
    if changed is not None:
        detail["UpdatedModelPackageFields"] = changed
    return detail
