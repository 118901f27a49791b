"""How an endpoint is shown to people, and to programs: its variants, their share of the traffic, their capacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sluice.aws.cloudwatch import CloudWatch
from sluice.endpoint.autoscaling import AutoScaling, ScalableTarget
from sluice.endpoint.hosting import Endpoints
from sluice.endpoint.state import EndpointState, VariantState
from sluice.errors import AwsRefusedError

from cli.session import CliSession


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingNow:
    """An endpoint as it is; ``scaled`` by variant, empty too if the user may not see what is scaled."""

    name: str
    state: EndpointState | None
    scaled: Mapping[str, ScalableTarget]


def read_endpoint(session: CliSession, name: str) -> ServingNow:
    """Ask AWS for one endpoint."""
    state = Endpoints(session.clients("sagemaker")).describe(name)
    variants = [each.name for each in state.variants] if state else []
    return ServingNow(name=name, state=state, scaled=_scaled(session, name, variants))


def _scaled(session: CliSession, endpoint: str, variants: list[str]) -> dict[str, ScalableTarget]:
    client = session.clients
    scaling = AutoScaling(client("application-autoscaling"), CloudWatch(client("cloudwatch")), session.names)
    try:
        return {one.variant: one for one in scaling.registered(endpoint, variants)}
    except AwsRefusedError:  # a read-only users may lack this permission
        return {}


def show_endpoint(session: CliSession, found: ServingNow) -> None:
    state = found.state
    remark = f"{state.status} {state.failure_reason}".rstrip() if state else "none"
    session.out.text(f"Endpoint {found.name}: {remark}")
    if state:
        rows = [
            (one.name, f"{state.share(one.name):.0%}", _capacity(one), _range(found.scaled.get(one.name)), _kind(one))
            for one in state.variants
        ]
        session.out.table("Variants", ("variant", "traffic", "instances", "scaling", "type"), rows)


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
