"""What can go wrong, in two families: trying again helps, or it does not.

    SluiceError
    ├── RetryableError          the same call may succeed later
    │   ├── ThrottledError      AWS asked for fewer calls
    │   └── EndpointBusyError   the endpoint is still changing and refuses another change
    └── PermanentError          the same call fails again
        ├── SpecError           a model's file is wrong; carries every problem found
        └── UnknownModelError   no spec is stored for the model

Lambda reports an exception by the name of its class, and Step Functions compares that name as text: a base
class in a ``Retry`` does not cover its subclasses. So these names are part of the state machine and final,
and a state lists each retryable one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class SluiceError(Exception):
    """Anything Sluice itself raises."""


class RetryableError(SluiceError):
    """Trying the same thing again later may work."""


class PermanentError(SluiceError):
    """Trying the same thing again fails again."""


class ThrottledError(RetryableError):
    """AWS refused the call because of too many calls."""


class EndpointBusyError(RetryableError):
    """The endpoint is being created, updated, rolled back or deleted and refuses every change meanwhile."""


class UnknownModelError(PermanentError):
    """No spec is stored for this model in this stage."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a spec."""

    path: str
    """Where, e.g. ``rollout.stages[1].weight``; empty for the file as a whole."""
    value: object
    """What stands there; None when it is missing."""
    allowed: str
    """What may stand there, in words that fit after "allowed:"."""
    message: str
    """What is wrong with it."""

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.message} (allowed: {self.allowed})"


class SpecError(PermanentError):
    """A model's spec is wrong; ``problems`` holds all that was found, in the order of the file's fields."""

    problems: tuple[Problem, ...]

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))
