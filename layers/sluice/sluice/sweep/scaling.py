"""Reconciles scaling with the spec, which was changed since, or whose rollout ended before scaling was set up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sluice.endpoint.scaling_rules import rules_for
from sluice.errors import PermanentError
from sluice.rollout.traffic.capacity import with_bounds_in_force
from sluice.spec.serving_modes import BATCH

if TYPE_CHECKING:
    from sluice.sweep.ports import SweepPorts


def reconcile_scaling(model: str, ports: SweepPorts) -> Iterator[str]:
    """Reconcile the scaling of the variant in service with its spec, unless a rollout is under way; yields corrections.

    Without scaling in the spec, scaling that was set up by hand stays.
    """
    try:
        endpoint = ports.specs.get(model).endpoint
    except PermanentError:
        return  # its spec is invalid: the next approval reports that
    name = ports.names.endpoint(model, endpoint.suffix)
    if endpoint.type == BATCH or ports.locks.holder(name) is not None:
        return
    state = ports.hosting.describe(name)
    if state is None or not state.is_settled or len(state.variants) != 1 or state.kind != endpoint.type:
        return
    variant = state.variants[0].name
    found = ports.scaling.registered(name, [variant])
    rules = rules_for(endpoint)
    if rules is None:
        if any(one.is_from_spec for one in found):
            ports.scaling.deregister(name, [variant])
            yield f"{variant} of {name} is scaled no more: its spec has no scaling"
    elif ports.scaling.ensure(name, variant, with_bounds_in_force(found, rules)):
        if not found and ports.locks.holder(name) is not None:
            ports.scaling.deregister(name, [variant])  # a rollout has begun meanwhile, which registers what it wants
        else:
            yield f"{variant} of {name} is scaled as its spec says"
