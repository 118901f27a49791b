"""``sluice pause``, ``resume``, ``promote`` and ``abort``: a person's hand on a rollout under way; ``history``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from sluice.events import Publisher
from sluice.rollout import Command, CommandKind, RolloutRecord
from sluice.store import Store
from sluice.table import Table

from cli.evidence_view import evidence_lines
from cli.failures import OK, BadInputError, CommandError, NotFoundError
from cli.session import CliSession, Commands, read_stack

_REASON_MAX = 512
_EFFECTS: dict[CommandKind, str] = {
    "pause": "hold a rollout at its stage until it is resumed; harm still rolls it back",
    "resume": "let a paused rollout go on",
    "promote": "skip the stages left; harm still rolls it back",
}


def add_to(commands: Commands) -> None:
    for kind, effect in _EFFECTS.items():
        command = commands.add_parser(kind, help=effect)
        command.set_defaults(run=steer, kind=kind)
        _add_target(command)
    abort_command = commands.add_parser("abort", help="stop a rollout and put the old version back at once")
    abort_command.set_defaults(run=abort)
    _add_target(abort_command)
    told = commands.add_parser("history", help="show what happened in a model's newest rollout, look by look")
    told.add_argument("model", help="such as fraud")
    told.set_defaults(run=history)


def _add_target(command: ArgumentParser) -> None:
    command.add_argument("model", help="such as fraud")
    command.add_argument("--reason", default="", help=f"kept in the history, up to {_REASON_MAX} characters")


def steer(arguments: Namespace, session: CliSession) -> int:
    store = _store(session)
    record = _under_way(arguments.model, store)
    command = Command(kind=arguments.kind, by=_who(session), reason=_reason(arguments), at=session.now())
    if not store.steer(record.id, command):
        raise CommandError(f"Rollout {record.id} is being taken back: nothing can be said to it any more.")
    store.note(record.id, f"command-{command.at.isoformat()}", str(command), command.at)
    session.out.text(f"{record.id}: {command.kind}, obeyed at its next look")
    session.out.result({"rollout": str(record.id), "command": command.kind, "by": command.by})
    return OK


def abort(arguments: Namespace, session: CliSession) -> int:
    """Fence first, so that nothing moves forward any more, then ask for the weights."""
    store = _store(session)
    record = _under_way(arguments.model, store)
    why = _reason(arguments)
    said = f"aborted by {_who(session)}" + (f": {why}" if why else "")
    fenced = store.fence(record.id, "aborted", said, session.now())
    store.note(record.id, f"command-{session.now().isoformat()}", said, session.now())
    Publisher(session.clients("events")).publish("RolloutAbortRequested", rollout=str(record.id))
    session.out.text(f"{record.id}: {fenced.fence.reason if fenced.fence else said}; the old version is put back now")
    session.out.result({"rollout": str(record.id), "command": "abort"})
    return OK


def history(arguments: Namespace, session: CliSession) -> int:
    store = _store(session)
    newest = max(store.rollouts(arguments.model), key=lambda one: one.opened_at, default=None)
    if newest is None:
        raise NotFoundError(f"{arguments.model} has had no rollout in stage {session.names.stage}")
    lines = store.history(newest.id)
    session.out.text(f"{newest.id}  {newest.outcome or newest.phase}  {newest.reason}".rstrip())
    for line in lines:
        session.out.text(f"{str(line['at'])[:19]}  {line['text']}")
        for evidence in evidence_lines(line):
            session.out.text(f"{'':21}{evidence}")
    session.out.result({"rollout": str(newest.id), "outcome": newest.outcome, "history": lines})
    return OK


def _store(session: CliSession) -> Store:
    return Store(Table(session.clients("dynamodb"), read_stack(session).table))


def _under_way(model: str, store: Store) -> RolloutRecord:
    """The rollout that goes on: of several that wait, the one whose turn it is."""
    known = [each for each in store.rollouts(model) if not each.is_closed]
    running = [each for each in known if each.phase != "queued"]
    if not known:
        raise NotFoundError(f"No rollout of {model} is under way")
    return min(running or known, key=lambda each: each.approved_at)


def _who(session: CliSession) -> str:
    return str(session.clients("sts").get_caller_identity()["Arn"])


def _reason(arguments: Namespace) -> str:
    reason: str = arguments.reason
    if len(reason) > _REASON_MAX:
        raise BadInputError(f"--reason has {len(reason)} characters; up to {_REASON_MAX} are kept")
    return reason
