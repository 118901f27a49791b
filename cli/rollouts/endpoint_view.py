"""How an endpoint is shown to people, and to programs: its variants, their share of the traffic, their capacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sluice.aws.cloudwatch import CloudWatch
from sluice.endpoint.autoscaling import AutoScaling, ScalableTarget
from sluice.endpoint.state import EndpointState, VariantState
from sluice.errors import AwsRefusedError

from cli.session import CliSession

VARIANT_HEAD = ("variant", "traffic", "instances", "scaling", "type")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingNow:
    """An endpoint as it is; ``scaled`` by variant, empty too if the user may not see what is scaled."""

    name: str
    state: EndpointState | None
    scaled: Mapping[str, ScalableTarget]


def read_scaling(session: CliSession, found: ServingNow) -> dict[str, ScalableTarget]:
    """By variant, between which bounds it is scaled; empty if the user may not see that."""
    variants = [each.name for each in found.state.variants] if found.state else []
    if not variants:
        return {}
    client = session.clients
    scaling = AutoScaling(client("application-autoscaling"), CloudWatch(client("cloudwatch")), session.names)
    try:
        return {one.variant: one for one in scaling.registered(found.name, variants)}
    except AwsRefusedError:  # a read-only user may lack this permission
        return {}


def endpoint_title(found: ServingNow) -> str:
    """The endpoint and its status on one line."""
    state = found.state
    return f"Endpoint {found.name}: " + (f"{state.status} {state.failure_reason}".rstrip() if state else "none")


def variant_rows(found: ServingNow) -> list[tuple[str, ...]]:
    """A row for each variant, under ``VARIANT_HEAD``."""
    state = found.state
    return [
        (one.name, f"{state.share(one.name):.0%}", _capacity(one), _range(found.scaled.get(one.name)), _kind(one))
        for one in (state.variants if state else ())
        if state
    ]


def _capacity(variant: VariantState) -> str:
    size = variant.serverless
    return f"up to {size.max_concurrency} at once" if size else str(variant.desired_count)


def _kind(variant: VariantState) -> str:
    return f"serverless, {variant.serverless.memory_mb} MB" if variant.serverless else variant.instance_type


def _range(scaled: ScalableTarget | None) -> str:
    return f"{scaled.least} to {scaled.most}" + (" by hand" if scaled.is_by_hand else "") if scaled else ""


def traffic(state: EndpointState | None) -> str:
    """The share of each variant on one line."""
    return ", ".join(f"{one.name} {state.share(one.name):.0%}" for one in state.variants) if state else ""


def endpoint_as_json(found: ServingNow) -> dict[str, object] | None:
    """None when there is no endpoint; ``scaling`` is null for a variant whose capacity stays as it is."""
    state = found.state
    if state is None:
        return None
    variants = [
        {
            "name": one.name,
            "share": state.share(one.name),
            "instances": one.desired_count,
            "instance_type": one.instance_type,
            "scaling": _range_as_json(found.scaled.get(one.name)),
        }
        for one in state.variants
    ]
    return {"name": state.name, "status": state.status, "config": state.config, "variants": variants}


def _range_as_json(scaled: ScalableTarget | None) -> dict[str, int] | None:
    return {"min": scaled.least, "max": scaled.most} if scaled else None
