"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from sluice.names import Names
from sluice.rollout.ab_outcomes.outcome import InferenceOutcome
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout_id import RolloutId
from sluice.telemetry.port import Telemetry


class OutcomeCounter(Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def add(self, outcomes: Sequence[InferenceOutcome], test: RolloutId, variant: str, row: datetime) -> int:
        """Count outcomes of one metric for a variant in the period that starts at ``row``; returns how many are new."""


class RefusedOutcomeQueue(Protocol):
    """The queue of outcome messages that Sluice cannot count and a person must inspect."""

    def park(self, body: str, reason: str) -> None:
        """Keep a message, with its ``reason`` as an attribute; it may be parked twice after a crash."""


class ABTestStore(Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def get(self, rollout_id: RolloutId) -> RolloutRecord:
        """The record as it is now (consistent read)."""

    def last_test(self, model: str) -> RolloutId | None:
        """The model's latest A/B test; it may be over."""


class OutcomePorts(Protocol):
    """All ports of this package."""

    @property
    def names(self) -> Names: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def outcomes(self) -> OutcomeCounter: ...

    @property
    def refused_outcomes(self) -> RefusedOutcomeQueue: ...

    @property
    def store(self) -> ABTestStore: ...

    @property
    def telemetry(self) -> Telemetry: ...
