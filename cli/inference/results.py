"""``sluice results``: shows asynchronous requests and their results, and replays parked ones."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from itertools import islice

from sluice.async_inference.endpoint_models import EndpointModels
from sluice.async_inference.inference import AsyncInference
from sluice.async_inference.retries import submit
from sluice.async_inference.transitions import requeue
from sluice.bootstrap.adapters import Adapters

from cli.failures import OK, REFUSED, BadInputError, CommandError, NotFoundError
from cli.inference.result_view import as_json, show_list, show_one
from cli.numbers import whole
from cli.session import CliSession, Commands, list_models, ports_of, read_spec, read_stack

STATUSES = ("waiting", "submitted", "ready", "parked")


def add_to(commands: Commands) -> None:
    results = commands.add_parser("results", help="list results of async requests, send parked ones again")
    actions = results.add_subparsers(metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="list requests, the newest first")
    listed.add_argument("model", nargs="?", help="default: all models")
    listed.add_argument("--status", choices=STATUSES, help="only those")
    listed.add_argument("--limit", type=whole(1, 10_000), default=50, help="how many of each model; default 50")
    listed.set_defaults(run=run_list)
    shown = actions.add_parser("show", help="show all that is known of one request")
    shown.add_argument("id")
    shown.set_defaults(run=run_show)
    replay = actions.add_parser("replay", help="send parked requests again, with all their attempts")
    replay.add_argument("ids", nargs="*", metavar="ID")
    replay.add_argument("--all", action="store_true", help="every parked request")
    replay.add_argument("--model", help="with --all: of this model only")
    replay.set_defaults(run=run_replay)


def run_list(arguments: Namespace, session: CliSession) -> int:
    ports = _ports(session)
    found = [
        each
        for model in _models(arguments.model, session)
        for each in islice(_listed(model, arguments.status, ports), arguments.limit)
    ]
    show_list(session, found)
    session.out.result({"inferences": [as_json(each) for each in found]})
    return OK


def run_show(arguments: Namespace, session: CliSession) -> int:
    inference = _found(arguments.id, _ports(session), session)
    show_one(session, inference)
    session.out.result(as_json(inference))
    return OK


def run_replay(arguments: Namespace, session: CliSession) -> int:
    if bool(arguments.ids) == arguments.all:
        raise BadInputError("results replay: name requests by their ids, or all parked ones with --all")
    if arguments.model and not arguments.all:
        raise BadInputError("--model goes with --all: ids are enough by themselves")
    ports = _ports(session)
    if arguments.all:
        parked = [
            each
            for model in _models(arguments.model, session)
            for each in ports.results.open_with_status(model, "parked")
            if each.request.input
        ]
    else:
        parked = [_replayable(_found(each, ports, session)) for each in arguments.ids]
    models = EndpointModels(ports)
    after = [_replay(each, models, session, ports) for each in parked]
    show_list(session, after)
    session.out.result({"inferences": [as_json(each) for each in after]})
    return OK if all(each.status != "parked" for each in after) else REFUSED


def _replay(parked: AsyncInference, models: EndpointModels, session: CliSession, ports: Adapters) -> AsyncInference:
    """Requeue it, then submit it: if this is interrupted, the sweep submits it."""

    def requeue_parked(inference: AsyncInference) -> AsyncInference:
        return requeue(inference, session.now()) if inference.status == "parked" else inference

    inference = ports.results.update(parked.id, requeue_parked) or parked
    return (
        submit(inference, models.serving_settings(inference.model), ports)
        if inference.status == "waiting"
        else inference
    )


def _replayable(inference: AsyncInference) -> AsyncInference:
    if inference.status != "parked":
        raise CommandError(f"{inference.id} is {inference.status}: only a parked request is sent again")
    if not inference.request.input:
        raise CommandError(f"{inference.id}: its payload came in the call itself and is gone; it cannot be sent again")
    return inference


def _listed(model: str, status: str | None, ports: Adapters) -> Iterator[AsyncInference]:
    if status is not None and status != "ready":
        # Its index, which has the open ones alone, is in the order in which they need attention.
        found = ports.results.open_with_status(model, status)  # type: ignore[arg-type]  # one of STATUSES
        return iter(sorted(found, key=lambda each: each.since, reverse=True))
    return (each for each in ports.results.of_model(model) if status in (None, each.status))


def _found(inference_id: str, ports: Adapters, session: CliSession) -> AsyncInference:
    inference = ports.results.get(inference_id)
    if inference is None:
        raise NotFoundError(
            f"Nothing is known of inference {inference_id}; {session.command('results list')} shows what is"
        )
    return inference


def _models(model: str | None, session: CliSession) -> list[str]:
    if model is None:
        return list_models(session)
    read_spec(session, model)
    return [model]


def _ports(session: CliSession) -> Adapters:
    if not read_stack(session).results_table:
        raise CommandError("The deployed stack is older than this command and keeps no results: deploy it again.")
    return ports_of(session)
