"""``sluice status``: what serves, what is being rolled out, what was trained."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from datetime import datetime
from itertools import islice

from sluice.aws.cloudwatch import CloudWatch
from sluice.aws.dynamodb import Table
from sluice.batch.store import BatchStore
from sluice.errors import AwsRefusedError
from sluice.rollout.model.history import HistoryStore
from sluice.rollout.model.live_version import last_endpoint
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.model.store import RecordStore
from sluice.spec.model import ModelSpec

from cli.failures import OK, REFUSED
from cli.inference.batch_view import batch_status
from cli.rollouts.endpoint_view import read_endpoint
from cli.rollouts.silent_alarms import silence
from cli.rollouts.status_view import ModelStatus, as_json, show_all, show_one
from cli.session import CliSession, Commands, list_models, read_spec, read_stack
from cli.training import executions, packages

_SHOWN = 5
_WATCH_SECONDS = 2.0


def add_to(commands: Commands) -> None:
    command = commands.add_parser("status", help="show endpoints, rollouts, versions and runs")
    command.add_argument("model", nargs="?", help="default: an overview of all models")
    command.add_argument("--watch", action="store_true", help="keep showing until the rollout ends, or Ctrl-C")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    table = read_stack(session).table
    spec = read_spec(session, arguments.model) if arguments.model else None
    began = session.now()

    def draw() -> int | None:
        names = [arguments.model] if arguments.model else list_models(session)
        found = [gather(session, table, name) for name in names]
        if spec is not None:
            found = [replace(found[0], remarks=_silent_alarms(spec, session))]
            show_one(session, found[0])
        else:
            show_all(session, found)
        session.out.result({"stage": session.names.stage, "models": [as_json(one) for one in found]})
        return _ended(found[0].rollouts, began) if arguments.model else None

    if arguments.watch:
        return session.out.watch(draw, lambda: session.sleep(_WATCH_SECONDS))
    draw()
    return OK


def _silent_alarms(spec: ModelSpec, session: CliSession) -> tuple[str, ...]:
    """Sentences about the alarms that the spec names and that have no data; none if the user may not see alarms."""
    also = spec.rollout.alarms.also
    if not also:
        return ()
    try:
        return silence(CloudWatch(session.clients("cloudwatch")).silent_alarms(also))
    except AwsRefusedError:
        return ()


def _ended(rollouts: list[RolloutRecord], began: datetime) -> int | None:
    """The exit code once the newest rollout has ended while we watched; None until then."""
    newest = rollouts[0] if rollouts else None
    if newest is None or newest.closed_at is None or newest.closed_at < began:
        return None
    return OK if newest.outcome == "promoted" else REFUSED


def gather(session: CliSession, table: str, model: str) -> ModelStatus:
    """Ask AWS for everything about one model."""
    store = RecordStore(Table(session.clients("dynamodb"), table))
    history = HistoryStore(Table(session.clients("dynamodb"), table))
    # Going back to an older version opens a rollout of it, so the newest is not that of the newest version.
    rollouts = sorted(store.rollouts(model), key=lambda one: one.opened_at, reverse=True)
    endpoint = last_endpoint(rollouts) or session.names.endpoint(model)
    runs = executions.list_executions(session, model, most=_SHOWN)
    versions = packages.list_versions(session, model, most=_SHOWN)
    batches = BatchStore(Table(session.clients("dynamodb"), table))
    return ModelStatus(
        model=model,
        endpoint=read_endpoint(session, endpoint),
        rollouts=rollouts[:_SHOWN],
        history=history.entries(rollouts[0].id) if rollouts else [],
        versions=[packages.with_details(session, one) for one in versions],
        runs=runs,
        batch=batch_status(rollouts, islice(batches.runs(model), _SHOWN)),
        steps=executions.list_steps(session, runs[0].arn) if runs else [],
    )
