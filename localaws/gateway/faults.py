"""Fault injection: makes the next calls of an operation fail, before or after their effect, or answer otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from localaws.service_api import AwsError, Call, Result


@dataclass(slots=True)
class Fault:
    """The next ``left`` matching calls answer ``error``; with ``after_effect`` only once the work is done."""

    service: str
    operation: str
    role: str | None
    error: AwsError
    left: int
    after_effect: bool

    def hits(self, call: Call, *, after_effect: bool) -> bool:
        return (
            self.left > 0
            and (self.service, self.operation, self.after_effect) == (call.service, call.operation, after_effect)
            and self.role in (None, call.role)
        )


@dataclass(slots=True)
class Alteration:
    """The next ``left`` calls of our own operation answer what ``alter`` makes of their answer."""

    service: str
    operation: str
    alter: Callable[[Result], Result]
    left: int


THROTTLED = AwsError("ThrottlingException", "Rate exceeded")
UNAVAILABLE = AwsError("InternalFailure", "An internal error occurred.", 500)
TRANSACTION_CONFLICT = AwsError("TransactionConflictException", "Transaction is ongoing for the item")
"""Of DynamoDB, for a single write to an item of an ongoing transaction. The local one answers call by call, so that it
never happens by itself: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html"""


class Faults:
    """The failures still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._alterations: list[Alteration] = []

    def alter(self, service: str, operation: str, alter: Callable[[Result], Result], *, times: int = 1) -> Alteration:
        """Make the next ``times`` answers others; ``left`` of the result counts down. Not for operations of moto's."""
        alteration = Alteration(service, operation, alter, times)
        with self._lock:
            self._alterations.append(alteration)
        return alteration

    def altered(self, call: Call, answer: Result) -> Result:
        """The answer to give to this call."""
        if not self._alterations:
            return answer
        with self._lock:
            found = [
                each
                for each in self._alterations
                if each.left > 0 and (each.service, each.operation) == (call.service, call.operation)
            ]
            for each in found[:1]:
                each.left -= 1
        return found[0].alter(answer) if found else answer

    def add(
        self,
        service: str,
        operation: str,
        error: AwsError = THROTTLED,
        *,
        times: int = 1,
        role: str | None = None,
        after_effect: bool = False,
    ) -> Fault:
        """Make the next ``times`` calls fail, of ``role`` (a name) when given; ``left`` of the result counts down."""
        fault = Fault(service, operation, role, error, times, after_effect)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything work again."""
        with self._lock:
            self._faults.clear()
            self._alterations.clear()

    def inject(self, call: Call, *, after_effect: bool) -> None:
        """Raise the error meant for this call, if any. ``call`` with role None is a developer's, never our own."""
        if not self._faults:
            return
        with self._lock:
            for fault in self._faults:
                if fault.hits(call, after_effect=after_effect):
                    fault.left -= 1
                    if fault.left == 0:
                        self._faults.remove(fault)
                    raise fault.error
