"""Compares what serves with what is recorded and approved: a rejection whose event was lost, a change by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sluice.endpoint.state import CHANGING, EndpointState
from sluice.rollout.model.live_version import version_in_service
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.way_back import TOLD_AGAIN, way_back
from sluice.sweep.replay import GRACE, publish_package_change

if TYPE_CHECKING:
    from sluice.aws.model_registry import Package
    from sluice.sweep.ports import SweepPorts


def check_live_version(model: str, ports: SweepPorts) -> Iterator[str]:
    """Replay the rejection of the live version, and tell people of an endpoint that serves another config.

    A rejected version is replaced as often as it takes. That nothing can replace it is told once a day, a config that
    is not the recorded one once.
    """
    promoted = ports.store.last_promotion(model) if ports.store.newest(model) else None
    if promoted is None or promoted.plan is None or _is_recent(promoted, ports):
        return
    is_batch = promoted.plan.engine == "batch"
    state = None if is_batch else ports.hosting.describe(promoted.endpoint)
    version = promoted.id.version if is_batch else version_in_service(model, state, ports)
    live = _rollout_of(version, promoted, ports)
    if (
        live is not None
        and (package := _rejected(live, ports)) is not None
        and _is_to_be_replaced(package, live, ports)
    ):
        yield publish_package_change(package.arn, package.group, package.approval, ports)
    elif not is_batch and _has_changed(promoted, state) and not ports.store.open_rollouts(model):
        yield from _tell(promoted, state, ports)


def _is_recent(promoted: RolloutRecord, ports: SweepPorts) -> bool:
    return promoted.closed_at is not None and promoted.closed_at > ports.now() - GRACE


def _rollout_of(version: int | None, promoted: RolloutRecord, ports: SweepPorts) -> RolloutRecord | None:
    if version is None or version == promoted.id.version:
        return promoted if version is not None else None
    return next(ports.store.rollouts(promoted.id.model, version), None)


def _rejected(live: RolloutRecord, ports: SweepPorts) -> Package | None:
    """The live version's package if it is Rejected for longer than its event may take."""
    package = ports.registry.describe(live.package_arn)
    return package if package.approval == "Rejected" and package.last_modified <= ports.now() - GRACE else None


def _is_to_be_replaced(package: Package, live: RolloutRecord, ports: SweepPorts) -> bool:
    """Whether nothing replaces the rejected version yet, and something can, or people were not told for a day."""
    model, version = live.id.model, live.id.version
    if any(each.urgent or each.id.version == version for each in ports.store.open_rollouts(model)):
        return False
    known = list(ports.store.rollouts(model))
    if way_back(package, known, lambda arn: ports.registry.describe(arn).is_approved, ports.now()) is not None:
        return True
    told = ports.approvals.no_way_back_told_at(package.arn)
    return told is None or ports.now() - told >= TOLD_AGAIN


def _recorded_config(promoted: RolloutRecord) -> str:
    """The endpoint config of the last promotion; one of a version that was live before has kept the old one."""
    plan = promoted.planned()
    kept = plan.baseline if plan.engine == "none" else None
    return (kept or plan.candidate).config


def _has_changed(promoted: RolloutRecord, state: EndpointState | None) -> bool:
    return state is None or (state.status not in CHANGING and state.config != _recorded_config(promoted))


def _tell(promoted: RolloutRecord, state: EndpointState | None, ports: SweepPorts) -> Iterator[str]:
    """Publish it once for each config that is found: somebody may have changed the endpoint with good reason."""
    found = state.config if state else ""
    about = f"{promoted.endpoint}/{found}"
    if ports.sweep_progress.told_at(about) is not None:
        return
    what = f"serves config {found} ({state.status})" if state else "is gone"
    reason = f"endpoint {promoted.endpoint} {what}; {promoted.id} was promoted last, with {_recorded_config(promoted)}"
    ports.events.publish(
        "EndpointChanged", model=promoted.id.model, endpoint=promoted.endpoint, config=found, reason=reason
    )
    ports.sweep_progress.note_told(about, ports.now())  # after the event: a crash between them has it told once more
    yield reason
