"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sluice.names import Names
from sluice.rollout.gates.gates import GateResponse
from sluice.rollout.model.record import Hold
from sluice.rollout_id import RolloutId


class DomainEventPublisher(Protocol):
    """Puts domain events on the default bus; the same fact may be published twice after a crash."""

    def publish(self, detail_type: str, **detail: Any) -> None:
        """Publish one event, e.g. ``publish("RolloutOpened", model="fraud", version=7)``."""


class GateInvoker(Protocol):
    """Invokes the Lambda functions that decide on gates."""

    def ask(self, arn: str, question: Mapping[str, Any]) -> GateResponse:
        """The function's response; a function that cannot be invoked or fails keeps its gate closed."""


class HistoryWriter(Protocol):
    """The history of rollouts. Idempotent."""

    def append(self, rollout_id: RolloutId, key: str, text: str, now: datetime, **data: Any) -> None:
        """Append a line; a repeated call with the same key writes nothing."""


class HoldStore(Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def mark_time(self, rollout_id: RolloutId, name: str, now: datetime) -> None:
        """Store when something happened first, such as ``shifted_0``; a later call changes nothing."""

    def record_hold(self, rollout_id: RolloutId, hold: Hold) -> None:
        """Store what holds the rollout; a fenced or closed one is left alone."""


class GatePorts(Protocol):
    """All ports of this package."""

    @property
    def events(self) -> DomainEventPublisher: ...

    @property
    def gates(self) -> GateInvoker: ...

    @property
    def history(self) -> HistoryWriter: ...

    @property
    def names(self) -> Names: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def store(self) -> HoldStore: ...
