"""``sluice history``: the events and analyses of a rollout and the commands that people gave."""

from __future__ import annotations

from argparse import Namespace

from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.model.store import RecordStore

from cli.failures import OK, NotFoundError
from cli.rollouts.evidence_view import evidence_lines
from cli.rollouts.steer import history_of, store_of
from cli.session import CliSession, Commands, read_spec
from cli.training.packages import parse_version


def add_to(commands: Commands) -> None:
    command = commands.add_parser("history", help="show what happened in a rollout, look by look")
    command.add_argument("model", metavar="MODEL[/VERSION]", help="such as fraud, or fraud/7; the newest is shown")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    store = store_of(session)
    newest = _newest(arguments.model, store)
    if newest is None:
        model = arguments.model.partition("/")[0]
        if store.newest(model) is None:
            read_spec(session, model)  # a mistyped name would seem to have had none
        raise NotFoundError(f"{arguments.model} has had no rollout in stage {session.names.stage}")
    lines = history_of(session).entries(newest.id)
    session.out.text(f"{newest.id}  {newest.outcome or newest.phase}  {newest.reason}".rstrip())
    for line in lines:
        session.out.text(f"{str(line['at'])[:19]}  {line['text']}")
        for evidence in evidence_lines(line):
            session.out.text(f"{'':21}{evidence}")
    session.out.result({"rollout": str(newest.id), "outcome": newest.outcome, "history": lines})
    return OK


def _newest(target: str, store: RecordStore) -> RolloutRecord | None:
    """The rollout opened last, of the model or of one version; None if there was none."""
    model, version = parse_version(target) if "/" in target else (target, None)
    return max(store.rollouts(model, version), key=lambda one: one.opened_at, default=None)
