"""The questions of ``sluice advise``, answered by options or asked on a terminal."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cli.failures import BadInputError
from cli.numbers import above_zero, whole
from cli.session import CliSession
from cli.sizing.advice import LATENCY, SCHEDULES, TRAFFIC

_REQUESTS_MAX = 10**12


def _one_of(words: Mapping[str, str]) -> Callable[[str], str]:
    def choose(text: str) -> str:
        if text not in words:
            raise ArgumentTypeError(f"{text!r} is none of: {', '.join(words)}")
        return text

    return choose


@dataclass(frozen=True, slots=True)
class Question:
    """One question; it is asked when its option is not given."""

    option: str
    text: str
    read: Callable[[str], Any]
    choices: Mapping[str, str]
    """What each word means; empty for numbers."""
    default: str = ""
    """What Enter alone answers; empty where there is no default."""

    @property
    def name(self) -> str:
        return self.option.removeprefix("--").replace("-", "_")


QUESTIONS = (
    Question("--payload-mb", "How large is the largest request, in MB?", above_zero, {}),
    Question("--response-seconds", "How long does the model work on one request, in seconds?", above_zero, {}),
    Question("--requests-per-month", "How many requests come in a month?", whole(1, _REQUESTS_MAX), {}),
    Question("--traffic", "How do they come?", _one_of(TRAFFIC), TRAFFIC),
    Question("--latency", "How long may an answer take?", _one_of(LATENCY), LATENCY),
)

_YES_OR_NO = {"yes": "", "no": ""}
_WHEN = {"none": "at no fixed time", **{word: "" for word in SCHEDULES if word != "none"}}
GPU = Question(
    "--gpu", "Does the model need a GPU?", lambda text: _one_of(_YES_OR_NO)(text) == "yes", _YES_OR_NO, default="no"
)
SCHEDULE = Question("--schedule", "When do the batches come?", _one_of(_WHEN), _WHEN, default="none")
"""These two have defaults, so they are asked only when something else has to be."""


def gather(given: Namespace, session: CliSession, ask: Callable[[str], str] | None) -> dict[str, Any]:
    """Every answer, from the options or else from the person; without one to ask, all missing options are named."""
    found = {one.name: getattr(given, one.name) for one in (*QUESTIONS, GPU, SCHEDULE)}
    missing = [one for one in QUESTIONS if found[one.name] is None]
    if missing and ask is None:
        options = ", ".join(one.option for one in missing)
        raise BadInputError(f"Missing: {options}. On a terminal, sluice advise asks for them.")
    if missing and ask:
        for one in (*missing, *(one for one in (GPU, SCHEDULE) if found[one.name] is None)):
            if one is not SCHEDULE or found["traffic"] == "batch":
                found[one.name] = _asked(one, session, ask)
    return found | {"gpu": bool(found["gpu"]), "schedule": found["schedule"] or "none"}


def _asked(question: Question, session: CliSession, ask: Callable[[str], str]) -> Any:
    session.out.text(question.text + (f" (Enter: {question.default})" if question.default else ""))
    for word, meaning in question.choices.items():
        session.out.text(f"  {word:<8}  {meaning}".rstrip())
    while True:
        try:
            return question.read(ask("> ").strip() or question.default)
        except ArgumentTypeError as error:
            session.out.text(str(error))
        except EOFError as error:
            raise BadInputError(f"No answer; {question.option} gives it, too.") from error
