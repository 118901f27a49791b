"""One endpoint as data, and every change of it as a pure function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from localaws.service_api import invalid
from localaws.services.sagemaker.endpoint_state.guardrails import DeploymentPolicy
from localaws.services.sagemaker.endpoint_state.status import Happening, Status, next_status
from localaws.services.sagemaker.endpoint_state.variant import Progress, Variant, with_desired
from localaws.services.sagemaker.models.endpoint_configs import EndpointConfig

FAILURE_REASON_MAX = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A deployment under way."""

    config: EndpointConfig
    started: datetime
    variants: tuple[Variant, ...]
    shadows: tuple[Variant, ...] = ()
    policy: DeploymentPolicy | None = None  # None: all at once, and nothing watches over it


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint. ``config`` is the one in service, or the wanted one while the first is being created."""

    name: str
    arn: str
    config: EndpointConfig
    status: Status
    created: datetime
    modified: datetime
    variants: tuple[Variant, ...] = ()
    shadows: tuple[Variant, ...] = ()
    pending: Pending | None = None
    failure_reason: str | None = None
    last_deployment: Mapping[str, Any] | None = None  # DeploymentConfig of the latest update that had one

    def happened(self, happening: Happening, now: datetime, **changes: Any) -> Endpoint:
        """The endpoint after ``happening``; raises ValidationException when its status forbids that."""
        status = next_status(self.status, happening, arn=self.arn)
        return replace(self, status=status, modified=now, **changes)

    def variant(self, name: str) -> Variant | None:
        return next((variant for variant in self.variants if variant.name == name), None)


EndpointChange = Callable[[Endpoint, datetime], Endpoint]


def new_endpoint(name: str, arn: str, pending: Pending, deployment: Mapping[str, Any] | None = None) -> Endpoint:
    """An endpoint that is being created."""
    return Endpoint(
        name=name,
        arn=arn,
        config=pending.config,
        status=Status.CREATING,
        created=pending.started,
        modified=pending.started,
        pending=pending,
        last_deployment=deployment,
    )


def begin_update(endpoint: Endpoint, pending: Pending, deployment: Mapping[str, Any] | None) -> Endpoint:
    """On the way to another config; the present one serves until it is replaced."""
    return endpoint.happened(
        Happening.CHANGE_REQUESTED,
        pending.started,
        pending=pending,
        failure_reason=None,
        last_deployment=deployment or endpoint.last_deployment,
    )


def deployed(endpoint: Endpoint, now: datetime) -> Endpoint:
    """The pending deployment has taken over."""
    pending = endpoint.pending
    assert pending is not None
    variants = tuple(variant.settled() for variant in pending.variants)
    shadows = tuple(variant.settled() for variant in pending.shadows)
    return endpoint.happened(
        Happening.SUCCEEDED, now, config=pending.config, variants=variants, shadows=shadows, pending=None
    )


def failed(endpoint: Endpoint, reason: str, now: datetime) -> Endpoint:
    """Creation failed for good, an update begins to roll back, or rolling back failed in its turn."""
    after = endpoint.happened(Happening.FAILED, now, failure_reason=reason[:FAILURE_REASON_MAX])
    return after if after.status is Status.ROLLING_BACK else replace(after, pending=None)


def progressed(endpoint: Endpoint, active: Mapping[str, int], progress: Mapping[str, Progress]) -> Endpoint:
    """With the new fleets where they are now: instances with traffic, and what is being done, by variant."""
    pending = endpoint.pending
    assert pending is not None
    variants = tuple(
        replace(
            variant,
            instances=active[variant.name],
            weight=variant.desired_weight if active[variant.name] else 0.0,
            progress=progress[variant.name],
        )
        for variant in pending.variants
    )
    return replace(endpoint, pending=replace(pending, variants=variants))


def rolled_back(endpoint: Endpoint, now: datetime) -> Endpoint:
    """In service as before the update."""
    variants = tuple(variant.unchanged() for variant in endpoint.variants)
    return endpoint.happened(Happening.ROLLED_BACK, now, variants=variants, pending=None)


def begin_rescale(endpoint: Endpoint, desired: Iterable[Mapping[str, Any]], now: datetime) -> Endpoint:
    """On the way to other weights or instance counts (``DesiredWeightsAndCapacities``) of the same config.

    Raises ValidationException for a variant that does not exist, when no variant would get traffic, or when one that
    has to answer at once would have no instances.
    """
    by_name = {each["VariantName"]: each for each in desired}
    missing = [name for name in by_name if endpoint.variant(name) is None]
    if missing:
        names = ", ".join(f'"{name}"' for name in missing)
        raise invalid(
            f'The variant name(s) {names} is/are not present within endpoint configuration "{endpoint.config.name}".'
        )
    wants_none = any(each.get("DesiredInstanceCount") == 0 for each in by_name.values())
    if wants_none and not endpoint.config.request.get("AsyncInferenceConfig"):
        raise invalid("DesiredInstanceCount must be at least 1: only asynchronous endpoints can go without instances.")
    variants = tuple(with_desired(variant, by_name.get(variant.name, {}), now) for variant in endpoint.variants)
    if not sum(variant.desired_weight for variant in variants):
        raise invalid("At least one production variant must have a weight greater than 0.")
    return endpoint.happened(Happening.CHANGE_REQUESTED, now, variants=variants, failure_reason=None)


def rescaled(endpoint: Endpoint, now: datetime) -> Endpoint:
    """The wanted weights and counts are so."""
    variants = tuple(variant.settled() for variant in endpoint.variants)
    return endpoint.happened(Happening.SUCCEEDED, now, variants=variants)
