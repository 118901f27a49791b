"""One variant of an endpoint as data: its blueprint, its desired state and its current state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from localaws.service_api import invalid
from localaws.services.sagemaker.endpoint_state.deployment_plan import Phase
from localaws.services.sagemaker.endpoint_state.serverless import SERVERLESS_TYPE, ServerlessSize
from localaws.services.sagemaker.models.models import ContainerSpec, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What the instances of a variant are made from; while it stays the same, so may the instances."""

    variant: str
    model: str
    container: ContainerSpec
    instance_type: str  # SERVERLESS_TYPE for a serverless variant
    health_check_seconds: int | None  # None: SageMaker's default


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is being done to a variant at the moment."""

    phase: Phase
    message: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One production or shadow variant: desired and current weight, instances and size."""

    blueprint: Blueprint
    resolved: datetime  # when the image was looked up
    weight: float
    desired_weight: float
    instances: int
    desired_instances: int
    progress: Progress | None = None
    size: ServerlessSize | None = None  # of a serverless variant, which has no instances
    desired_size: ServerlessSize | None = None

    @property
    def name(self) -> str:
        return self.blueprint.variant

    def settled(self) -> Variant:
        """A copy whose current state is the desired one."""
        return replace(
            self,
            weight=self.desired_weight,
            instances=self.desired_instances,
            size=self.desired_size,
            progress=None,
        )

    def unchanged(self) -> Variant:
        """A copy whose desired state is the current one: a change that was given up."""
        return replace(
            self,
            desired_weight=self.weight,
            desired_instances=self.instances,
            desired_size=self.size,
            progress=None,
        )


def wanted_variants(
    given: Iterable[Mapping[str, Any]], models: Mapping[str, Model], now: datetime
) -> tuple[Variant, ...]:
    """The variants in a list of a config, without instances yet; ``models`` by name."""
    return tuple(
        Variant(
            blueprint=Blueprint(
                variant=wanted["VariantName"],
                model=wanted["ModelName"],
                container=models[wanted["ModelName"]].container,
                instance_type=wanted.get("InstanceType", SERVERLESS_TYPE),
                health_check_seconds=wanted.get("ContainerStartupHealthCheckTimeoutInSeconds"),
            ),
            resolved=now,
            weight=0.0,
            desired_weight=float(wanted["InitialVariantWeight"]),
            instances=0,
            desired_instances=int(wanted.get("InitialInstanceCount", 0)),
            size=ServerlessSize.of(wanted.get("ServerlessConfig")),
            desired_size=ServerlessSize.of(wanted.get("ServerlessConfig")),
        )
        for wanted in given
    )


def retained(wanted: Variant, present: Variant | None, excluded: Collection[str]) -> Variant:
    """``wanted`` with the weight and instance count that the variant of the same name, if ``present``, has now.

    ``excluded`` names what comes from the config after all: ``DesiredWeight``, ``DesiredInstanceCount``.
    """
    if present is None:
        return wanted
    if "DesiredWeight" not in excluded:
        wanted = replace(wanted, desired_weight=present.desired_weight)
    if "DesiredInstanceCount" not in excluded:
        wanted = replace(wanted, desired_instances=present.desired_instances)
    return wanted


def with_desired(variant: Variant, desired: Mapping[str, Any], now: datetime) -> Variant:
    """``variant`` with what a DesiredWeightAndCapacity asks of it; raises ValidationException."""
    _check_desired(variant, desired)
    size = variant.desired_size
    if size and desired.get("ServerlessUpdateConfig"):
        size = size.updated(desired["ServerlessUpdateConfig"])
    count = int(desired.get("DesiredInstanceCount", variant.desired_instances))
    progress = None
    if count != variant.instances:
        way = "out" if count > variant.instances else "in"
        message = f"Scaling {way} desired instance count to {count}."
        progress = Progress(phase=Phase.UPDATING, message=message, since=now)
    weight = float(desired.get("DesiredWeight", variant.desired_weight))
    return replace(variant, desired_weight=weight, desired_instances=count, desired_size=size, progress=progress)


def _check_desired(variant: Variant, desired: Mapping[str, Any]) -> None:
    """Raise ValidationException for a setting that only the other kind of variant has."""
    if desired.get("ServerlessUpdateConfig") and variant.size is None:
        raise invalid("ServerlessUpdateConfig is only for variants of serverless endpoints.")
    if desired.get("DesiredInstanceCount") is not None and variant.size is not None:
        raise invalid(f"DesiredInstanceCount is not supported for the serverless variant {variant.name}.")
