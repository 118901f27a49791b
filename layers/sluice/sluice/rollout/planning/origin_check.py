"""Checks what a version is made of: when its approval comes, and again before a model is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.errors import SpecError, UnknownModelError
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
            if problem := digest_problem(container, uri, noted, ports.bucket.head(uri)):
                return problem
    return ""


def refuse_untrusted(record: RolloutRecord, ports: OriginPorts) -> None:
    """Raises ``PlanError`` if a model may not be made of the version: its package or its artifact may be others by now.

    An urgent rollout brings back a version that has served. That must not fail: the one in its place is known bad.
    """
    if record.urgent:
        return
    try:
        own = ports.specs.get(record.id.model).origin
    except (UnknownModelError, SpecError):  # it was deleted after the approval, which is no fault of the version
        own = AllowedOrigin()
    if problem := untrusted(ports.registry.describe(record.package_arn), own, ports):
        raise PlanError(f"{record.id.model}/{record.id.version} may not serve: {problem}")
