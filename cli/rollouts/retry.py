"""``sluice retry``: another attempt to take a version live that was rolled back, stopped or failed."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from sluice.aws.eventbridge import EventPublisher
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout_id import RolloutId

from cli.failures import OK, CommandError
from cli.rollouts.steer import CommandOrigin, add_reason, history_of, origin_of, store_of
from cli.session import CliSession, Commands
from cli.training.packages import find_version, reason_before


def add_to(commands: Commands) -> None:
    command = commands.add_parser("retry", help="try a version again that was rolled back, stopped or failed")
    command.add_argument("version", metavar="MODEL/VERSION", help="such as fraud/7")
    add_reason(command)
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    """Approve it once more. The registry says so to ``open_rollout``, and so do we: it says nothing where the
    version was still Approved, as one is that gave way to another."""
    version = find_version(session, arguments.version)
    store, origin = store_of(session), origin_of(arguments, session)
    latest = next(store.rollouts(version.model, version.number), None)
    attempt = _next_attempt(latest, version.name, session)
    said = _said(attempt, origin, version.description)
    history_of(session).append(attempt, f"command-{origin.at.isoformat()}", f"retry {origin}", origin.at)
    session.clients("sagemaker").update_model_package(
        ModelPackageArn=version.arn, ModelApprovalStatus="Approved", ApprovalDescription=said
    )
    EventPublisher(session.clients("events"), session.names).publish(
        "SageMaker Model Package State Change",
        ModelPackageArn=version.arn,
        ModelPackageGroupName=session.names.group(version.model),
        ModelApprovalStatus="Approved",
        UpdatedModelPackageFields=["ModelApprovalStatus"],  # what tells an approval from a note
    )
    session.out.text(
        f"{version.name} is approved again: {attempt} follows, {session.command(f'status {version.model} --watch')}"
    )
    session.out.result({"rollout": str(attempt), "command": "retry", "version": version.name, "by": origin.by})
    return OK


def _said(attempt: RolloutId, origin: CommandOrigin, before: str) -> str:
    """The registry has one reason for a version: the new one first, then what people or a rollback said before."""
    return reason_before(f"{attempt}: retry {origin}", before)


def _next_attempt(latest: RolloutRecord | None, name: str, session: CliSession) -> RolloutId:
    """Raises ``CommandError`` unless the version's last rollout has ended without success."""
    if latest is None:
        raise CommandError(f"{name} was never rolled out: {session.command(f'approve {name}')} begins.")
    if not latest.is_closed:
        raise CommandError(f"{name} is being rolled out: {latest.id} is under way.")
    if latest.outcome == "promoted":
        raise CommandError(f"{name} was promoted by {latest.id}: there is nothing to try again.")
    return replace(latest.id, attempt=latest.id.attempt + 1)
