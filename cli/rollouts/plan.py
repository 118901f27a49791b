"""``sluice plan``: what a rollout of the next version would do to the endpoint as it is now. Nothing is written."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sluice.aws.metric_data import Span, dimensions
from sluice.bootstrap.adapters import Adapters
from sluice.endpoint.state import CHANGING, EndpointState
from sluice.errors import MetricsUnknownError, PermanentError
from sluice.names import is_model
from sluice.rollout.analysis.alarms import failure_metrics
from sluice.rollout.gates.freeze_windows import is_open, opens_at
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.planner import make_plan
from sluice.rollout.planning.preflight import run_preflight
from sluice.spec.model import ModelSpec

from cli.apply.instance_types import instance_type_rules
from cli.apply.moves import notes_on_a_move
from cli.apply.removed_stack import notes_on_a_removed_stack
from cli.apply.rules import gate_rules, quality_rules, time_zone_rules
from cli.apply.specfile import load
from cli.failures import OK, REFUSED
from cli.rollouts.forecast import Traffic, extra_cost, late_alarms, least_seconds, proof_of_safety, rollback_triggers
from cli.rollouts.plan_view import PlannedRollout, as_json, show_plan
from cli.rollouts.silent_alarms import silence
from cli.session import CliSession, Commands, ports_of, read_spec, read_stack
from cli.sizing.prices import read_prices
from cli.training.origins import origin_as_json, origin_obstacle, show_origin
from cli.training.packages import Version, list_versions, with_details

_LOOKED_BACK = timedelta(hours=1)
_MINUTE = 60


def add_to(commands: Commands) -> None:
    command = commands.add_parser("plan", help="show what a rollout would do, and change nothing")
    command.add_argument("target", metavar="FILE|MODEL", help="models/<name>.yaml, or a model that was applied")
    command.add_argument("--prices", type=Path, metavar="FILE", help="another price table than the shipped one")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    """0: it could begin; 1: something would keep it from beginning."""
    prices = read_prices(arguments.prices)
    spec, ports = _spec(arguments.target, session), ports_of(session)
    version = _next_version(spec.name, session, ports)
    name = ports.names.endpoint(spec.name, spec.endpoint.suffix)
    live = ports.hosting.describe(name) if spec.endpoint.type != "batch" else None
    running = [each for each in ports.store.rollouts(spec.name) if not each.is_closed]
    settled = _as_before(live, running) if live else None
    plan, problems = _plan(spec, version, settled, ports)
    traffic = _traffic(plan, ports) if plan else None
    found = PlannedRollout(
        model=spec.name,
        version=version,
        strategy=spec.rollout.strategy,
        plan=plan,
        traffic=traffic,
        proof=proof_of_safety(plan, traffic) if plan and traffic else None,
        least_seconds=least_seconds(plan) if plan else 0,
        cost=extra_cost(plan, prices) if plan else None,
        triggers=tuple(rollback_triggers(plan, session.command(f"abort {spec.name}"))) if plan else (),
        problems=problems,
        remarks=(
            *_remarks(spec, live, running, ports),
            *notes_on_a_move(session, read_stack(session), spec),
            *notes_on_a_removed_stack(session, read_stack(session), spec),
            *(late_alarms(plan) if plan else ()),
        ),
    )
    show_plan(session, found)
    candidate = _registered(spec.name, version, session)
    obstacle = origin_obstacle(session, candidate) if candidate else ""
    if candidate:
        show_origin(session, candidate, obstacle)
    origin = origin_as_json(candidate, obstacle) if candidate else None
    session.out.result({**as_json(found), "origin": origin})
    return REFUSED if problems or obstacle else OK


def _registered(model: str, number: int, session: CliSession) -> Version | None:
    """The version that a rollout would take, if it is registered already."""
    newest = next(iter(list_versions(session, model, most=1)), None)
    return with_details(session, newest) if newest is not None and newest.number == number else None


def _spec(target: str, session: CliSession) -> ModelSpec:
    if is_model(target) and not Path(target).is_file():
        return read_spec(session, target)
    rules = (*instance_type_rules(), *time_zone_rules(), *gate_rules(session.names.stage), *quality_rules())
    return load(Path(target), rules).spec


def _next_version(model: str, session: CliSession, ports: Adapters) -> int:
    """The newest version if it was not rolled out yet, else the one that will be registered next."""
    newest = next(iter(list_versions(session, model, most=1)), None)
    if newest is None:
        return 1
    was_rolled_out = next(ports.store.rollouts(model, newest.number), None) is not None
    return newest.number + was_rolled_out


def _plan(
    spec: ModelSpec, version: int, live: EndpointState | None, ports: Adapters
) -> tuple[Plan | None, tuple[str, ...]]:
    """The plan, and what is wrong with it; no plan if none can be made."""
    rollout = f"{spec.name}-{version}-1"
    try:
        plan = make_plan(spec, ports.names, rollout, version, live)
    except PermanentError as error:
        return None, (str(error),)
    try:
        return run_preflight(plan, ports, urgent=False), ()
    except (PermanentError, MetricsUnknownError) as error:
        return plan, (str(error),)


def _traffic(plan: Plan, ports: Adapters) -> Traffic | None:
    """Traffic of the live version in the last hour; None if nothing serves yet, or CloudWatch does not know it all."""
    if plan.baseline is None:
        return None
    now = ports.now()
    span = Span(start=now - _LOOKED_BACK, end=now, period_seconds=_MINUTE)
    of = dimensions(plan.endpoint, plan.baseline.variant)
    try:
        counts = ports.metrics.counts(of, span, failure_metrics(plan)).values()
    except MetricsUnknownError:  # a problem of the plan says so, or it is back by now
        return None
    return Traffic(
        requests=sum(each.requests for each in counts),
        errors=sum(each.errors for each in counts),
        seconds=int(_LOOKED_BACK.total_seconds()),
    )


def _as_before(live: EndpointState, running: Iterable[RolloutRecord]) -> EndpointState:
    """The endpoint as it was before the rollout under way; the next one begins when that has ended, either way."""
    plans = [each.plan for each in running if each.plan and each.plan.endpoint == live.name]
    before = next((plan.baseline for plan in plans if plan.baseline), None)
    kept = [each for each in live.variants if before and each.name == before.variant]
    if before is None or not kept or len(live.variants) + len(live.shadows) == 1:
        return live
    baseline = replace(kept[0], weight=before.weight, desired_count=max(kept[0].desired_count, before.instance_count))
    return replace(live, variants=(baseline,), shadows=())


def _remarks(
    spec: ModelSpec, live: EndpointState | None, running: Iterable[RolloutRecord], ports: Adapters
) -> Iterator[str]:
    """What would make it wait, and which alarms could not end it."""
    if live is not None and live.status in CHANGING:
        yield f"endpoint {live.name} is {live.status}; the rollout waits until that is over"
    for each in running:
        yield (
            f"rollout {each.id} is under way ({each.phase}); on_new_version is {spec.rollout.on_new_version}. The plan "
            "is one that begins where that one began"
        )
    windows, now = spec.rollout.windows, ports.now()
    if windows is not None and not is_open(windows, now):
        opens = opens_at(windows, now)
        yield f"outside of rollout.windows; they open at {opens:%Y-%m-%d %H:%M} UTC" if opens else "frozen"
    yield from silence(ports.metrics.silent_alarms(spec.rollout.alarms.also))
