"""Whether a version may serve because of what it is made of: its images, its artifacts, and the run it names. Pure.

An approval says that somebody looked at numbers; it does not say what would run. So an image must come from an ECR
repository that the stack's owner trusts, and an artifact lie where only pipelines, or the owner, write. Nothing of the
data bucket outside of ``pipelines/`` is an artifact, whatever the lists say: there, clients write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.aws.model_registry import Package
    from sluice.spec.model import AllowedOrigin

ARTIFACTS = "pipelines/"
"""The only prefix of the data bucket that holds artifacts: pipelines write there, and nobody else."""

_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
    r"(?P<repository>[a-z0-9._/-]+)(?P<tag>:[\w.-]+)?(?P<digest>@sha256:[0-9a-f]{64})?"
)
_EXECUTION = re.compile(r"arn:[^:]+:sagemaker:[^:]+:[^:]+:pipeline/(?P<pipeline>[^/]+)/execution/[^/]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedOrigins:
    """What the stack's owner lets serve."""

    bucket: str  # the data bucket's name
    images: tuple[str, ...]  # ARNs of ECR repositories; the name may end in *
    artifacts: tuple[str, ...]  # ARNs of S3 objects, which may end in *

    @classmethod
    def parse(cls, bucket: str, images: str, artifacts: str) -> TrustedOrigins:
        """From lists with commas, as the stack hands them to its functions."""
        return cls(bucket=bucket, images=_items(images), artifacts=_items(artifacts))


def origin_problem(package: Package, pipeline: str, trusted: TrustedOrigins, own: AllowedOrigin) -> str:
    """Why the version may not serve, with the member of its package; empty if it may.

    Args:
        package: the version as it is now.
        pipeline: the name of its model's pipeline.
        trusted: what the stack's owner trusts.
        own: what the model's spec narrows that to.
    """
    return next(_problems(package, pipeline, trusted, own), "")


def shown_run(package: Package) -> str:
    """The pipeline execution that the package names, for people."""
    return package.generated_by or "none: it was registered by hand"


def _problems(package: Package, pipeline: str, trusted: TrustedOrigins, own: AllowedOrigin) -> Iterator[str]:
    named = _EXECUTION.fullmatch(package.generated_by)
    if package.generated_by and (named is None or named["pipeline"].lower() != pipeline.lower()):
        yield f"MetadataProperties.GeneratedBy is {package.generated_by}, which is no run of pipeline {pipeline}"
    if package.is_complete and not package.containers:
        yield "InferenceSpecification names no container, so nothing of what it would run can be checked"
    for at, container in enumerate(package.containers):
        member = f"InferenceSpecification.Containers[{at}]"
        if container.other_sources:
            yield f"{member}.{container.other_sources[0]} is not supported: what it brings is not checked"
        if problem := _image_problem(container.image, trusted, own):
            yield f"{member}.Image {container.image} {problem}"
        for field, uri in (*container.artifacts, *container.fetched):
            if problem := _artifact_problem(uri, trusted, own):
                yield f"{member}.{field} {uri} {problem}"


def _image_problem(image: str, trusted: TrustedOrigins, own: AllowedOrigin) -> str:
    found = _IMAGE.fullmatch(image)
    if found is None:
        return "is no image in an ECR repository"
    place = f"{found['region']}:{found['account']}:repository/{found['repository']}"
    if not any(_is_of(place, arn.partition(":ecr:")[2]) for arn in trusted.images):
        return "is in no ECR repository that this stack trusts (its parameter ModelRepositories)"
    repository = image.partition("@")[0].removesuffix(found["tag"] or "")
    if own.images and not {image, repository} & set(own.images):
        return "is none of the spec's origin.images"
    return ""


def _artifact_problem(uri: str, trusted: TrustedOrigins, own: AllowedOrigin) -> str:
    path = uri.removeprefix("s3://")
    bucket, _, key = path.partition("/")
    if not uri.startswith("s3://") or not key or ".." in key.split("/"):
        return "is no object in S3"
    if bucket == trusted.bucket and not key.startswith(ARTIFACTS):
        return f"is in the data bucket, where only {ARTIFACTS} holds artifacts: elsewhere clients write"
    is_trusted = bucket == trusted.bucket or any(_is_of(path, arn.partition(":::")[2]) for arn in trusted.artifacts)
    if not is_trusted:
        return "is in no place that this stack trusts (its parameter ArtifactLocations)"
    if own.artifacts and not any(uri.startswith(prefix) for prefix in own.artifacts):
        return "is below none of the spec's origin.artifacts"
    return ""


def _is_of(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern and bool(pattern)


def _items(text: str) -> tuple[str, ...]:
    items: Sequence[str] = [each.strip() for each in text.split(",")]
    return tuple(each for each in items if each)
