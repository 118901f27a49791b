"""What this room asks of the world: a protocol for each collaborator, with no more than is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sluice.rollout.gates.gates import GateResponse
from sluice.rollout.model.record import Hold
from sluice.rollout_id import RolloutId


class GatesEvents(Protocol):
    """Puts domain events on the default bus; the same fact may be published twice after a crash."""

    def publish(self, detail_type: str, **detail: Any) -> None:
        """Publish one event, e.g. ``publish("RolloutOpened", model="fraud", version=7)``."""


class GatesGates(Protocol):
    """Asks the Lambda functions that keep gates."""

    def ask(self, arn: str, question: Mapping[str, Any]) -> GateResponse:
        """What the function says. One that cannot be asked, fails or says anything else keeps its gate closed."""


class GatesHistory(Protocol):
    """The history of rollouts. Idempotent."""

    def append(self, rollout_id: RolloutId, key: str, text: str, now: datetime, **data: Any) -> None:
        """Append a line; a repeated call with the same key writes nothing."""


class GatesStore(Protocol):
    """Every method may be called again with the same arguments and leaves the same state."""

    def mark_time(self, rollout_id: RolloutId, name: str, now: datetime) -> None:
        """Store when something happened first, such as ``shifted_0``; a later call changes nothing."""

    def record_hold(self, rollout_id: RolloutId, hold: Hold) -> None:
        """Store what holds the rollout; a fenced or closed one is left alone."""


class GatesPorts(Protocol):
    """Everything that this room is given."""

    @property
    def events(self) -> GatesEvents: ...

    @property
    def gates(self) -> GatesGates: ...

    @property
    def history(self) -> GatesHistory: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def store(self) -> GatesStore: ...
