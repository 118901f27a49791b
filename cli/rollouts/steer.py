"""``sluice pause``, ``resume``, ``continue``, ``promote`` and ``abort``: commands for a rollout in progress."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from datetime import datetime

from sluice.aws.dynamodb import Table
from sluice.aws.eventbridge import EventPublisher
from sluice.rollout.gates.gates import HUMAN, gate_name
from sluice.rollout.model.endpoint_lock import EndpointLocks
from sluice.rollout.model.history import HistoryStore
from sluice.rollout.model.record import (
    DOUBT,
    DOUBT_IN_WATCH,
    PAST_ITS_STAGES,
    Command,
    CommandKind,
    RolloutRecord,
)
from sluice.rollout.model.store import RecordStore
from sluice.rollout_id import RolloutId

from cli.failures import OK, BadInputError, CommandError, NotFoundError
from cli.session import CliSession, Commands, read_spec, read_stack

REASON_MAX = 512
_EFFECTS: dict[CommandKind, str] = {
    "pause": "hold a rollout at its stage until it is resumed; harm still rolls it back",
    "resume": "let a paused rollout go on",
    "promote": "skip the stages left, or end a watch that is in doubt; harm still rolls it back",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOrigin:
    """Who gave a command, when and why; kept in the rollout's history."""

    by: str
    reason: str
    at: datetime

    def __str__(self) -> str:
        return f"by {self.by}" + (f": {self.reason}" if self.reason else "")


def add_to(commands: Commands) -> None:
    for kind, effect in _EFFECTS.items():
        command = commands.add_parser(kind, help=effect)
        command.set_defaults(run=steer, kind=kind, skip_gates=False)
        _add_target(command)
        if kind == "promote":
            command.add_argument("--skip-gates", action="store_true", help="wait for no gate and no window either")
    for name, run, effect in (
        ("continue", open_gate, "open the gate that waits for a person"),
        ("abort", abort, "stop a rollout and put the old version back at once"),
    ):
        command = commands.add_parser(name, help=effect)
        command.set_defaults(run=run)
        _add_target(command)


def _add_target(command: ArgumentParser) -> None:
    command.add_argument("model", help="such as fraud")
    add_reason(command)


def add_reason(command: ArgumentParser) -> None:
    command.add_argument("--reason", default="", help=f"kept in the history, up to {REASON_MAX} characters")


def steer(arguments: Namespace, session: CliSession) -> int:
    store, origin = store_of(session), origin_of(arguments, session)
    record = _under_way(arguments.model, store, session)
    if arguments.kind != "resume" and _is_past_its_stages(record) and not _is_to_be_decided(record, arguments.kind):
        raise _past_its_stages(record, arguments.kind)
    is_paused = record.command is not None and record.command.kind == "pause"
    if arguments.kind == "resume" and not is_paused:
        raise CommandError(f"Rollout {record.id} is not paused: nothing is changed.")
    command = Command(
        kind=arguments.kind, by=origin.by, reason=origin.reason, at=origin.at, skip_gates=arguments.skip_gates
    )
    if not store.set_command(record.id, command):
        found = store.get(record.id)  # it has gone on since it was read above
        raise _past_its_stages(found, command.kind) if found.may_advance else _too_late(record.id)
    _note(record.id, str(command), origin, session)
    session.out.text(f"{record.id}: {command.kind}, obeyed at its next look")
    session.out.result({"rollout": str(record.id), "command": command.kind, "by": command.by})
    return OK


def _is_past_its_stages(record: RolloutRecord) -> bool:
    """Whether nothing is ahead that would obey: a version without stages replaces the old one in a single change."""
    if record.phase in PAST_ITS_STAGES:
        return True
    plan = record.plan
    return plan is not None and not plan.stages and plan.candidate.config in record.requested_configs


def _is_to_be_decided(record: RolloutRecord, kind: CommandKind) -> bool:
    """Whether it is a promotion that the doubt in the watch waits for."""
    return kind == "promote" and record.held_by is not None and record.held_by.by == DOUBT_IN_WATCH


def _past_its_stages(record: RolloutRecord, kind: CommandKind) -> CommandError:
    return CommandError(f"Rollout {record.id} is {record.phase}: it is too late to {kind} it.")


def open_gate(arguments: Namespace, session: CliSession) -> int:
    store, origin = store_of(session), origin_of(arguments, session)
    record = _under_way(arguments.model, store, session)
    gate = _gate_to_open(record, session)
    if not store.open_gate(record.id, gate, origin.at):
        raise _too_late(record.id)
    name = gate_name(gate, len(record.plan.stages) if record.plan else 0)
    _note(record.id, f"continue {origin}; {name} is open", origin, session)
    session.out.text(f"{record.id}: {name} is open, obeyed at its next look")
    session.out.result({"rollout": str(record.id), "command": "continue", "gate": gate, "by": origin.by})
    return OK


def _gate_to_open(record: RolloutRecord, session: CliSession) -> int:
    """The human gate that waits; raises ``CommandError`` with what does instead."""
    hold = record.held_by
    if hold is None:
        raise CommandError(f"Rollout {record.id} waits at no gate: nothing is changed.")
    if hold.by in (DOUBT, DOUBT_IN_WATCH):
        raise CommandError(f"Rollout {record.id} waits at no gate: {hold.reason}")
    if hold.by != HUMAN:
        hint = f"{session.command(f'promote {record.id.model} --skip-gates')} goes past it."
        raise CommandError(f"Rollout {record.id} does not wait for a person: {hold.reason}. {hint}")
    return hold.gate


def abort(arguments: Namespace, session: CliSession) -> int:
    """Fence first, so that nothing moves forward any more, then ask for the weights.

    One that is being taken back already is asked for again, which tries at once.
    """
    store, origin = store_of(session), origin_of(arguments, session)
    record = _under_way(arguments.model, store, session)
    said = f"aborted {origin}"
    fenced = store.fence(record.id, "aborted", said, origin.at)
    if fenced.is_closed:
        raise _ended(fenced, session)
    _note(record.id, said, origin, session)
    EventPublisher(session.clients("events"), session.names).publish("RolloutAbortRequested", rollout=str(record.id))
    session.out.text(f"{record.id}: {fenced.fence.reason if fenced.fence else said}; the old version is put back now")
    session.out.result({"rollout": str(record.id), "command": "abort"})
    return OK


def store_of(session: CliSession) -> RecordStore:
    return RecordStore(Table(session.clients("dynamodb"), read_stack(session).table))


def locks_of(session: CliSession) -> EndpointLocks:
    return EndpointLocks(Table(session.clients("dynamodb"), read_stack(session).table))


def history_of(session: CliSession) -> HistoryStore:
    return HistoryStore(Table(session.clients("dynamodb"), read_stack(session).table))


def origin_of(arguments: Namespace, session: CliSession) -> CommandOrigin:
    """The caller's identity, the reason and the time; raises ``BadInputError`` if the reason is too long to be kept."""
    reason: str = arguments.reason
    if len(reason) > REASON_MAX:
        raise BadInputError(f"--reason has {len(reason)} characters; up to {REASON_MAX} are kept")
    return CommandOrigin(by=str(session.clients("sts").get_caller_identity()["Arn"]), reason=reason, at=session.now())


def _under_way(model: str, store: RecordStore, session: CliSession) -> RolloutRecord:
    """The rollout in progress; if all are queued, the one that is next; one that is taken back only if all are.

    Of those that are queued, the one that has its endpoint's lock is next, whichever was approved first: it waits at a
    gate, or has been paused.
    """
    rollouts = list(store.rollouts(model))
    if not rollouts:
        read_spec(session, model)  # a mistyped name would seem to have nothing under way
    known = [each for each in rollouts if not each.is_closed]
    if not known:
        raise NotFoundError(f"No rollout of {model} is under way")
    if len(known) == 1:
        return known[0]
    locks = locks_of(session)
    holders = {locks.holder(endpoint) for endpoint in {each.endpoint for each in known}}

    def position(record: RolloutRecord) -> tuple[bool, bool, bool, bool, datetime]:
        is_waiting = record.phase == "queued"
        return (
            not record.may_advance,
            is_waiting,
            is_waiting and record.id not in holders,
            not record.urgent,
            record.approved_at,
        )

    return min(known, key=position)


def _ended(record: RolloutRecord, session: CliSession) -> CommandError:
    if record.outcome != "promoted":
        return CommandError(f"Rollout {record.id} has just ended ({record.outcome}): nothing is changed.")
    version = f"{record.id.model}/{record.id.version}"
    return CommandError(
        f"Rollout {record.id} has just ended: {version} is promoted and serves. "
        f"{session.command(f'reject {version}')} brings the version before back."
    )


def _too_late(rollout: RolloutId) -> CommandError:
    return CommandError(f"Rollout {rollout} is being taken back: nothing can be said to it any more.")


def _note(rollout: RolloutId, said: str, origin: CommandOrigin, session: CliSession) -> None:
    history_of(session).append(rollout, f"command-{origin.at.isoformat()}", said, origin.at)
