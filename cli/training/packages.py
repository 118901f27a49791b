"""The versions of a model: what is registered, approved or not, and how good it was in evaluation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sluice.aws.model_registry import DESCRIPTION_MAX, Package, package_from
from sluice.errors import AwsRefusedError
from sluice.names import MODEL
from sluice.rollout.model.evaluation_report import metric_values

from cli.failures import BadInputError, NotFoundError
from cli.session import CliSession, described, every, read_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One model package."""

    model: str
    number: int
    arn: str
    approval: str
    """Approved | Rejected | PendingManualApproval"""
    created: datetime
    status: str = "Completed"
    """Of its registration: Pending | InProgress | Completed | Failed | Deleting; no model is made before its end."""
    description: str = ""
    """Why it was approved or rejected."""
    metrics: Mapping[str, float] | None = None
    """Metrics of the evaluation; None if they were not requested or could not be read."""
    package: Package | None = None
    """All that the registry has of it; None if it was not requested."""

    @property
    def name(self) -> str:
        """The version as people write it, e.g. ``fraud/7``."""
        return f"{self.model}/{self.number}"


def parse_version(text: str) -> tuple[str, int]:
    """``fraud/7`` as model and number; raises ``BadInputError``."""
    found = re.fullmatch(rf"(?P<model>{MODEL.pattern})/(?P<number>\d{{1,9}})", text)
    if found is None:
        raise BadInputError(f"{text!r} is not a version; write <model>/<number>, such as fraud/7")
    return found["model"], int(found["number"])


def list_versions(session: CliSession, model: str, most: int = 10_000) -> list[Version]:
    """The newest versions first; empty when nothing was registered yet."""
    sagemaker = session.clients("sagemaker")
    group = session.names.group(model)
    if described(sagemaker.describe_model_package_group, ModelPackageGroupName=group) is None:
        return []
    found = every(
        sagemaker.list_model_packages,
        "ModelPackageSummaryList",
        most=most,
        ModelPackageGroupName=group,
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    return [
        Version(
            model=model,
            number=int(one["ModelPackageVersion"]),
            arn=one["ModelPackageArn"],
            approval=one.get("ModelApprovalStatus", ""),
            status=one.get("ModelPackageStatus", "Completed"),
            created=one["CreationTime"],
        )
        for one in found
    ]


def find_version(session: CliSession, text: str) -> Version:
    """The version called e.g. ``fraud/7``; raises ``NotFoundError`` with the ones there are."""
    model, number = parse_version(text)
    versions = list_versions(session, model)
    for version in versions:
        if version.number == number:
            return with_details(session, version)
    if not versions:
        read_spec(session, model)
    known = ", ".join(version.name for version in versions[:20]) or "none"
    raise NotFoundError(f"There is no version {text} in stage {session.names.stage}; there are: {known}")


def with_details(session: CliSession, version: Version) -> Version:
    """The same version with its description and metrics."""
    found = session.clients("sagemaker").describe_model_package(ModelPackageName=version.arn)
    return Version(
        model=version.model,
        number=version.number,
        arn=version.arn,
        created=version.created,
        approval=found.get("ModelApprovalStatus", version.approval),
        status=found.get("ModelPackageStatus", version.status),
        description=found.get("ApprovalDescription", ""),
        metrics=_metrics(session, found),
        package=package_from(found),
    )


def _metrics(session: CliSession, package: Mapping[str, Any]) -> dict[str, float] | None:
    """The registry only knows in which file they are."""
    source = package.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri")
    if not source:
        return None
    place = urlsplit(source)
    try:
        held = session.clients("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
        return dict(metric_values(json.loads(held["Body"].read())))
    except AwsRefusedError as error:
        if error.code in ("NoSuchKey", "NoSuchBucket", "AccessDenied"):
            return None  # the version can be judged without; the missing numbers are shown as such
        raise
    except ValueError:
        return None


def shown_metrics(version: Version) -> str:
    """For people, e.g. ``mse 4.21``."""
    if not version.metrics:
        return "no metrics"
    return ", ".join(f"{name} {value:.4g}" for name, value in version.metrics.items())


def as_json(version: Version) -> dict[str, object]:
    return {
        "version": version.name,
        "arn": version.arn,
        "approval": version.approval,
        "status": version.status,
        "description": version.description,
        "created": version.created.isoformat(),
        "metrics": version.metrics,
    }


def reason_before(reason: str, before: str) -> str:
    """The registry has one reason for a version: the new one first, then what people or a rollback said before."""
    return (f"{reason} | before: {before}" if before and before != reason else reason)[:DESCRIPTION_MAX]
