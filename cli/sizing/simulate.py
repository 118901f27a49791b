"""``sluice simulate scaling``: what a scaling policy would do under a request trace. Nothing of it touches AWS."""

from __future__ import annotations

from argparse import ArgumentTypeError, BooleanOptionalAction, Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from random import Random

from sluice.endpoint.scaling_rules import rules_for
from sluice.spec.model import ModelSpec
from sluice.spec.serving_modes import ASYNC, BATCH, REAL_TIME, SERVERLESS

from cli.apply.specfile import load
from cli.failures import OK, BadInputError
from cli.numbers import above_zero, whole
from cli.session import CliSession, Commands
from cli.sizing.capacity.policy import TargetTracking
from cli.sizing.capacity.search import Suggestion, suggest
from cli.sizing.capacity.simulator import Fleet, Totals, percentile, simulate
from cli.sizing.capacity.trace import read_trace
from cli.sizing.prices import known_instance, read_prices
from cli.sizing.simulation_view import Simulation, as_json, show

SHIPPED_TRACE = Path(__file__).parent / "traces" / "black-friday.csv"
_DEFAULTS = TargetTracking()
_STARTUP_SECONDS = 300.0
_count = whole(1, 1000)
_seconds = whole(0, 86_400)


def add_to(commands: Commands) -> None:
    command = commands.add_parser("simulate", help="replay a request trace against a scaling policy")
    command.add_argument("what", choices=("scaling",))
    command.add_argument("file", type=Path, metavar="FILE", help="models/<name>.yaml")
    command.add_argument("--traffic", type=Path, default=SHIPPED_TRACE, metavar="CSV", help="default: a Black Friday")
    service = command.add_mutually_exclusive_group(required=True)
    service.add_argument("--service-ms", type=above_zero, metavar="N", help="how long the model works on a request")
    service.add_argument("--service-times", type=Path, metavar="FILE", help="measured times in ms, one in a line")
    command.add_argument("--concurrency", type=_count, metavar="N", help="requests that an instance works on at once")
    command.add_argument("--startup-seconds", type=above_zero, default=_STARTUP_SECONDS, metavar="N")
    command.add_argument("--target", type=above_zero, metavar="N", help="invocations per instance and minute")
    command.add_argument("--min-instances", type=_count, metavar="N")
    command.add_argument("--max-instances", type=_count, metavar="N")
    command.add_argument("--scale-in-cooldown", type=_seconds, metavar="SECONDS")
    command.add_argument("--scale-out-cooldown", type=_seconds, metavar="SECONDS")
    command.add_argument("--p95-ms", type=above_zero, metavar="N", help="the goal of the search for a better target")
    command.add_argument("--search", action=BooleanOptionalAction, default=True, help="look for a better target")
    command.add_argument("--seed", type=int, default=0, help="another seed: other arrivals within each minute")
    command.add_argument("--prices", type=Path, metavar="FILE", help="another price table than the shipped one")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    spec = load(arguments.file).spec
    if spec.endpoint.type in (SERVERLESS, BATCH):
        raise BadInputError(
            f"{arguments.file}: endpoint.type is {spec.endpoint.type}, which has no instances that scale with load; "
            f"allowed: {REAL_TIME} | {ASYNC}"
        )
    policy, trace = policy_of(arguments, written_in(spec)), read_trace(arguments.traffic)
    service = _service(arguments)
    fleet = _fleet(arguments, spec, service)

    def simulate_at(target: float) -> Totals:
        return simulate(trace, replace(policy, target=target), fleet, seed=arguments.seed).totals()

    simulation = Simulation(
        model=spec.name,
        instance_type=spec.endpoint.instance_type,
        trace=trace,
        policy=policy,
        fleet=fleet,
        run=simulate(trace, policy, fleet, seed=arguments.seed),
        p95_goal_seconds=_p95_goal(arguments, spec, service),
        suggestion=None,
    )
    if arguments.search:
        simulation = replace(simulation, suggestion=_search(simulation, service, simulate_at))
    show(session.out, simulation)
    session.out.result(as_json(simulation))
    return OK


def _p95_goal(arguments: Namespace, spec: ModelSpec, service: Service) -> float:
    """The given limit, else the one of the model's own alarm, else twice the service time without a queue."""
    milliseconds = arguments.p95_ms or spec.rollout.alarms.latency_p95_ms
    return milliseconds / 1000 if milliseconds else 2 * service.p95


def written_in(spec: ModelSpec) -> TargetTracking:
    """The policy that the spec has for instances, or else the defaults."""
    rules = rules_for(spec.endpoint)
    if rules is None or rules.kind != REAL_TIME:
        return _DEFAULTS
    return TargetTracking(
        target=rules.target,
        min_instances=rules.least,
        max_instances=rules.most,
        scale_in_cooldown_seconds=rules.in_cooldown_seconds,
        scale_out_cooldown_seconds=rules.out_cooldown_seconds,
    )


def policy_of(given: Namespace, written: TargetTracking = _DEFAULTS) -> TargetTracking:
    """The policy from the command line; options override ``written``, a spec's policy or else the defaults."""
    options = {
        "target": given.target,
        "min_instances": given.min_instances,
        "max_instances": given.max_instances,
        "scale_in_cooldown_seconds": given.scale_in_cooldown,
        "scale_out_cooldown_seconds": given.scale_out_cooldown,
    }
    policy = replace(written, **{name: value for name, value in options.items() if value is not None})
    if policy.min_instances > policy.max_instances:
        raise BadInputError(f"min-instances {policy.min_instances} is above max-instances {policy.max_instances}")
    return policy


@dataclass(frozen=True, slots=True)
class Service:
    """How long the model works on a request, in seconds: always the same, or as measured."""

    times: tuple[float, ...]

    def draw(self, random: Random) -> float:
        return self.times[0] if len(self.times) == 1 else random.choice(self.times)

    @property
    def mean(self) -> float:
        return sum(self.times) / len(self.times)

    @property
    def p95(self) -> float:
        return percentile(sorted(self.times), 0.95) or self.mean


def _service(arguments: Namespace) -> Service:
    if arguments.service_ms:
        return Service((arguments.service_ms / 1000,))
    path = arguments.service_times
    try:
        lines = path.read_text(encoding="utf-8").split()
        return Service(tuple(above_zero(line) / 1000 for line in lines)) if lines else _no_times(path)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} cannot be read: {error}") from error
    except ArgumentTypeError as error:
        raise BadInputError(f"{path}: {error} of milliseconds") from error


def _no_times(path: Path) -> Service:
    raise BadInputError(f"{path} has no times")


def _fleet(arguments: Namespace, spec: ModelSpec, service: Service) -> Fleet:
    prices = read_prices(arguments.prices)
    instance = prices.instances[known_instance(prices, spec.endpoint.instance_type)]
    return Fleet(
        concurrency=arguments.concurrency or instance.slots,
        service_time=service.draw,
        startup_seconds=arguments.startup_seconds,
        initial_instances=spec.endpoint.instance_count,
        usd_per_hour=instance.usd_per_hour,
    )


def _search(simulation: Simulation, service: Service, simulate_at: Callable[[float], Totals]) -> Suggestion:
    """Above what an instance can serve in a minute, no target is of use."""
    highest = ceil(60 / service.mean * simulation.fleet.concurrency)
    return suggest(simulate_at, highest=highest, p95_seconds=simulation.p95_goal_seconds)
