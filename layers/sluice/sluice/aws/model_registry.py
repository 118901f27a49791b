"""The SageMaker Model Registry: registered versions, their approval, and the notes written back to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sluice.aws.paging import pages
from sluice.errors import AwsRefusedError
from sluice.names import package_group_and_version

DESCRIPTION_MAX = 1024
PAGE_MAX = 100
LISTED_MAX = 1000
DELETED = "gone"
"""The status of a version that the registry does not have any more; SageMaker itself has none for it."""

_ABSENT = frozenset({"ValidationException", "ResourceNotFound"})
"""How DescribeModelPackage refuses a well-formed ARN of which there is no version. Its model has no such error; people
have seen ValidationException, "ModelPackage arn:… does not exist." The text is not relied on."""

_S3_URI = re.compile(r"s3://[^\s\"',;]*", re.IGNORECASE)

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_METADATA_VALUE = re.compile(r"[^\w .:/=+@-]")


_OTHER_SOURCES = ("ModelDataSource", "AdditionalModelDataSources", "AdditionalS3DataSource", "BaseModel", "ProductId")
"""Members of a packaged container that bring more into it than its image and its artifact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedContainer:
    """What one container of a version is made of."""

    image: str
    artifacts: tuple[tuple[str, str], ...]  # (member of the package, S3 URI)
    fetched: tuple[tuple[str, str], ...] = ()  # the same of what its environment names, such as the code it runs
    artifact_etag: str = ""  # of the artifact when it was registered, if the registry recorded it
    other_sources: tuple[str, ...] = ()  # further members that bring code or data


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One version in the Model Registry."""

    arn: str
    group: str
    version: int
    approval: str  # Approved | Rejected | PendingManualApproval
    status: str = "Completed"  # of its registration: Pending | InProgress | Completed | Failed | Deleting | gone
    failure: str = ""  # why the registration failed, if AWS says so
    description: str
    last_modified: datetime
    metrics_uri: str = ""  # the evaluation report; the registry holds no numbers itself
    generated_by: str = ""  # ARN of the pipeline execution that registered it
    properties: Mapping[str, str] = field(default_factory=dict)  # what ``annotate`` has written
    containers: tuple[PackagedContainer, ...] = ()  # none while the registration is not complete

    @property
    def is_approved(self) -> bool:
        return self.approval == "Approved"

    @property
    def is_deleted(self) -> bool:
        """Whether the registry does not have it any more: then it is not Approved, and nothing else is known of it."""
        return self.status == DELETED

    @property
    def is_complete(self) -> bool:
        """Whether a model can be made of it; one may be Approved long before."""
        return self.status == "Completed"

    @property
    def has_failed(self) -> bool:
        """Whether it will never be complete."""
        return self.status == "Failed"


class ModelRegistry:
    """Reads and annotates versions (model packages) and rejects them. Every write is idempotent."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def describe(self, arn: str) -> Package:
        """The version as it is now; the event that named it may be old, and the version deleted (``is_deleted``)."""
        try:
            found = self._client.describe_model_package(ModelPackageName=arn)
        except AwsRefusedError as error:
            if error.code in _ABSENT:
                return deleted_package(arn)
            raise
        return package_from(found)

    def newest(self, group: str, approval: str) -> Package | None:
        """The version registered last of those with this approval; None if there is none, or no such group."""
        found = next(self._listed(group, approval, page_size=1), [])
        return self.describe(found[0]["ModelPackageArn"]) if found else None

    def approved(self, group: str) -> dict[int, str]:
        """The ARNs of the versions that are Approved, by number, of up to 1,000 those registered last."""
        listed = islice(self._listed(group, "Approved", page_size=PAGE_MAX), LISTED_MAX // PAGE_MAX)
        arns = [str(each["ModelPackageArn"]) for page in listed for each in page]
        named = ((package_group_and_version(arn), arn) for arn in arns)
        return {found[1]: arn for found, arn in named if found}

    def _listed(self, group: str, approval: str, page_size: int) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Pages of versions, those registered last first; none if there is no such group."""
        try:
            for page in pages(
                self._client.list_model_packages,
                ModelPackageGroupName=group,
                ModelApprovalStatus=approval,
                SortBy="CreationTime",
                SortOrder="Descending",
                MaxResults=page_size,
            ):
                yield page["ModelPackageSummaryList"]
        except AwsRefusedError as error:
            if error.code not in _ABSENT:
                raise

    def reject(self, arn: str, reason: str, *, unless_approved_since: datetime | None = None) -> bool:
        """Mark the version Rejected, with the reason on one line, as the registry wants it.

        Idempotent: nothing is written if the version already has this status and reason, or is deleted. Returns False
        if it was left Approved: a person may have approved it after ``unless_approved_since``. A note on an approved
        version looks the same. UpdateModelPackage has no condition, so an approval between the reading and the change
        is overwritten.
        """
        text = " ".join(reason.split())[:DESCRIPTION_MAX]
        current = self.describe(arn)
        if unless_approved_since and current.is_approved and current.last_modified > unless_approved_since:
            return False
        if not current.is_deleted and (current.approval, current.description) != ("Rejected", text):
            self._update(arn, ModelApprovalStatus="Rejected", ApprovalDescription=text)
        return True

    def annotate(self, arn: str, properties: Mapping[str, str]) -> None:
        """Add custom metadata; characters the registry refuses become spaces. Nothing if the version is deleted."""
        allowed = {key: _METADATA_VALUE.sub(" ", value)[:256] for key, value in properties.items()}
        self._update(arn, CustomerMetadataProperties=allowed)

    def _update(self, arn: str, **changes: Any) -> None:
        try:
            self._client.update_model_package(ModelPackageArn=arn, **changes)
        except AwsRefusedError as error:
            if error.code not in _ABSENT or not self.describe(arn).is_deleted:
                raise


def deleted_package(arn: str) -> Package:
    """What is known of a version that the registry does not have any more."""
    group, version = package_group_and_version(arn) or ("", 0)
    return Package(
        arn=arn, group=group, version=version, approval="", status=DELETED, description="", last_modified=_LONG_AGO
    )


def package_from(found: Mapping[str, Any]) -> Package:
    """A version as DescribeModelPackage answers."""
    named = package_group_and_version(found["ModelPackageArn"])
    group, version = named or (found.get("ModelPackageGroupName", ""), 0)
    quality = found.get("ModelMetrics", {}).get("ModelQuality", {})
    return Package(
        arn=found["ModelPackageArn"],
        group=group,
        version=version,
        approval=found.get("ModelApprovalStatus", ""),
        status=found.get("ModelPackageStatus", "Completed"),
        failure=_failure(found.get("ModelPackageStatusDetails", {})),
        description=found.get("ApprovalDescription", ""),
        last_modified=found.get("LastModifiedTime") or found["CreationTime"],
        metrics_uri=quality.get("Statistics", {}).get("S3Uri", ""),
        generated_by=found.get("MetadataProperties", {}).get("GeneratedBy", ""),
        properties=found.get("CustomerMetadataProperties", {}),
        containers=tuple(map(_container, found.get("InferenceSpecification", {}).get("Containers", ()))),
    )


def _container(found: Mapping[str, Any]) -> PackagedContainer:
    return PackagedContainer(
        image=found.get("Image", ""),
        artifacts=(("ModelDataUrl", found["ModelDataUrl"]),) if found.get("ModelDataUrl") else (),
        fetched=tuple(_fetched(found.get("Environment") or {})),
        artifact_etag=found.get("ModelDataETag", ""),
        other_sources=tuple(name for name in _OTHER_SOURCES if _brings(name, found)),
    )


def _fetched(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """SageMaker's framework images fetch and run the code that SAGEMAKER_SUBMIT_DIRECTORY names; others may as well."""
    for name, value in environment.items():
        yield from ((f"Environment.{name}", uri) for uri in _S3_URI.findall(value))


def _brings(name: str, container: Mapping[str, Any]) -> bool:
    """AWS repeats a ModelDataUrl as a ModelDataSource: then it brings nothing else."""
    value = container.get(name)
    if name == "ModelDataSource" and value:
        return bool(value.get("S3DataSource", {}).get("S3Uri") != container.get("ModelDataUrl"))
    return bool(value)


def _failure(details: Mapping[str, Any]) -> str:
    """The reasons of the validations and image scans that failed."""
    checks = (*details.get("ValidationStatuses", ()), *details.get("ImageScanStatuses", ()))
    return "; ".join(each["FailureReason"] for each in checks if each.get("FailureReason"))
