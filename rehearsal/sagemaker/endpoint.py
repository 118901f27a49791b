"""One endpoint as data, and every change it can undergo as a pure function of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rehearsal.sagemaker.endpoint_configs import EndpointConfig
from rehearsal.sagemaker.endpoint_status import Happening, Status, next_status
from rehearsal.sagemaker.models import ContainerSpec, Model
from rehearsal.wire import invalid

FAILURE_REASON_MAX = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What the instances of a variant are made from; while it stays the same, so may the instances."""

    variant: str
    model: str
    container: ContainerSpec
    instance_type: str
    health_check_seconds: int | None  # None: SageMaker's default


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One production variant: what is wanted, and what is so at the moment."""

    blueprint: Blueprint
    resolved: datetime  # when the image was looked up
    weight: float
    desired_weight: float
    instances: int
    desired_instances: int

    @property
    def name(self) -> str:
        return self.blueprint.variant

    def settled(self) -> Variant:
        """With what is wanted being so."""
        return replace(self, weight=self.desired_weight, instances=self.desired_instances)

    def unchanged(self) -> Variant:
        """With what is so being wanted: a change that was given up."""
        return replace(self, desired_weight=self.weight, desired_instances=self.instances)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A deployment under way."""

    config: EndpointConfig
    started: datetime
    variants: tuple[Variant, ...]


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
    pending: Pending | None = None
    failure_reason: str | None = None
    last_deployment: Mapping[str, Any] | None = None  # DeploymentConfig of the latest update that had one

    def happened(self, happening: Happening, now: datetime, **changes: Any) -> Endpoint:
        """The endpoint after ``happening``; raises ValidationException when its status forbids that."""
        status = next_status(self.status, happening, arn=self.arn)
        return replace(self, status=status, modified=now, **changes)

    def variant(self, name: str) -> Variant | None:
        return next((variant for variant in self.variants if variant.name == name), None)


Change = Callable[[Endpoint, datetime], Endpoint]


def new_endpoint(name: str, arn: str, pending: Pending) -> Endpoint:
    """An endpoint that is being created."""
    return Endpoint(
        name=name,
        arn=arn,
        config=pending.config,
        status=Status.CREATING,
        created=pending.started,
        modified=pending.started,
        pending=pending,
    )


def wanted_variants(config: EndpointConfig, models: Mapping[str, Model], now: datetime) -> tuple[Variant, ...]:
    """The variants a config asks for; ``models`` by name. Nothing of them is there yet."""
    return tuple(
        Variant(
            blueprint=Blueprint(
                variant=wanted["VariantName"],
                model=wanted["ModelName"],
                container=models[wanted["ModelName"]].container,
                instance_type=wanted["InstanceType"],
                health_check_seconds=wanted.get("ContainerStartupHealthCheckTimeoutInSeconds"),
            ),
            resolved=now,
            weight=0.0,
            desired_weight=float(wanted["InitialVariantWeight"]),
            instances=0,
            desired_instances=int(wanted["InitialInstanceCount"]),
        )
        for wanted in config.variants
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


def retained(wanted: Variant, endpoint: Endpoint, excluded: Collection[str]) -> Variant:
    """``wanted`` with the weight and instance count that the variant of the same name has now.

    ``excluded`` names what comes from the config after all: ``DesiredWeight``, ``DesiredInstanceCount``.
    """
    present = endpoint.variant(wanted.name)
    if present is None:
        return wanted
    if "DesiredWeight" not in excluded:
        wanted = replace(wanted, desired_weight=present.desired_weight)
    if "DesiredInstanceCount" not in excluded:
        wanted = replace(wanted, desired_instances=present.desired_instances)
    return wanted


def deployed(endpoint: Endpoint, now: datetime) -> Endpoint:
    """The pending deployment has taken over."""
    pending = endpoint.pending
    assert pending is not None
    variants = tuple(variant.settled() for variant in pending.variants)
    return endpoint.happened(Happening.SUCCEEDED, now, config=pending.config, variants=variants, pending=None)


def failed(endpoint: Endpoint, reason: str, now: datetime) -> Endpoint:
    """Creation failed for good, or an update begins to roll back."""
    after = endpoint.happened(Happening.FAILED, now, failure_reason=reason[:FAILURE_REASON_MAX])
    return replace(after, pending=None) if after.status is Status.FAILED else after


def rolled_back(endpoint: Endpoint, now: datetime) -> Endpoint:
    """In service as before the update."""
    variants = tuple(variant.unchanged() for variant in endpoint.variants)
    return endpoint.happened(Happening.ROLLED_BACK, now, variants=variants, pending=None)


def begin_rescale(endpoint: Endpoint, wishes: Iterable[Mapping[str, Any]], now: datetime) -> Endpoint:
    """On the way to other weights or instance counts (``DesiredWeightsAndCapacities``) of the same config.

    Raises ValidationException for a variant that does not exist, or when no variant would get traffic.
    """
    by_name = {wish["VariantName"]: wish for wish in wishes}
    missing = [name for name in by_name if endpoint.variant(name) is None]
    if missing:
        names = ", ".join(f'"{name}"' for name in missing)
        raise invalid(
            f'The variant name(s) {names} is/are not present within endpoint configuration "{endpoint.config.name}".'
        )
    variants = tuple(_wished(variant, by_name.get(variant.name, {})) for variant in endpoint.variants)
    if not sum(variant.desired_weight for variant in variants):
        raise invalid("At least one production variant must have a weight greater than 0.")
    return endpoint.happened(Happening.CHANGE_REQUESTED, now, variants=variants, failure_reason=None)


def rescaled(endpoint: Endpoint, now: datetime) -> Endpoint:
    """The wanted weights and counts are so."""
    variants = tuple(variant.settled() for variant in endpoint.variants)
    return endpoint.happened(Happening.SUCCEEDED, now, variants=variants)


def _wished(variant: Variant, wish: Mapping[str, Any]) -> Variant:
    return replace(
        variant,
        desired_weight=float(wish.get("DesiredWeight", variant.desired_weight)),
        desired_instances=int(wish.get("DesiredInstanceCount", variant.desired_instances)),
    )
