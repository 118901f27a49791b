"""Counts inference outcomes that clients report for a running A/B test; ignores those of no test, parks bad ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sluice.errors import RETRYABLE_ERRORS
from sluice.rollout.ab_outcomes.counting import counted_variant, running_test
from sluice.rollout.ab_outcomes.outcome import InferenceOutcome, OutcomeError

if TYPE_CHECKING:
    from sluice.rollout.ab_outcomes.ports import OutcomePorts


@dataclass(frozen=True, slots=True)
class CountedOutcome:
    """An outcome of a request that the variant answered in the model's running test."""

    outcome: InferenceOutcome
    variant: str


class OutcomeBatch:
    """The messages of one invocation: read one by one, and counted together, one write for each variant.

    Delivery is at least once; an outcome that was counted before is not counted again.
    """

    def __init__(self, ports: OutcomePorts) -> None:
        self._ports = ports
        self._test = cache(lambda model: running_test(model, ports))
        self._ignored = 0

    def read(self, body: str) -> CountedOutcome | None:
        """Read one message; None if no running test counts it.

        One that no repetition helps is parked, with the reason, for a person to see. Whatever else is raised has the
        message come again.
        """
        try:
            outcome = InferenceOutcome.from_message(body)
            variant = counted_variant(outcome, self._test(outcome.model))
        except OutcomeError as error:
            refusal = error
        else:
            return self._counted(outcome, variant)
        # Not while the error is handled: if parking fails, its trace would show the error, which quotes the value.
        self._ports.refused_outcomes.park(body, str(refusal))
        self._ports.telemetry.log("outcome parked", field=refusal.field)
        return None

    def _counted(self, outcome: InferenceOutcome, variant: str | None) -> CountedOutcome | None:
        if not variant:
            self._ignored += 1
            return None
        return CountedOutcome(outcome, variant)

    def count(self, read: Mapping[str, CountedOutcome | None]) -> set[str]:
        """Count what was read, by message id; returns the ids of the messages that have to come again."""
        together: dict[tuple[str, str], dict[str, InferenceOutcome]] = defaultdict(dict)
        for message_id, counted in read.items():
            if counted is not None:
                together[counted.outcome.model, counted.variant][message_id] = counted.outcome
        failed: set[str] = set()
        for (model, variant), outcomes in together.items():
            test = self._test(model)
            assert test is not None  # only what counts for a test was gathered
            fields = {"rollout": str(test.record.id), "variant": variant, "received": len(outcomes)}
            try:
                row = test.row(self._ports.now())
                new = self._ports.outcomes.add(list(outcomes.values()), test.record.id, variant, row)
                self._ports.telemetry.log("outcomes counted", **fields, new=new)
            except RETRYABLE_ERRORS as error:
                self._ports.telemetry.error("outcomes returned to the queue", **fields, error=type(error).__name__)
                failed |= outcomes.keys()
        if self._ignored:
            self._ports.telemetry.log("outcomes ignored: no running test counts them", ignored=self._ignored)
        return failed
