"""``sluice advise``: which way to serve fits, why, and what each costs a month."""

from __future__ import annotations

import sys
from argparse import Action, ArgumentTypeError, BooleanOptionalAction, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from sluice.advice import LATENCY, SCHEDULES, TRAFFIC, advise
from sluice.serving_costs import Workload
from sluice.serving_limits import SERVERLESS_MEMORY_MB

from cli.advice_view import as_json, show
from cli.failures import OK, REFUSED, BadInputError
from cli.prices import known_instance, read_prices
from cli.session import CliSession, Commands

_REQUESTS_MAX = 10**12


def above_zero(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not isfinite(value) or value <= 0:
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def _at_least_one(text: str) -> float:
    value = above_zero(text)
    if value < 1:
        raise ArgumentTypeError(f"{text!r} is below 1, the average")
    return value


def _requests(text: str) -> int:
    plain = text.replace(",", "").replace("_", "")
    if not plain.isascii() or not plain.isdigit() or not 1 <= int(plain[:13]) <= _REQUESTS_MAX or len(plain) > 13:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to {_REQUESTS_MAX:,}")
    return int(plain)


def _one_of(words: Mapping[str, str]) -> Callable[[str], str]:
    def choose(text: str) -> str:
        if text not in words:
            raise ArgumentTypeError(f"{text!r} is none of: {', '.join(words)}")
        return text

    return choose


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that must be known; it is asked for when its option is not given."""

    option: str
    text: str
    read: Callable[[str], Any]
    choices: Mapping[str, str]
    """What each word means; empty for numbers."""

    @property
    def name(self) -> str:
        return self.option.removeprefix("--").replace("-", "_")


QUESTIONS = (
    Question("--payload-mb", "How large is the largest request, in MB?", above_zero, {}),
    Question("--response-seconds", "How long does the model work on one request, in seconds?", above_zero, {}),
    Question("--requests-per-month", "How many requests come in a month?", _requests, {}),
    Question("--traffic", "How do they come?", _one_of(TRAFFIC), TRAFFIC),
    Question("--latency", "How long may an answer take?", _one_of(LATENCY), LATENCY),
)


def add_to(commands: Commands) -> None:
    command = commands.add_parser("advise", help="say which endpoint type fits, and what each costs")
    for one in QUESTIONS:
        meaning = "; ".join(f"{word}: {says}" for word, says in one.choices.items())
        choices = f"{{{','.join(one.choices)}}}" if one.choices else None
        command.add_argument(one.option, type=one.read, metavar=choices or "N", help=f"{one.text} {meaning}".strip())
    gpu: Action = command.add_argument("--gpu", action=BooleanOptionalAction, default=False)
    gpu.help = "the model needs a GPU"
    command.add_argument("--schedule", choices=SCHEDULES, default="none", help="when batches come")
    command.add_argument("--instance-type", help="default: ml.m5.large, with --gpu ml.g4dn.xlarge")
    command.add_argument("--memory-mb", type=int, choices=SERVERLESS_MEMORY_MB, default=2048, help="of serverless")
    command.add_argument("--peak-factor", type=_at_least_one, metavar="N", help="requests at the peak per average")
    command.add_argument("--prices", type=Path, metavar="FILE", help="another price table than the shipped one")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    prices = read_prices(arguments.prices)
    may_ask = sys.stdin.isatty() and arguments.output == "text"
    answers = gather(arguments, session, input if may_ask else None)
    standard = "ml.g4dn.xlarge" if arguments.gpu else "ml.m5.large"
    instance_type = known_instance(prices, arguments.instance_type or standard)
    if arguments.gpu and not prices.instances[instance_type].gpus:
        raise BadInputError(f"{instance_type} has no GPU: choose one that has, or leave out --gpu.")
    load = Workload(
        **answers,
        gpu=arguments.gpu,
        schedule=arguments.schedule,
        memory_mb=arguments.memory_mb,
        instance_type=instance_type,
        peak_factor=arguments.peak_factor,
    )
    advice = advise(load, prices)
    show(session.out, advice)
    session.out.result(as_json(advice))
    return OK if advice.chosen else REFUSED


def gather(arguments: Namespace, session: CliSession, ask: Callable[[str], str] | None) -> dict[str, Any]:
    """Every answer, from the options or else from the person; without one to ask, all missing options are named."""
    missing = [one.option for one in QUESTIONS if getattr(arguments, one.name) is None]
    if missing and ask is None:
        raise BadInputError(f"Missing: {', '.join(missing)}. On a terminal, sluice advise asks for them.")
    return {
        one.name: _asked(one, session, ask) if ask and one.option in missing else getattr(arguments, one.name)
        for one in QUESTIONS
    }


def _asked(question: Question, session: CliSession, ask: Callable[[str], str]) -> Any:
    session.out.text(question.text)
    for word, meaning in question.choices.items():
        session.out.text(f"  {word:<8}  {meaning}")
    while True:
        try:
            return question.read(ask("> ").strip())
        except ArgumentTypeError as error:
            session.out.text(str(error))
        except EOFError as error:
            raise BadInputError(f"No answer; {question.option} gives it, too.") from error
