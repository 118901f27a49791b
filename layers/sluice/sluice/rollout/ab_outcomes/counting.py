"""Reported outcomes become counts of the A/B test they belong to. Those of none are ignored, wrong ones are parked."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from sluice.errors import RETRYABLE_ERRORS
from sluice.rollout.ab_outcomes.outcome import KIND, Outcome, OutcomeError
from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.ab_outcomes.ports import AbOutcomesPorts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """An A/B test that counts outcomes now."""

    __test__ = False  # pytest takes the name for its own

    record: RolloutRecord
    metric: str
    variants: Mapping[str, int | None]  # the versions that the candidate and the baseline serve
    row_seconds: int
    since: datetime

    def row(self, now: datetime) -> datetime:
        """The start of the period that an outcome which comes now is counted in.

        Outcomes count when they come, not when they happened: what past looks have seen does not change any more.
        """
        return datetime.fromtimestamp(now.timestamp() // self.row_seconds * self.row_seconds, tz=UTC)


def running_test(model: str, ports: AbOutcomesPorts) -> Test | None:
    """The model's A/B test, from when both versions have their share of the traffic until one is to get more."""
    rollout = ports.store.last_test(model)
    if rollout is None:
        return None
    record = ports.store.get(rollout)
    plan = record.planned()
    if not record.may_advance or plan.experiment is None or plan.baseline is None:
        return None
    if 0 not in record.shifted_at or 1 in record.shifting_at:
        return None
    return Test(
        record=record,
        metric=plan.experiment.metric,
        variants={
            plan.candidate.variant: record.id.version,
            plan.baseline.variant: ports.names.version_served(plan.baseline.variant, plan.baseline.model),
        },
        row_seconds=plan.experiment.row_seconds,
        since=record.shifted_at[0],
    )


def take(bodies: Mapping[str, str], ports: AbOutcomesPorts) -> set[str]:
    """Count the outcomes in messages, by their ids; returns the ids of those that cannot be dealt with now."""
    failed: set[str] = set()
    test_of = cache(lambda model: running_test(model, ports))
    together: dict[tuple[str, str], dict[str, Outcome]] = defaultdict(dict)
    for message, body in bodies.items():
        try:
            outcome = _read(body)
            if variant := _counted_for(outcome, test_of(outcome.model)):
                together[outcome.model, variant][message] = outcome
        except OutcomeError as error:
            failed |= _park(message, body, str(error), ports)
        except RETRYABLE_ERRORS:
            log.exception("outcome %s goes back to the queue", message)
            failed.add(message)
    for (model, variant), outcomes in together.items():
        test = test_of(model)
        assert test is not None  # only what counts for a test was gathered
        try:
            new = ports.outcomes.add(list(outcomes.values()), test.record.id, variant, test.row(ports.now()))
            log.info("%s: %d of %d outcomes are new", test.record.id, new, len(outcomes))
        except RETRYABLE_ERRORS:
            log.exception("%d outcomes go back to the queue", len(outcomes))
            failed |= outcomes.keys()
    return failed


def _read(body: str) -> Outcome:
    """The outcome in a message of the rule, which is a whole event."""
    try:
        event = json.loads(body)
    except ValueError:
        raise OutcomeError("the message is no JSON") from None
    if not isinstance(event, dict) or event.get("detail-type") != KIND or not isinstance(event.get("detail"), dict):
        raise OutcomeError(f"the message is no event with detail-type {KIND} and a detail")
    return Outcome.parse(event["detail"])


def _counted_for(outcome: Outcome, test: Test | None) -> str | None:
    """The variant the outcome counts for; None if it is not the test's, as clients report outcomes all the time.

    Raises:
        OutcomeError: it names something that the test does not compare: the client has it wrong.
    """
    if test is None or outcome.metric != test.metric:
        log.info("%s of %s is not being tested: ignored", outcome.metric, outcome.model)
        return None
    if outcome.at is not None and outcome.at < test.since:
        log.info("an outcome of %s is older than the test: ignored", outcome.model)
        return None
    for variant, version in test.variants.items():
        if outcome.variant == variant or (not outcome.variant and outcome.version == version):
            return variant
    given = f"variant is {outcome.variant!r}" if outcome.variant else f"version is {outcome.version}"
    compared = " and ".join(f"{variant} (version {version})" for variant, version in test.variants.items())
    raise OutcomeError(f"{given}; allowed: what {test.record.id} compares, {compared}")


def _park(message: str, body: str, reason: str, ports: AbOutcomesPorts) -> set[str]:
    """What no repetition helps goes where it is kept with its reason; back to the queue if that fails."""
    log.error("outcome %s is parked: %s", message, reason)
    try:
        ports.refused_outcomes.park(body, reason)
    except RETRYABLE_ERRORS:
        log.exception("outcome %s could not be parked", message)
        return {message}
    return set()
