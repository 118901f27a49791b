"""Record reported outcomes: count them for the A/B test that is under way, ignore those of none, park wrong ones."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

from sluice.errors import RETRYABLE_ERRORS
from sluice.rollout.ab_outcomes.counting import counted_variant, running_test
from sluice.rollout.ab_outcomes.outcome import InferenceOutcome, OutcomeError

if TYPE_CHECKING:
    from sluice.rollout.ab_outcomes.ports import AbOutcomesPorts


class OutcomeBatch:
    """The messages of one invocation: read one by one, and counted together, one write for each variant.

    Delivery is at least once; an outcome that was counted before is not counted again.
    """

    def __init__(self, ports: AbOutcomesPorts) -> None:
        self._ports = ports
        self._test = cache(lambda model: running_test(model, ports))
        self._outcomes: dict[tuple[str, str], dict[str, InferenceOutcome]] = defaultdict(dict)
        self._ignored = 0

    def read(self, message_id: str, body: str) -> None:
        """Take in one message. One that no repetition helps is parked, with the reason, for a person to see.

        Raises:
            Exception: it cannot be handled now and has to come again.
        """
        try:
            self._read(message_id, body)
        except Exception as error:
            self._ports.telemetry.error(
                "outcome returned to the queue", message_id=message_id, error=type(error).__name__
            )
            raise

    def count(self) -> set[str]:
        """Count what was read; returns the ids of the messages that have to come again."""
        failed: set[str] = set()
        for (model, variant), outcomes in self._outcomes.items():
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

    def _read(self, message_id: str, body: str) -> None:
        try:
            outcome = InferenceOutcome.from_message(body)
            variant = counted_variant(outcome, self._test(outcome.model))
        except OutcomeError as error:
            self._ports.refused_outcomes.park(body, str(error))
            self._ports.telemetry.log("outcome parked", message_id=message_id, field=error.field)
            return
        if variant:
            self._outcomes[outcome.model, variant][message_id] = outcome
        else:
            self._ignored += 1
