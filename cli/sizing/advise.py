"""``sluice advise``: which way to serve fits, why, and what each costs a month."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError, BooleanOptionalAction, Namespace
from pathlib import Path

from sluice.spec.serving_modes import SERVERLESS_MEMORY_MB

from cli.failures import OK, REFUSED, BadInputError
from cli.numbers import above_zero
from cli.session import CliSession, Commands
from cli.sizing.advice import SCHEDULES, advise
from cli.sizing.advice_view import as_json, show
from cli.sizing.prices import known_instance, read_prices
from cli.sizing.questions import QUESTIONS, gather
from cli.sizing.serving_costs import Workload


def _at_least_one(text: str) -> float:
    value = above_zero(text)
    if value < 1:
        raise ArgumentTypeError(f"{text!r} is below 1, the average")
    return value


def add_to(commands: Commands) -> None:
    command = commands.add_parser("advise", help="say which endpoint type fits, and what each costs")
    for one in QUESTIONS:
        meaning = "; ".join(f"{word}: {says}" for word, says in one.choices.items())
        choices = f"{{{','.join(one.choices)}}}" if one.choices else None
        command.add_argument(one.option, type=one.read, metavar=choices or "N", help=f"{one.text} {meaning}".strip())
    command.add_argument("--gpu", action=BooleanOptionalAction, help="whether the model needs a GPU; default: no")
    command.add_argument("--schedule", choices=SCHEDULES, help="when batches come; default: none")
    command.add_argument("--instance-type", help="default: ml.m5.large, with --gpu ml.g4dn.xlarge")
    command.add_argument("--memory-mb", type=int, choices=SERVERLESS_MEMORY_MB, default=2048, help="of serverless")
    command.add_argument("--peak-factor", type=_at_least_one, metavar="N", help="requests at the peak per average")
    command.add_argument("--prices", type=Path, metavar="FILE", help="another price table than the shipped one")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    prices = read_prices(arguments.prices)
    may_ask = sys.stdin.isatty() and arguments.output == "text"
    answers = gather(arguments, session, input if may_ask else None)
    standard = "ml.g4dn.xlarge" if answers["gpu"] else "ml.m5.large"
    instance_type = known_instance(prices, arguments.instance_type or standard)
    if answers["gpu"] and not prices.instances[instance_type].gpus:
        raise BadInputError(f"{instance_type} has no GPU: choose one that has, or leave out --gpu.")
    load = Workload(
        **answers,
        memory_mb=arguments.memory_mb,
        instance_type=instance_type,
        peak_factor=arguments.peak_factor,
    )
    advice = advise(load, prices)
    show(session.out, advice)
    session.out.result(as_json(advice))
    return OK if advice.chosen else REFUSED
