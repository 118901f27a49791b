"""What the package asks of the world: a protocol for each collaborator, with no more than is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from sluice.names import Names
from sluice.rollout.ab_outcomes.outcome import InferenceOutcome
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout_id import RolloutId
from sluice.telemetry.port import Telemetry


class AbOutcomesOutcomes(Protocol):
    """Every method may be called again with the same arguments and leaves the same state."""

    def add(self, outcomes: Sequence[InferenceOutcome], test: RolloutId, variant: str, row: datetime) -> int:
        """Count outcomes of one metric for a variant in the period that starts at ``row``; returns how many are new."""


class AbOutcomesRefusedOutcomes(Protocol):
    """What Sluice asks of a queue of messages that a person has to look at."""

    def park(self, body: str, reason: str) -> None:
        """Keep a message, with its ``reason`` as an attribute; it may be parked twice after a crash."""


class AbOutcomesStore(Protocol):
    """Every method may be called again with the same arguments and leaves the same state."""

    def get(self, rollout_id: RolloutId) -> RolloutRecord:
        """The record as it is now (consistent read)."""

    def last_test(self, model: str) -> RolloutId | None:
        """The model's latest A/B test; it may be over."""


class AbOutcomesPorts(Protocol):
    """Everything that this room is given."""

    @property
    def names(self) -> Names: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def outcomes(self) -> AbOutcomesOutcomes: ...

    @property
    def refused_outcomes(self) -> AbOutcomesRefusedOutcomes: ...

    @property
    def store(self) -> AbOutcomesStore: ...

    @property
    def telemetry(self) -> Telemetry: ...
