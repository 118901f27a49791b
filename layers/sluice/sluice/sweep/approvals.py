"""Finds decisions on versions whose events were lost: the registry's approvals are compared with the recorded ones.

The registry tells when a version was changed last, not whether that was a decision. What was Approved and still is has
only been noted on, as far as anybody can prove.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from sluice.aws.model_registry import LISTED_MAX
from sluice.errors import PermanentError
from sluice.rollout.model.approval_status import ApprovalStatus, last_approval_status
from sluice.sweep.replay import GRACE, publish_package_change

if TYPE_CHECKING:
    from sluice.aws.model_registry import Package
    from sluice.rollout.model.record import RolloutRecord
    from sluice.sweep.ports import SweepPorts

MAX_VERSIONS_CHECKED = 20
_DELETED = "Deleted"
_NEVER = datetime.min.replace(tzinfo=UTC)


def replay_decisions(model: str, ports: SweepPorts) -> Iterator[str]:
    """Replay each approval that no event reported, of whatever version, and each approval that was taken back."""
    group = ports.names.group(model)
    approved = ports.registry.approved(group)
    recorded = dict(ports.approvals.all(model))
    yield from _replay_ends(model, approved, recorded, ports)
    unrecorded = {version: arn for version, arn in approved.items() if not _is_approved(recorded.get(version))}
    for package in _to_replay(model, dict(islice(unrecorded.items(), MAX_VERSIONS_CHECKED)), recorded, ports):
        yield publish_package_change(package.arn, package.group, "Approved", ports)


def _is_approved(decision: ApprovalStatus | None) -> bool:
    return decision is not None and decision.is_approved


def _replay_ends(
    model: str, approved: Mapping[int, str], recorded: Mapping[int, ApprovalStatus], ports: SweepPorts
) -> Iterator[str]:
    """Replay that a version, Approved by its last decision, is so no more.

    One that was deleted since is recorded as such, so that those before it have their turn.
    """
    ended = islice(_rolled_out(model, _no_more_approved(approved, recorded), ports), MAX_VERSIONS_CHECKED)
    for latest in ended:
        package = ports.registry.describe(latest.package_arn)
        if package.is_deleted:
            ports.approvals.record(model, latest.id.version, ApprovalStatus(approval=_DELETED, at=ports.now()))
        elif not package.is_approved and package.last_modified <= ports.now() - GRACE:
            yield publish_package_change(package.arn, package.group, package.approval, ports)


def _no_more_approved(approved: Mapping[int, str], recorded: Mapping[int, ApprovalStatus]) -> Iterator[int]:
    """The versions that are Approved by their last decision and not listed so. A list has only the newest ones."""
    oldest = min(approved) if len(approved) >= LISTED_MAX else 0
    for version, decision in recorded.items():
        if decision.is_approved and version not in approved and version >= oldest:
            yield version


def _rolled_out(model: str, versions: Iterable[int], ports: SweepPorts) -> Iterator[RolloutRecord]:
    """The newest rollout of each version; of one without any nothing goes back."""
    found = (next(ports.store.rollouts(model, version), None) for version in versions)
    return (latest for latest in found if latest is not None)


def _to_replay(
    model: str, unrecorded: Mapping[int, str], recorded: Mapping[int, ApprovalStatus], ports: SweepPorts
) -> list[Package]:
    """The approvals to replay, the earliest first.

    A version that was not Approved by its last decision has been approved since. Of versions without any recorded
    decision, as after the table was lost, only the last one that was changed counts, and only if that was after all
    approvals that are known; the others are recorded as they are, so that a later decision on them is seen.
    """
    proven: list[Package] = []
    unknown: list[Package] = []
    for version, arn in unrecorded.items():
        last = last_approval_status(recorded.get(version), next(ports.store.rollouts(model, version), None))
        if last is not None and last.is_approved:
            ports.approvals.record(model, version, last)  # of an earlier release, or a crash came before it
            continue
        package = ports.registry.describe(arn)
        if (
            package.is_approved
            and package.last_modified <= ports.now() - GRACE
            and _may_be_opened(package, model, ports)
        ):
            (unknown if last is None else proven).append(package)
    if unknown:
        *others, newest = sorted(unknown, key=lambda each: (each.last_modified, each.version))
        if newest.last_modified > _last_approval(model, recorded, ports):
            proven.append(newest)
        else:
            others.append(newest)
        for each in others:
            decision = ApprovalStatus(approval="Approved", at=each.last_modified)
            ports.approvals.record(model, each.version, decision)
    return sorted(proven, key=lambda each: each.last_modified)


def _last_approval(model: str, recorded: Mapping[int, ApprovalStatus], ports: SweepPorts) -> datetime:
    promoted = ports.store.last_promotion(model)
    known = [*ports.store.open_rollouts(model), *([promoted] if promoted else [])]
    decided = [each.at for each in recorded.values() if each.is_approved]
    return max([*decided, *(each.approved_at for each in known)], default=_NEVER)


def _may_be_opened(package: Package, model: str, ports: SweepPorts) -> bool:
    """Whether the approval's event leads to anything: to a rollout, or to the news that there will be none."""
    if package.is_complete and _has_spec(model, ports):
        return True
    return (package.is_complete or package.has_failed) and not ports.approvals.is_ignored(package.arn)


def _has_spec(model: str, ports: SweepPorts) -> bool:
    try:
        ports.specs.get(model)
    except PermanentError:
        return False
    return True
