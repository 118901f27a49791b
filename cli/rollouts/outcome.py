"""``sluice outcome``: tell what came of an inference, for the A/B test that is under way."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError, Namespace
from typing import Any

from sluice.rollout.ab_outcomes.counting import counted_variant, running_test
from sluice.rollout.ab_outcomes.outcome import DETAIL_TYPE, SOURCE, InferenceOutcome, OutcomeError

from cli.failures import OK, BadInputError, CommandError
from cli.session import CliSession, Commands, ports_of, read_spec


def add_to(commands: Commands) -> None:
    command = commands.add_parser("outcome", help="tell what came of an answered request, for an A/B test")
    command.add_argument("model", help="such as fraud")
    command.add_argument("--inference-id", required=True, metavar="ID", help="the request's; it counts once")
    command.add_argument("--value", required=True, type=_number, help="such as 1 for yes and 0 for no, or 12.50")
    command.add_argument("--metric", default="conversion", help="the spec's ab_test.metric (default: conversion)")
    who = command.add_mutually_exclusive_group(required=True)
    who.add_argument("--variant", help="who answered: InvokedProductionVariant of the response")
    who.add_argument("--version", type=int, help="who answered, by the version's number")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    """Send it as any client does, once it is clear that it counts: the stack ignores or parks what does not."""
    given = ("model", "inference_id", "value", "metric", "variant", "version")
    detail: dict[str, Any] = {name: found for name in given if (found := getattr(arguments, name)) is not None}
    try:
        given_outcome = InferenceOutcome.parse(detail)
        _check_that_it_counts(given_outcome, session)
    except OutcomeError as error:
        raise BadInputError(f"{error}") from error
    entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(detail)}
    answer = session.clients("events").put_events(Entries=[entry])
    if answer.get("FailedEntryCount"):
        raise CommandError(f"EventBridge did not take the outcome: {answer['Entries'][0].get('ErrorMessage', '')}")
    session.out.text(f"{arguments.metric} of {arguments.inference_id} is sent")
    session.out.result({"sent": detail})
    return OK


def _check_that_it_counts(given: InferenceOutcome, session: CliSession) -> None:
    """Raise if the test under way would not count it, or if there is none.

    Raises:
        BadInputError: it is of another metric.
        CommandError: no test counts outcomes now.
        NotFoundError: there is no such model.
        OutcomeError: it names a version or a variant that the test does not compare.
    """
    read_spec(session, given.model)
    test = running_test(given.model, ports_of(session))
    if test is None:
        status = session.command(f"status {given.model}")
        raise CommandError(f"No A/B test of {given.model} counts outcomes now, so nothing is sent; see {status}")
    if given.metric != test.metric:
        raise BadInputError(f"--metric is {given.metric!r}; allowed: {test.metric}, which {test.record.id} compares")
    counted_variant(given, test)


def _number(text: str) -> float:
    try:
        return float({"true": 1, "false": 0}.get(text.lower(), text))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a number, true or false") from None
