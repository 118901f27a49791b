"""Checks what a version is made of: when its approval comes, and again before a model is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.errors import AwsRefusedError, SpecError, UnknownModelError
from sluice.rollout.model.artifact import ARTIFACT_NOTE, digest_problem
from sluice.rollout.model.plan import PlanError
from sluice.rollout.planning.origin import origin_problem
from sluice.spec.model import AllowedOrigin

if TYPE_CHECKING:
    from sluice.aws.model_registry import Package
    from sluice.rollout.model.record import RolloutRecord
    from sluice.rollout.planning.ports import OriginPorts


def untrusted(package: Package, own: AllowedOrigin, ports: OriginPorts) -> str:
    """Why the version may not serve because of what it is made of; empty if it may.

    ``own`` is what its model's spec narrows the stack's lists to.
    """
    pipeline = ports.names.pipeline(ports.names.model_of(package.group) or package.group)
    if problem := origin_problem(package, pipeline, ports.trusted, own):
        return problem
    noted = package.properties.get(ARTIFACT_NOTE, "")
    for container in package.containers:
        for _, uri in container.artifacts:
            try:
                found = ports.bucket.head(uri)
            except AwsRefusedError as error:
                if not error.is_access_refusal or uri.startswith(f"s3://{ports.trusted.bucket}/"):
                    raise
                # Of a bucket that they may not list, S3 does not tell roles what is gone from what is forbidden.
                return f"the artifact {uri} is gone, or Sluice may not read it ({error.code})"
            if problem := digest_problem(container, uri, noted, found):
                return problem
    return ""


def may_come_back(arn: str, unfit: list[str], ports: OriginPorts) -> bool:
    """Whether a version that has served may do so again: it is Approved, and is still what it was.

    What its spec has narrowed since does not count. ``unfit`` gets what is the matter with one that is Approved.
    """
    package = ports.registry.describe(arn)
    problem = untrusted(package, AllowedOrigin(), ports) if package.is_approved else ""
    if problem:
        unfit.append(f"{package.group}/{package.version} may not serve: {problem}")
    return package.is_approved and not problem


def refuse_untrusted(record: RolloutRecord, ports: OriginPorts) -> None:
    """Raises ``PlanError`` if a model may not be made of the version: its package or its artifact may be others by now.

    An urgent rollout is checked as well: it brings back a version that has served, but makes another model of it. What
    the spec has narrowed since then is no reason to leave a version that is known bad in its place.
    """
    own = AllowedOrigin() if record.urgent else _own(record.id.model, ports)
    if problem := untrusted(ports.registry.describe(record.package_arn), own, ports):
        raise PlanError(f"{record.id.model}/{record.id.version} may not serve: {problem}")


def _own(model: str, ports: OriginPorts) -> AllowedOrigin:
    try:
        return ports.specs.get(model).origin
    except (UnknownModelError, SpecError):  # it was deleted after the approval, which is no fault of the version
        return AllowedOrigin()
